/**
 * The worker: takes jobs from a broker, works on `concurrency` of them at a time, and stops safely.
 *
 * Stopping (SIGTERM, SIGINT or `stop()`) is warm and bounded: it takes nothing more, puts reserved jobs back at once,
 * lets running ones finish for the grace time (30 s, as Heroku grants), asks them by their signal to end shortly before
 * it is over, and puts back what still runs, if it is of late ack. A second signal ends the grace at once. An outage of
 * the broker stops nothing: the worker says so once and tries again with growing pauses.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Broker, Consumer, Delivery, Log } from './broker.ts';
import { reportBusy } from './busy.ts';
import { controlsOf } from './controls.ts';
import { TasksError, textOf } from './errors.ts';
import { createPace } from './pace.ts';
import { attend } from './remote/attend.ts';
import { eventsOf } from './remote/events.ts';
import type { WorkerNode } from './remote/node.ts';
import { keptOf, type Prefetch, prefetchCount, roomIn } from './reserve.ts';
import type { Results } from './results.ts';
import type { Router } from './routes.ts';
import { change, closeLimitMs, type Ending, shutDown, withSignals } from './stop.ts';
import type { Definition } from './task.ts';
import { createPool, type PoolOptions } from './threads/pool.ts';
import { type Bench, emptyLoad, emptyLoads, holdOf, loadOf, reserve, withdraw } from './workbench.ts';

export interface WorkerOptions {
  /** Default: the app's queue. */
  readonly queues?: readonly string[];
  /** Jobs worked on at a time, as asynchronous slots of one thread. Default 4. */
  readonly concurrency?: number;
  /** The most jobs held beyond the running ones. Default 1,000; the worker holds what it starts within 0.2 s. */
  readonly prefetch?: number;
  /**
   * Celery's `worker_prefetch_multiplier`, in place of the rule above: it holds at most so many times `concurrency` jobs that
   * are not acknowledged, the running ones among them unless they are of early ack. 0: up to 1,000 beyond the running ones.
   */
  readonly prefetchMultiplier?: number;
  /** How long a stop waits for running jobs. Default 30. */
  readonly graceSeconds?: number;
  /** The part before the @ of its name in monitors. Default: HEADCOUNT_PROCESS, else DYNO, else the number of the process. */
  readonly name?: string;
  /** Answers `celery inspect` and `celery control`, and sends a heartbeat, where the broker can. Default true. */
  readonly remoteControl?: boolean;
  /** Sends an event for each step of each job; monitors can switch it on and off. Default false, as in Celery. */
  readonly events?: boolean;
  /**
   * Of so many jobs that failed for good the broker keeps the messages, for a week, so that they can be sent again. 0: of none.
   * On Redis only. Default 1,000.
   */
  readonly keepFailed?: number;
  /** After so many jobs it stops, warm, so that a supervisor starts a fresh one. Default: never. */
  readonly maxTasks?: number;
  /** The same when the process takes more memory than this. Default: never. */
  readonly maxMemoryBytes?: number;
  /**
   * 'slots' (default): handlers share one thread, which suits those that wait. 'threads': each job has a thread, for
   * handlers that compute, block or must be ended when they take too long. Needs `taskModule`.
   */
  readonly pool?: 'slots' | 'threads';
  /** Path or URL of the module that defines the tasks; each thread loads it. It must not start a worker. */
  readonly taskModule?: string | URL;
  /** After so many jobs a thread is replaced. Default: never. */
  readonly maxTasksPerThread?: number;
  /** A thread that holds more after a job is replaced; one that takes twice as much is ended. Default: Node's own limit. */
  readonly maxThreadMemoryBytes?: number;
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
  readonly route: Router;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly prefetch: Prefetch;
  readonly graceSeconds: number;
  readonly name: string;
  readonly remoteControl: boolean;
  readonly events: boolean;
  readonly keepFailed: number;
  readonly maxTasks: number;
  readonly maxMemoryBytes: number;
  /** Absent: handlers run in this thread. */
  readonly threads: Omit<PoolOptions, 'slots' | 'log'> | undefined;
  /** The address of the broker, without password. */
  readonly address: string;
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
const upkeepEveryMs = 500;

export function createWorker(around: WorkerSurroundings): Worker {
  const stopper: Stopper = { warm: new AbortController(), cold: new AbortController() };
  let ended: Promise<void> = Promise.resolve();
  const stop = (cold: boolean): void => {
    if (cold || stopper.warm.signal.aborted) stopper.cold.abort();
    stopper.warm.abort();
  };
  return {
    run: (options = {}) => {
      const ending = run(around, stopper);
      ended = ending.then(() => {});
      return options.handleSignals ? withSignals(ending, around.log, () => stop(false)) : ended;
    },
    stop: (options = {}) => {
      stop(options.cold ?? false);
      return ended.catch(() => {});
    },
  };
}

