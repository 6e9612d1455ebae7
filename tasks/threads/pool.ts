/**
 * A pool of threads for handlers that compute: each thread works on one job, so a handler that blocks its thread stops
 * neither the others nor the worker's loop (lease renewals, remote control, signals). A thread can be ended, which an
 * asynchronous slot cannot: a hard time limit and `revoke(terminate)` do it. A thread that ends by itself (process.exit,
 * an uncaught error, no memory left) loses its job only, which then fails as Celery's WorkerLostError or goes back.
 *
 * Processes, as Celery forks them, were the other way: they start in a second instead of a tenth of it and share no
 * memory. What ends the whole process (a native crash) is covered by the leases of the broker.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { endedOneMore, type Log } from '../broker.ts';
import { TasksError, textOf } from '../errors.ts';
import { type Attempt, type Outcome, outcomeOf, timeLimits } from '../work.ts';
import {
  type Abort,
  arrived,
  crossedError,
  errorOf,
  type FromThread,
  orderOf,
  type ToThread,
} from './crossing.ts';
import { addressOf, programFor } from './program.ts';
import type { ThreadData } from './thread.ts';

export interface PoolOptions {
  /** Path or address of the module that defines the tasks. */
  readonly module: string | URL;
  /** How many threads there should be now. */
  readonly slots: () => number;
  readonly maxTasksPerThread: number;
  readonly maxThreadMemoryBytes: number;
  readonly log: Log;
}

export interface ThreadPool {
  /** Starts them all. Rejects when the module cannot be loaded, or defines none of `tasks`. */
  start(tasks: Iterable<string>): Promise<void>;
  has(task: string): boolean;
  run(job: Attempt): { readonly outcome: Promise<Outcome>; kill(): void };
  /** Bounded to two seconds. */
  close(): Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  readonly aborts: MessagePort;
  readonly ready: Promise<readonly string[]>;
  jobs: number;
  heapBytes: number;
  /** What the thread says next, and what its end means. */
  hear: (said: FromThread) => void;
  lost: (why: string) => void;
  busy: boolean;
  ended: boolean;
}

interface State {
  readonly options: PoolOptions;
  readonly threads: Set<Thread>;
  readonly idle: Thread[];
  /** On their way, and not promised to a job. */
  readonly starting: Set<Thread>;
  tasks: ReadonlySet<string>;
  closed: boolean;
}

const startLimitMs = 60_000;
const endLimitMs = 2_000;
const longestPauseMs = 10_000;

/** Named as Celery's exception. */
class LostThread extends RangeError {
  override readonly name = 'WorkerLostError';
}

export function createPool(options: PoolOptions): ThreadPool {
  const state: State = {
    options,
    threads: new Set(),
    idle: [],
    starting: new Set(),
    tasks: new Set(),
    closed: false,
  };
  return {
    start: (tasks) => start(state, [...tasks]),
    has: (task) => state.tasks.has(task),
    run: (job) => {
      const killed = new AbortController();
      return { outcome: run(state, job, killed.signal), kill: () => killed.abort() };
    },
    close: async () => {
      state.closed = true;
      await Promise.all([...state.threads].map((thread) => end(state, thread)));
    },
  };
}

async function start(state: State, tasks: readonly string[]): Promise<void> {
  const threads = Array.from({ length: state.options.slots() }, () => spawn(state));
  try {
    const [names = []] = await Promise.all(threads.map(({ ready }) => ready));
    state.tasks = new Set(names);
  } catch (error) {
    for (const thread of threads) kill(state, thread);
    throw moduleInvalid(state.options.module, `it cannot be loaded in a thread: ${textOf(error)}`, error);
  }
  // Celery's built-in tasks are of the worker and not of the module.
  const missing = tasks.filter((name) => !state.tasks.has(name) && !name.startsWith('celery.'));
  if (missing.length === 0) return;
  for (const thread of threads) kill(state, thread);
  throw moduleInvalid(
    state.options.module,
    `it does not define ${missing.map((name) => `"${name}"`).join(', ')}`,
  );
}

async function run(state: State, job: Attempt, killed: AbortSignal): Promise<Outcome> {
  const thread = await acquire(state, killed);
  if (!thread) return { kind: 'failure', error: new LostThread('the worker stopped before the job started') };
  const limits = timeLimits(job);
  const aborted = job.stop.signal();
  const onAbort = (): void => {
    const word: Abort = { id: job.message.id, reason: crossedError(aborted.reason) };
    thread.aborts.postMessage(word);
  };
  const onKill = (): void => kill(state, thread);
  aborted.addEventListener('abort', onAbort);
  killed.addEventListener('abort', onKill);
  try {
    const answer = handOver(thread, job);
    if (aborted.aborted) onAbort();
    return await (limits ? Promise.race([answer, limits.exceeded]) : answer);
  } catch (thrown) {
    return thrown instanceof LostThread ? lostOutcome(job, thrown) : outcomeOf(job, thrown);
  } finally {
    limits?.clear();
    aborted.removeEventListener('abort', onAbort);
    killed.removeEventListener('abort', onKill);
    release(state, thread);
  }
}

function handOver(thread: Thread, { message, delivery }: Attempt): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    thread.busy = true;
    thread.jobs++;
    thread.lost = (why) => reject(new LostThread(`the thread that worked on it ended: ${why}`));
    thread.hear = (said) => {
      if (said.kind !== 'done') return;
      thread.busy = false;
      thread.heapBytes = said.heapBytes;
      try {
        resolve(arrived(said.outcome));
      } catch (error) {
        // A thread's stack is larger than this one's: it can write what is too deep to be read here.
        resolve({ kind: 'failure', error });
      }
    };
    if (thread.ended) thread.lost('before it began');
    else thread.worker.postMessage({ kind: 'job', order: orderOf(message, delivery) } satisfies ToThread);
  });
}

