/**
 * The worker: takes jobs from a broker, works on `concurrency` of them at a time, and stops safely.
 *
 * Stopping (SIGTERM, SIGINT or `stop()`) is warm and bounded: it takes nothing more, puts reserved jobs back at once,
 * lets running ones finish, asks them by their signal to end, and puts back what still runs, if it is of late ack: all
 * within the grace time (30 s, as Heroku grants). A second signal ends it at once. An outage of the broker stops
 * nothing: the worker says so once and tries again with growing pauses.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Broker, Consumer, Delivery, Log } from './broker.ts';
import { reportBusy } from './busy.ts';
import { controlsOf } from './controls.ts';
import { TasksError } from './errors.ts';
import { createPace } from './pace.ts';
import { attend } from './remote/attend.ts';
import { eventsOf } from './remote/events.ts';
import type { WorkerNode } from './remote/node.ts';
import { keptOf, type Prefetch, prefetchCount, roomIn } from './reserve.ts';
import type { Results } from './results.ts';
import type { Router } from './routes.ts';
import { change, type Ending, shutDown, stepsOf, withSignals } from './stop.ts';
import type { Definition } from './task.ts';
import { createPool, type PoolOptions, type ThreadPool } from './threads/pool.ts';
import { canPass, troubleLog } from './trouble.ts';
import {
  type Bench,
  emptyLoad,
  emptyLoads,
  holdOf,
  loadOf,
  type RunningJob,
  reserve,
  withdraw,
} from './workbench.ts';

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
  /** What a stop may take: running jobs have nine tenths of it, and the broker the rest. Default 30, as Heroku grants. */
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
  /** Something in its process threw, and nobody caught it. */
  crashed: boolean;
  running(): readonly RunningJob[];
  /** Aborted by the first stop. */
  readonly warm: AbortController;
  /** Aborted by the second. */
  readonly cold: AbortController;
}

const upkeepEveryMs = 500;

export function createWorker(around: WorkerSurroundings): Worker {
  const stopper: Stopper = {
    crashed: false,
    running: () => [],
    warm: new AbortController(),
    cold: new AbortController(),
  };
  const crashed = (): void => {
    stopper.crashed = true;
    stopper.warm.abort();
  };
  let ended: Promise<void> = Promise.resolve();
  const stop = (cold: boolean): void => {
    if (cold || stopper.warm.signal.aborted) stopper.cold.abort();
    stopper.warm.abort();
  };
  return {
    run: (options = {}) => {
      const ending = run(around, stopper);
      ended = ending.then(() => {});
      const { log } = around;
      const watched = { log, running: () => stopper.running(), stop: () => stop(false), crashed };
      return options.handleSignals ? withSignals(ending, watched) : ended;
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
  const connected = await begin(around, pool, stopped, { slots, load });
  if (!connected) return { abandoned: 0, retired: false, cutOff: false };
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
    pace: createPace(around.prefetch.most, performance.now()),
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
  const atWork = bench;
  stopper.running = () => [...atWork.running];
  const attendance = remote && attend(remote, nodeOf(bench, around, stopper));
  await attendance?.ready;
  bench.busy.update(0);
  const ended = await work(bench, around, stopper);
  const limitMs = ended.cutOff ? 0 : stepsOf(around.graceSeconds).closeMs;
  const left = Promise.race([attendance?.close(), pause(limitMs, undefined, { ref: false })]);
  await Promise.all([left, pool?.close()]);
  return { ...ended, retired };
}

async function work(
  bench: Bench,
  around: WorkerSurroundings,
  stopper: Stopper,
): Promise<Omit<Ending, 'retired'>> {
  const upkeep = setInterval(() => {
    giveBackSurplus(bench, around.prefetch);
    const bytes = around.maxMemoryBytes === Infinity ? 0 : process.memoryUsage.rss();
    if (bytes > around.maxMemoryBytes)
      bench.retire(`it takes ${Math.round(bytes / 1e6)} MB, more than it may`);
  }, upkeepEveryMs);
  await takeJobs(bench, around.prefetch, stopper.warm.signal);
  clearInterval(upkeep);
  clearTimeout(bench.rateTimer);
  const { crashed, cold } = stopper;
  const ended = await shutDown(bench, { graceSeconds: around.graceSeconds, crashed, cold: cold.signal });
  bench.busy.close();
  return ended;
}

function nodeOf(bench: Bench, around: WorkerSurroundings, stopper: Stopper): WorkerNode {
  return {
    bench,
    name: around.name,
    broker: around.address,
    prefetch: around.prefetch.most,
    startedMs: Date.now(),
    prefetchNow: () =>
      prefetchCount(around.prefetch, bench.slots) ?? bench.slots + bench.pace.reserve(performance.now()),
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

/** Its threads and its connection. Undefined when it was stopped meanwhile; a module may take its time, and a stop may not. */
async function begin(
  around: WorkerSurroundings,
  pool: ThreadPool | undefined,
  stopped: AbortSignal,
  now: Parameters<typeof connect>[2],
): Promise<Awaited<ReturnType<typeof connect>>> {
  const told = new Promise<void>((resolve) => {
    stopped.addEventListener('abort', () => resolve());
    if (stopped.aborted) resolve();
  });
  let connected: Awaited<ReturnType<typeof connect>>;
  try {
    await Promise.race([pool?.start(around.tasks.keys()), told]);
    connected = await connect(around, stopped, now);
    return connected;
  } finally {
    if (!connected) await pool?.close();
  }
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
