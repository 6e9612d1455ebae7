/**
 * The worker: takes jobs from a broker, works on `concurrency` of them at a time, and stops safely.
 *
 * Stopping (SIGTERM, SIGINT or `stop()`) is warm and bounded: it takes nothing more, puts reserved jobs back at once,
 * lets running ones finish for the grace time (30 s, as Heroku grants), asks them by their signal to end shortly before
 * it is over, and puts back what still runs, if it is of late ack. A second signal ends the grace at once. An outage of
 * the broker stops nothing: the worker says so once and tries again with growing pauses.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Broker, Consumer, Log } from './broker.ts';
import { reportBusy } from './busy.ts';
import { TasksError, textOf } from './errors.ts';
import { createPace } from './pace.ts';
import type { Results } from './results.ts';
import type { Definition } from './task.ts';
import { type Bench, emptyLoads, free, isLate, loadOf, schedule } from './workbench.ts';

export interface WorkerOptions {
  /** Default: the app's queue. */
  readonly queues?: readonly string[];
  /** Jobs worked on at a time, as asynchronous slots of one thread. Default 4. */
  readonly concurrency?: number;
  /** The most jobs held beyond the running ones. Default 200; the worker holds what it starts within 0.2 s. */
  readonly prefetch?: number;
  /** How long a stop waits for running jobs. Default 30. */
  readonly graceSeconds?: number;
  /** For people. Default: HEADCOUNT_PROCESS, else pid@host. */
  readonly name?: string;
}

export interface Worker {
  /** Works until it is stopped. Rejects only for what no waiting can mend, such as a missing package. */
  run(options?: { readonly handleSignals?: boolean }): Promise<void>;
  /** Warm stop; a second call, or `cold`, ends the grace time. Resolves when `run` has ended. */
  stop(options?: { readonly cold?: boolean }): Promise<void>;
}

/** What the app lends to its worker, with every option filled in. */
export interface WorkerSurroundings {
  readonly broker: () => Promise<Broker>;
  readonly results: (() => Promise<Results>) | undefined;
  readonly tasks: ReadonlyMap<string, Definition>;
  readonly ignoreResult: boolean;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly prefetch: number;
  readonly graceSeconds: number;
  readonly name: string;
  readonly log: Log;
  readonly random: () => number;
}

interface Stopper {
  /** Aborted by the first stop. */
  readonly warm: AbortController;
  /** Aborted by the second. */
  readonly cold: AbortController;
}

const longestPauseMs = 10_000;
/** What the broker gets at the end to take the last settlements. */
const closeLimitMs = 5_000;
const surplusEveryMs = 500;
/** After a signal whose grace time was not enough: what the program gets for its own last steps. */
const exitAfterMs = 1_000;

export function createWorker(around: WorkerSurroundings): Worker {
  const stopper: Stopper = { warm: new AbortController(), cold: new AbortController() };
  let ended: Promise<void> = Promise.resolve();
  const stop = (cold: boolean): void => {
    if (cold || stopper.warm.signal.aborted) stopper.cold.abort();
    stopper.warm.abort();
  };
  return {
    run: (options = {}) => {
      const abandoned = run(around, stopper);
      ended = abandoned.then(() => {});
      return options.handleSignals ? withSignals(abandoned, around.log, () => stop(false)) : ended;
    },
    stop: (options = {}) => {
      stop(options.cold ?? false);
      return ended.catch(() => {});
    },
  };
}

/** Answers with the number of jobs whose handlers did not end. */
async function run(around: WorkerSurroundings, stopper: Stopper): Promise<number> {
  const busy = reportBusy(around.concurrency);
  const loads = emptyLoads(around.queues);
  const reserved: Bench['reserved'] = [];
  const slots = (): number | undefined => (stopper.warm.signal.aborted ? undefined : around.concurrency);
  const connected = await connect(around, stopper.warm.signal, () => loadOf(loads, reserved, slots()));
  if (!connected) return 0;
  const bench: Bench = {
    ...connected,
    slots: around.concurrency,
    tasks: around.tasks,
    results: around.results,
    ignoreResult: around.ignoreResult,
    pace: createPace(around.prefetch, Date.now()),
    busy,
    loads,
    log: around.log,
    random: around.random,
    reserved,
    running: new Set(),
    finishing: 0,
    stopping: false,
    changed: () => {},
    scheduled: false,
  };
  busy.update(0);
  const surplus = setInterval(() => giveBackSurplus(bench), surplusEveryMs);
  await takeJobs(bench, stopper.warm.signal);
  clearInterval(surplus);
  const abandoned = await shutDown(bench, around, stopper.cold.signal);
  busy.close();
  return abandoned;
}

