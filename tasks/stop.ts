/**
 * How a worker stops: it puts back at once what it has not started, waits for what runs, asks it to end shortly before the
 * grace time is over, and gives up what does not. Bounded at every step, because whoever stops a worker kills it
 * otherwise, and a killed worker's jobs come back late.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from './broker.ts';
import { isLate } from './conclude.ts';
import { textOf } from './errors.ts';
import { type Bench, free } from './workbench.ts';

export interface Ending {
  /** Jobs whose handlers did not end. */
  readonly abandoned: number;
  /** It stopped by itself, to make room for a fresh process. */
  readonly retired: boolean;
}

/** What the broker gets at the end to take the last settlements. */
export const closeLimitMs = 5_000;
/** After a signal whose grace time was not enough: what the program gets for its own last steps. */
const exitAfterMs = 1_000;
/** EX_TEMPFAIL of sysexits.h: supervisors that restart only what failed restart this. */
const restartCode = 75;

/** Answers with the number of jobs whose handlers did not end. */
export async function shutDown(bench: Bench, graceSeconds: number, cold: AbortSignal): Promise<number> {
  bench.stopping = true;
  for (const delivery of bench.reserved.splice(0))
    void bench.consumer.settle(delivery, { kind: 'putBack', started: false });
  const graceMs = graceSeconds * 1000;
  const idle = (): boolean => bench.running.size === 0 && bench.finishing === 0;
  await quiet(bench, idle, graceMs * 0.9, cold);
  const reason = new DOMException('the worker stops', 'AbortError');
  for (const job of bench.running) job.stop.abort(reason);
  await quiet(bench, idle, graceMs * 0.1, cold);
  const abandoned = abandon(bench);
  await Promise.race([
    bench.consumer.close().catch((error: unknown) => {
      bench.log('error', `the broker did not take the last word of this worker: ${textOf(error)}`);
    }),
    pause(closeLimitMs, undefined, { ref: false }),
  ]);
  return abandoned;
}

async function quiet(bench: Bench, idle: () => boolean, limitMs: number, cold: AbortSignal): Promise<void> {
  const over = AbortSignal.any([cold, AbortSignal.timeout(Math.round(limitMs))]);
  over.addEventListener('abort', () => bench.changed());
  while (!idle() && !over.aborted) await change(bench);
}

export function change(bench: Bench): Promise<void> {
  return new Promise((resolve) => {
    bench.changed = resolve;
  });
}

function abandon(bench: Bench): number {
  const jobs = [...bench.running];
  for (const job of jobs) {
    job.abandoned = true;
    job.kill?.();
    free(bench, job);
    const back = isLate(job);
    const fate = back ? 'is put back' : 'is lost, as it is of early ack';
    bench.log('warn', `${job.message.task}[${job.message.id}] did not end within the grace time and ${fate}`);
    if (back) void bench.consumer.settle(job.delivery, { kind: 'putBack', started: true });
  }
  return jobs.length;
}

export async function withSignals(ending: Promise<Ending>, log: Log, stop: () => void): Promise<void> {
  const onSignal = (signal: NodeJS.Signals): void => {
    log('info', `${signal}: stopping; a second one stops at once`);
    stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  try {
    // A handler that did not end could keep the process alive for ever.
    const { abandoned, retired } = await ending;
    if (retired) process.exitCode ??= restartCode;
    if (abandoned > 0) setTimeout(() => process.exit(), exitAfterMs).unref();
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
}