/** Fails like any error of its handler, unless its task says that it should go back; and then not for ever. */
function lostOutcome(job: Attempt, lost: LostThread): Outcome {
  if (!job.definition.options.requeueLost) return outcomeOf(job, lost);
  const instead = endedOneMore(job.message);
  return { kind: 'rejected', error: lost, requeue: instead !== undefined, ...(instead ? { instead } : {}) };
}

/** Undefined when the job was killed before it got a thread. A module that cannot be loaded any more is waited for. */
async function acquire(state: State, killed: AbortSignal): Promise<Thread | undefined> {
  for (let failures = 0; !killed.aborted && !state.closed; failures++) {
    const [begun] = state.starting;
    const thread = state.idle.pop() ?? begun ?? spawn(state);
    state.starting.delete(thread);
    try {
      await thread.ready;
      if (!thread.ended && !killed.aborted) return thread;
      if (!thread.ended) state.idle.push(thread);
    } catch (error) {
      if (failures === 0) state.options.log('error', `a thread could not be started: ${textOf(error)}`);
      await pause(Math.min(longestPauseMs, 100 * 2 ** failures), undefined, { signal: killed }).catch(
        () => {},
      );
    }
  }
  return undefined;
}

function release(state: State, thread: Thread): void {
  const { maxTasksPerThread, maxThreadMemoryBytes, slots } = state.options;
  if (thread.busy) kill(state, thread);
  if (thread.ended) {
    refill(state);
    return;
  }
  const spent = thread.jobs >= maxTasksPerThread || thread.heapBytes > maxThreadMemoryBytes;
  if (!spent && state.threads.size <= slots()) {
    state.idle.push(thread);
    return;
  }
  void end(state, thread);
  refill(state);
}

/** Ahead of the next job. What fails here the next job tries again, with pauses. */
function refill(state: State): void {
  if (!state.closed && state.threads.size < state.options.slots()) spawn(state);
}

function spawn(state: State): Thread {
  const { maxThreadMemoryBytes } = state.options;
  const module = addressOf(state.options.module);
  const { port1: aborts, port2 } = new MessageChannel();
  const data: ThreadData = { module, aborts: port2 };
  const worker = new Worker(programFor(module), {
    workerData: data,
    transferList: [port2],
    // What is more than allowed after a job ends the thread softly; twice as much ends it within one.
    ...(Number.isFinite(maxThreadMemoryBytes)
      ? { resourceLimits: { maxOldGenerationSizeMb: Math.ceil((2 * maxThreadMemoryBytes) / 2 ** 20) } }
      : {}),
  });
  const thread: Thread = {
    worker,
    aborts,
    ready: Promise.resolve([]),
    jobs: 0,
    heapBytes: 0,
    hear: () => {},
    lost: () => {},
    busy: false,
    ended: false,
  };
  Object.assign(thread, { ready: begin(state, thread) });
  listen(state, thread);
  state.threads.add(thread);
  state.starting.add(thread);
  return thread;
}

function begin(state: State, thread: Thread): Promise<readonly string[]> {
  const ready = new Promise<readonly string[]>((resolve, reject) => {
    const late = setTimeout(() => thread.lost('it was not ready within a minute'), startLimitMs);
    thread.lost = (why) => {
      clearTimeout(late);
      kill(state, thread);
      reject(new LostThread(why));
    };
    thread.hear = (said) => {
      if (said.kind === 'unready') thread.lost(textOf(errorOf(said.error)));
      if (said.kind !== 'ready') return;
      clearTimeout(late);
      thread.lost = () => {};
      resolve(said.tasks);
      if (state.starting.delete(thread)) state.idle.push(thread);
    };
  });
  ready.catch(() => {});
  return ready;
}

function listen(state: State, thread: Thread): void {
  let why = '';
  thread.worker
    .on('message', (said: FromThread) => thread.hear(said))
    .on('error', (error: unknown) => {
      why = textOf(error);
    })
    .on('exit', (code) => {
      const idle = state.idle.includes(thread);
      forget(state, thread);
      thread.aborts.close();
      const text = why || `exit code ${code}`;
      if (idle) state.options.log('warn', `an idle thread ended: ${text}`);
      thread.lost(text);
    });
}

/** At once. Who waits for its job hears of it when the thread is gone. */
function kill(state: State, thread: Thread): void {
  if (thread.ended) return;
  forget(state, thread);
  void thread.worker.terminate();
}

/** Lets it close its connections first. */
async function end(state: State, thread: Thread): Promise<void> {
  const wasEnded = thread.ended;
  forget(state, thread);
  if (wasEnded) return;
  const gone = new Promise((resolve) => thread.worker.once('exit', resolve));
  thread.worker.postMessage({ kind: 'end' } satisfies ToThread);
  await Promise.race([gone, pause(endLimitMs, undefined, { ref: false })]);
  await thread.worker.terminate();
}

function forget(state: State, thread: Thread): void {
  thread.ended = true;
  state.threads.delete(thread);
  state.starting.delete(thread);
  const at = state.idle.indexOf(thread);
  if (at >= 0) state.idle.splice(at, 1);
}

function moduleInvalid(module: string | URL, why: string, cause?: unknown): TasksError {
  return new TasksError(
    'OPTION_INVALID',
    `taskModule is ${String(module)}`,
    why,
    'Give the module that defines the tasks, not the one that starts the worker',
    { cause },
  );
}