/** Undefined when it was stopped before the broker answered. */
async function connect(
  around: WorkerSurroundings,
  stopped: AbortSignal,
  load: () => ReturnType<typeof loadOf>,
): Promise<{ broker: Broker; consumer: Consumer } | undefined> {
  const { queues, name, concurrency: slots, log } = around;
  const note = (text: string): void => log('warn', text);
  const trouble = troubleLog(log);
  while (!stopped.aborted) {
    try {
      const broker = await around.broker();
      const consumer = await broker.consume({ queues, name, slots, load, note });
      trouble.over();
      return { broker, consumer };
    } catch (error) {
      if (!canPass(error)) throw error;
      await trouble.pause(error, stopped);
    }
  }
  return undefined;
}

async function takeJobs(bench: Bench, stopped: AbortSignal): Promise<void> {
  const trouble = troubleLog(bench.log);
  const onStop = (): void => bench.changed();
  stopped.addEventListener('abort', onStop);
  while (!stopped.aborted) {
    const room = roomOf(bench);
    if (room === 0) {
      await change(bench);
      continue;
    }
    try {
      const deliveries = await bench.consumer.take(room, stopped);
      trouble.over();
      for (const delivery of deliveries) bench.reserved.push(delivery);
      if (deliveries.length > 0) schedule(bench);
    } catch (error) {
      await trouble.pause(error, stopped);
    }
    // A broker in this process may answer without ever going through the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  }
  stopped.removeEventListener('abort', onStop);
}

/** How many to ask for now. Half of the reserve must be gone first, so that jobs come in batches. */
function roomOf(bench: Bench): number {
  const idle = bench.slots - bench.running.size;
  const reserve = bench.pace.reserve(Date.now());
  const held = bench.reserved.length;
  return held > idle + reserve / 2 || (held > 0 && held >= idle + reserve) ? 0 : idle + reserve - held;
}

/** Jobs turned slow: what this worker will not start soon is for others. */
function giveBackSurplus(bench: Bench): void {
  const enough = 2 * bench.pace.reserve(Date.now()) + bench.slots;
  for (const delivery of bench.reserved.splice(enough))
    void bench.consumer.settle(delivery, { kind: 'putBack', started: false });
}

async function shutDown(bench: Bench, around: WorkerSurroundings, cold: AbortSignal): Promise<number> {
  bench.stopping = true;
  for (const delivery of bench.reserved.splice(0))
    void bench.consumer.settle(delivery, { kind: 'putBack', started: false });
  const graceMs = around.graceSeconds * 1000;
  const idle = (): boolean => bench.running.size === 0 && bench.finishing === 0;
  await quiet(bench, idle, graceMs * 0.9, cold);
  const reason = new DOMException('the worker stops', 'AbortError');
  for (const job of bench.running) job.stop.abort(reason);
  await quiet(bench, idle, graceMs * 0.1, cold);
  const abandoned = abandon(bench);
  await Promise.race([
    bench.consumer.close().catch((error: unknown) => {
      around.log('error', `the broker did not take the last word of this worker: ${textOf(error)}`);
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

function change(bench: Bench): Promise<void> {
  return new Promise((resolve) => {
    bench.changed = resolve;
  });
}

function abandon(bench: Bench): number {
  const jobs = [...bench.running];
  for (const job of jobs) {
    job.abandoned = true;
    free(bench, job);
    const back = isLate(job);
    const fate = back ? 'is put back' : 'is lost, as it is of early ack';
    bench.log('warn', `${job.message.task}[${job.message.id}] did not end within the grace time and ${fate}`);
    if (back) void bench.consumer.settle(job.delivery, { kind: 'putBack', started: true });
  }
  return jobs.length;
}

/** Says once that something is wrong, and once that it is over; pauses grow from 0.1 to 10 seconds. */
function troubleLog(log: Log): { pause(error: unknown, stopped: AbortSignal): Promise<void>; over(): void } {
  let failures = 0;
  return {
    pause: async (error, stopped) => {
      if (failures++ === 0) log('warn', `${textOf(error)} The worker keeps trying.`);
      const longest = Math.min(longestPauseMs, 100 * 2 ** failures);
      await pause(longest * (0.5 + Math.random() / 2), undefined, { signal: stopped }).catch(() => {});
    },
    over: () => {
      if (failures > 0) log('info', 'the broker answers again');
      failures = 0;
    },
  };
}

function canPass(error: unknown): boolean {
  const passing: readonly string[] = ['BROKER_UNREACHABLE', 'BROKER_BUSY'];
  return error instanceof TasksError && passing.includes(error.code);
}

async function withSignals(abandoned: Promise<number>, log: Log, stop: () => void): Promise<void> {
  const onSignal = (signal: NodeJS.Signals): void => {
    log('info', `${signal}: stopping; a second one stops at once`);
    stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  try {
    // A handler that did not end could keep the process alive for ever.
    if ((await abandoned) > 0) setTimeout(() => process.exit(), exitAfterMs).unref();
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
}
