/**
 * How a worker stops: it puts back at once what it has not started, waits for what runs, asks it to end, gives up what does
 * not, and tells the broker, all of it within the grace time: whoever stops a worker kills it when that is over, and a
 * killed worker's jobs come back late. Of Heroku's 30 seconds jobs have 27, and are asked to end after 24.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { crashedCode, watchAccidents } from './accidents.ts';
import { endedOneMore, type Log, type Settlement, wornOut } from './broker.ts';
import { isLate, refuseWorn } from './conclude.ts';
import { textOf } from './errors.ts';
import { longestTimerMs } from './timer.ts';
import { type Bench, finish, free, type RunningJob } from './workbench.ts';

export interface Ending {
  /** Jobs whose handlers did not end. */
  readonly abandoned: number;
  /** It stopped by itself, to make room for a fresh process. */
  readonly retired: boolean;
  /** The broker was away and did not take the last word; its client may try for ever. */
  readonly cutOff: boolean;
}

/** When a stop does what, in milliseconds. */
export interface Steps {
  /** From its beginning until jobs are asked to end. */
  readonly askMs: number;
  /** From then until they are given up. */
  readonly giveUpMs: number;
  /** What the broker gets at the end to take the last settlements: what is left, within bounds. */
  readonly closeMs: number;
}

export function stepsOf(graceSeconds: number): Steps {
  const part = (share: number): number => Math.min(longestTimerMs, Math.floor(graceSeconds * share * 1_000));
  return { askMs: part(0.8), giveUpMs: part(0.1), closeMs: Math.min(5_000, Math.max(3_000, part(0.1))) };
}

/** After a signal whose grace time was not enough: what the program gets for its own last steps. */
const exitAfterMs = 1_000;
/** EX_TEMPFAIL of sysexits.h: supervisors that restart only what failed restart this. */
const restartCode = 75;

export interface Stopping {
  readonly graceSeconds: number;
  readonly cold: AbortSignal;
  /** An exception that nobody caught stopped it: what does not end is what may have thrown it. */
  readonly crashed: boolean;
}

export async function shutDown(
  bench: Bench,
  { graceSeconds, cold, crashed }: Stopping,
): Promise<Omit<Ending, 'retired'>> {
  bench.stopping = true;
  for (const delivery of bench.reserved.splice(0))
    void bench.consumer.settle(delivery, { kind: 'putBack', started: false });
  const { askMs, giveUpMs, closeMs } = stepsOf(graceSeconds);
  const idle = (): boolean => bench.running.size === 0 && bench.finishing === 0;
  await quiet(bench, idle, askMs, cold);
  const reason = new DOMException('the worker stops', 'AbortError');
  for (const job of bench.running) job.stop.abort(reason);
  await quiet(bench, idle, giveUpMs, cold);
  const abandoned = abandon(bench, crashed);
  if (crashed) await quiet(bench, idle, closeMs / 2, cold);
  const cutOff = await Promise.race([
    bench.consumer.close().then(
      () => false,
      (error: unknown) => {
        bench.log('error', `the broker did not take the last word of this worker: ${textOf(error)}`);
        return true;
      },
    ),
    pause(closeMs, true, { ref: false }),
  ]);
  return { abandoned, cutOff };
}

async function quiet(bench: Bench, idle: () => boolean, limitMs: number, cold: AbortSignal): Promise<void> {
  // Not AbortSignal.timeout within AbortSignal.any: Node 20 lets the garbage collector take it, and then it never comes.
  let over = cold.aborted;
  const end = (): void => {
    over = true;
    bench.changed();
  };
  const timer = setTimeout(end, limitMs);
  cold.addEventListener('abort', end);
  while (!idle() && !over) await change(bench);
  clearTimeout(timer);
  cold.removeEventListener('abort', end);
}

export function change(bench: Bench): Promise<void> {
  return new Promise((resolve) => {
    bench.changed = resolve;
  });
}

function abandon(bench: Bench, crashed: boolean): number {
  const jobs = [...bench.running];
  for (const job of jobs) {
    job.abandoned = true;
    job.kill?.();
    free(bench, job);
    const back = isLate(job);
    const fate = back ? 'is put back' : 'is lost, as it is of early ack';
    bench.log('warn', `${job.message.task}[${job.message.id}] did not end within the grace time and ${fate}`);
    if (back) goBack(bench, job, crashed);
  }
  return jobs.length;
}

/** What ends one worker after the other in this way must not do so for ever. */
function goBack(bench: Bench, { delivery, message }: RunningJob, crashed: boolean): void {
  const counted = crashed ? endedOneMore(message) : message;
  if (!counted) {
    finish(bench, () => refuseWorn(bench, delivery, message, wornOut()), delivery);
    return;
  }
  const settlement: Settlement = crashed
    ? { kind: 'replace', message: counted }
    : { kind: 'putBack', started: true };
  void bench.consumer.settle(delivery, settlement);
}

/** What the process of a worker hears, where it is the worker's own. */
export interface Watched {
  readonly log: Log;
  running(): readonly RunningJob[];
  stop(): void;
  /** Stops it, too, and the jobs that do not end are suspects. */
  crashed(): void;
}

export async function withSignals(ending: Promise<Ending>, watched: Watched): Promise<void> {
  const { log, stop } = watched;
  let crashed = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    log('info', `${signal}: stopping; a second one stops at once`);
    stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  const unwatch = watchAccidents(log, watched.running, () => {
    if (!crashed) watched.crashed();
    crashed = true;
  });
  try {
    // A handler that did not end could keep the process alive for ever.
    const { abandoned, retired, cutOff } = await ending;
    if (crashed) process.exitCode ??= crashedCode;
    if (retired) process.exitCode ??= restartCode;
    if (abandoned > 0 || crashed || cutOff) setTimeout(() => process.exit(), exitAfterMs).unref();
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
    // What threw may throw again in the second that is left.
    if (!crashed) unwatch();
  }
}