async function run(around: WorkerSurroundings, stopper: Stopper): Promise<Ending> {
  const controls = controlsOf(around.tasks);
  const loads = emptyLoads(around.queues);
  const reserved: Bench['reserved'] = [];
  let bench: Bench | undefined;
  const slots = (): number => bench?.slots ?? around.concurrency;
  const stopped = stopper.warm.signal;
  const load = () => loadOf(loads, reserved, stopped.aborted ? undefined : slots());
  const pool = around.threads && createPool({ ...around.threads, slots, log: around.log });
  await pool?.start(around.tasks.keys());
  const connected = await connect(around, stopped, { slots, load });
  if (!connected) {
    await pool?.close();
    return { abandoned: 0, retired: false };
  }
  const remote = around.remoteControl ? connected.broker.remote : undefined;
  let retired = false;
  bench = {
    ...connected,
    controls,
    loads,
    reserved,
    slots: around.concurrency,
    queues: around.queues,
    remaining: around.maxTasks,
    totals: new Map(),
    events: eventsOf(remote, around.name, around.events),
    tasks: around.tasks,
    results: around.results,
    ignoreResult: around.ignoreResult,
    keepFailed: around.keepFailed,
    route: around.route,
    pace: createPace(around.prefetch.most, Date.now()),
    pool,
    busy: reportBusy(slots, (resting) => rest(bench, resting)),
    log: around.log,
    random: around.random,
    running: new Set(),
    acknowledged: 0,
    finishing: 0,
    stopping: false,
    changed: () => {},
    scheduled: false,
    rateTimer: undefined,
    retire: (why) => {
      if (stopped.aborted) return;
      around.log('info', `stopping, to make room for a fresh process: ${why}`);
      retired = true;
      stopper.warm.abort();
    },
  };
  const attendance = remote && attend(remote, nodeOf(bench, around, stopper));
  await attendance?.ready;
  bench.busy.update(0);
  const abandoned = await work(bench, around, stopper);
  await Promise.race([attendance?.close(), pause(closeLimitMs, undefined, { ref: false })]);
  await pool?.close();
  return { abandoned, retired };
}

async function work(bench: Bench, around: WorkerSurroundings, stopper: Stopper): Promise<number> {
  const upkeep = setInterval(() => {
    giveBackSurplus(bench, around.prefetch);
    const bytes = around.maxMemoryBytes === Infinity ? 0 : process.memoryUsage.rss();
    if (bytes > around.maxMemoryBytes)
      bench.retire(`it takes ${Math.round(bytes / 1e6)} MB, more than it may`);
  }, upkeepEveryMs);
  await takeJobs(bench, around.prefetch, stopper.warm.signal);
  clearInterval(upkeep);
  clearTimeout(bench.rateTimer);
  const abandoned = await shutDown(bench, around.graceSeconds, stopper.cold.signal);
  bench.busy.close();
  return abandoned;
}

function nodeOf(bench: Bench, around: WorkerSurroundings, stopper: Stopper): WorkerNode {
  return {
    bench,
    name: around.name,
    broker: around.address,
    prefetch: around.prefetch.most,
    startedMs: Date.now(),
    prefetchNow: () =>
      prefetchCount(around.prefetch, bench.slots) ?? bench.slots + bench.pace.reserve(Date.now()),
    takeFrom: (queues) => takeFrom(bench, queues),
    stop: () => stopper.warm.abort(),
  };
}

/** Told by the process that started it, because it is to go: what it has not begun goes back at once. */
function rest(bench: Bench | undefined, resting: boolean): void {
  if (!bench) return;
  if (resting) putBack(bench, bench.reserved.splice(0));
  bench.changed();
}

function putBack(bench: Bench, deliveries: readonly Delivery[]): void {
  for (const delivery of deliveries)
    void bench.consumer.settle(delivery, { kind: 'putBack', started: false });
}

/** What it holds of a queue that it gives up goes back at once: others may want it, and it may be about to end. */
async function takeFrom(bench: Bench, queues: readonly string[]): Promise<void> {
  if (!bench.consumer.takeFrom)
    throw new TasksError(
      'OPTION_INVALID',
      'The queues of this worker cannot be changed',
      'its broker fixes them when the worker starts',
      'Start a worker with other queues',
    );
  for (const queue of queues) if (!bench.loads.has(queue)) bench.loads.set(queue, emptyLoad(queue));
  bench.queues = queues;
  await bench.consumer.takeFrom(queues);
  putBack(
    bench,
    withdraw(bench, ({ queue }) => !queues.includes(queue)),
  );
  bench.changed();
}

/** Undefined when it was stopped before the broker answered. */
async function connect(
  around: WorkerSurroundings,
  stopped: AbortSignal,
  now: { slots(): number; load(): ReturnType<typeof loadOf> },
): Promise<{ broker: Broker; consumer: Consumer } | undefined> {
  const { queues, name, concurrency: slots, log } = around;
  const note = (text: string): void => log('warn', text);
  const trouble = troubleLog(log);
  while (!stopped.aborted) {
    try {
      const broker = await around.broker();
      const most = (): number | undefined => prefetchCount(around.prefetch, now.slots());
      const consumer = await broker.consume({ queues, name, slots, load: now.load, most, note });
      trouble.over();
      return { broker, consumer };
    } catch (error) {
      if (!canPass(error)) throw error;
      await trouble.pause(error, stopped);
    }
  }
  return undefined;
}

async function takeJobs(bench: Bench, prefetch: Prefetch, stopped: AbortSignal): Promise<void> {
  const trouble = troubleLog(bench.log);
  const onStop = (): void => bench.changed();
  stopped.addEventListener('abort', onStop);
  while (!stopped.aborted) {
    const room = bench.busy.resting() ? 0 : roomIn(holdOf(bench), prefetch);
    if (room === 0) {
      await change(bench);
      continue;
    }
    try {
      const deliveries = await bench.consumer.take(room, stopped);
      trouble.over();
      if (bench.busy.resting()) putBack(bench, deliveries);
      else reserve(bench, deliveries);
    } catch (error) {
      await trouble.pause(error, stopped);
    }
    // A broker in this process may answer without ever going through the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  }
  stopped.removeEventListener('abort', onStop);
}

/** Jobs turned slow: what this worker will not start soon is for others. */
function giveBackSurplus(bench: Bench, prefetch: Prefetch): void {
  putBack(bench, bench.reserved.splice(keptOf(holdOf(bench), prefetch)));
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
