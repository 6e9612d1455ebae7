/**
 * The app: tasks by name, a broker to send them through, a store for their results, and workers. Everything is opened
 * on first use, so that making an app in a module costs nothing and never fails for a server that is down.
 */
import { availableParallelism } from 'node:os';
import type { Beat, BeatOptions } from './beat/beat.ts';
import { beatOf } from './beat/of-app.ts';
import type { Broker, Depth, Log } from './broker.ts';
import type { Home } from './canvas/carry.ts';
import { type AppCanvas, canvasOf, signaturesOf } from './canvas/of-app.ts';
import { type Control, createControl } from './control.ts';
import { TasksError } from './errors.ts';
import type { FormatOptions } from './format.ts';
import { nodeName } from './node-name.ts';
import {
  type Address,
  beatStateAt,
  openBroker,
  openResults,
  parseAddress,
  parseResultsAddress,
  type RedisSettings,
  type ResultsAddress,
  withoutPassword,
} from './open.ts';
import { type Opened, opened } from './opened.ts';
import { createAsyncResult } from './outcome.ts';
import type { RabbitSettings } from './rabbitmq/settings.ts';
import { cannotCount, noRemote, workerInThread } from './refusals.ts';
import { tellSent } from './remote/events.ts';
import { createRouter, type Routes } from './routes.ts';
import type { ArgumentsSchema } from './schema.ts';
import { origin, type Sending, send, sendMany } from './send.ts';
import { checkExpiry, checkFormat, checkTask, checkWorker } from './settings.ts';
import type { AsyncResult, Definition, Handler, SendOptions, Task, TaskOptions } from './task.ts';
import { enlist, isThreadOfPool } from './threads/registry.ts';
import { createWorker, type Worker, type WorkerOptions, type WorkerSurroundings } from './worker.ts';

export interface AppOptions {
  /**
   * `sqlite:<file>`, `redis://<host>:<port>/<db>` or `amqp://<user>:<password>@<host>/<vhost>`; also `rediss://`,
   * `sentinel://`, `redis+cluster://`, several with `;` between them, and `memory:` for tests.
   */
  readonly broker: string;
  /**
   * Where results are kept, in the same forms or `postgresql://`; `rpc://` brings them over RabbitMQ. Default: the
   * broker, but nowhere with RabbitMQ. False: nowhere.
   */
  readonly results?: string | false;
  /** How long a result is kept, Celery's `result_expires`. Default 86,400; 0: for ever. */
  readonly resultExpiresSeconds?: number;
  /** Default 'celery', as in Celery. */
  readonly queue?: string;
  /** Where calls go by the name of their task, Celery's `task_routes`: `{ 'mail.*': 'mail' }`; the first that fits. */
  readonly routes?: Routes;
  /** True: results are not kept unless a task or a call asks for it. Failures are. Default false. */
  readonly ignoreResult?: boolean;
  /** How messages are written and which are read. Default: Celery's own, JSON of protocol 2. */
  readonly format?: FormatOptions;
  /** Sends an event for each call, for monitors: Celery's `task_send_sent_event`. Default false. */
  readonly sentEvents?: boolean;
  readonly redis?: RedisSettings;
  readonly rabbitmq?: RabbitSettings;
  /** Default: warnings and errors to stderr. */
  readonly log?: Log;
}

export interface TasksApp extends AppCanvas {
  /** Defines a task; its types flow to the calls. @throws TasksError TASK_NAME_TAKEN, OPTION_INVALID */
  task<Args extends readonly unknown[], Result>(
    name: string,
    handler: Handler<Args, Result>,
    options?: TaskOptions & { readonly schema?: ArgumentsSchema<Args> },
  ): Task<Args, Awaited<Result>>;
  /** Sends a call of a task that another program has, a Python worker for example. */
  send<Result = unknown>(
    name: string,
    args?: readonly unknown[],
    options?: SendOptions,
  ): Promise<AsyncResult<Result>>;
  /** A handle on the result of an earlier call. */
  result<Result = unknown>(id: string): AsyncResult<Result>;
  worker(options?: WorkerOptions): Worker;
  /** Sends tasks on schedule. @throws TasksError OPTION_INVALID */
  beat(options?: BeatOptions): Beat;
  /** Asks and commands all workers on the broker, Python's too; see createControl. */
  readonly control: Control;
  /** How much work a queue holds now. @throws TasksError BROKER_UNREACHABLE; it never answers zero for a failure */
  depth(queue?: string): Promise<Depth>;
  /** Throws away what waits in a queue, and answers how much; what workers hold stays. @throws TasksError OPTION_INVALID */
  purge(queue?: string): Promise<number>;
  /** Closes connections and files. Stop the workers first. */
  close(): Promise<void>;
}

interface State extends Sending {
  readonly options: AppOptions;
  readonly queue: string;
  readonly tasks: Map<string, Definition>;
  /** Where beats keep their state, when that is not the broker; by address. */
  readonly others: Map<string, Opened<Pick<Broker, 'beat' | 'close'>>>;
}

/** @throws TasksError BROKER_URL_INVALID */
export function createApp(options: AppOptions): TasksApp {
  const state = newState(options);
  const close = async (): Promise<void> => {
    await state.results?.close();
    for (const other of state.others.values()) await other.close();
    await state.broker.close();
  };
  enlist({ tasks: state.tasks, close });
  return {
    ...canvasOf(homeOf(state)),
    task: (name, handler, taskOptions = {}) => defineTask(state, name, handler, taskOptions),
    send: (name, args = [], sendOptions = {}) => send(state, name, args, sendOptions, {}),
    result: (id) => createAsyncResult(id, state.results?.get),
    worker: (workerOptions = {}) => startWorker(state, workerOptions),
    beat: (beatOptions = {}) => startBeat(state, beatOptions),
    control: createControl(async () => {
      const { remote } = await state.broker.get();
      return remote ?? noRemote(state.options.broker);
    }),
    depth: async (queue = state.queue) => {
      const broker = await state.broker.get();
      if (!broker.depth) throw cannotCount(state.options.broker);
      return broker.depth(queue);
    },
    purge: async (queue = state.queue) => {
      const broker = await state.broker.get();
      if (!broker.purge)
        throw new TasksError(
          'OPTION_INVALID',
          `Queue "${queue}" cannot be emptied`,
          'its broker cannot do that',
          'Use the tools of the broker',
        );
      return broker.purge(queue);
    },
    close,
  };
}

function newState(options: AppOptions): State {
  const broker = parseAddress(options.broker);
  const results = resultsAddress(options, broker);
  const expiresSeconds = checkExpiry(options.resultExpiresSeconds);
  const redis = options.redis ?? {};
  const format = checkFormat(options.format ?? {});
  const queue = options.queue ?? 'celery';
  return {
    options,
    queue,
    route: createRouter(options.routes ?? {}, queue),
    tasks: new Map(),
    others: new Map(),
    broker: opened(() => openBroker(broker, redis, options.rabbitmq ?? {}, format)),
    results: results && opened(() => openResults(results, redis, { expiresSeconds })),
    hearsResults: results?.kind === 'rpc',
  };
}

/** RabbitMQ keeps no results: where nothing else is said, there are none. */
function resultsAddress(options: AppOptions, broker: Address): ResultsAddress | undefined {
  if (options.results === false || (options.results === undefined && broker.kind === 'rabbitmq'))
    return undefined;
  return parseResultsAddress(options.results ?? options.broker, broker);
}

function defineTask<Args extends readonly unknown[], Result>(
  state: State,
  name: string,
  handler: Handler<Args, Result>,
  options: TaskOptions,
): Task<Args, Awaited<Result>> {
  checkTask(name, options);
  if (state.tasks.has(name))
    throw new TasksError(
      'TASK_NAME_TAKEN',
      `Two tasks are named "${name}"`,
      'a message names its task, so a name can mean one only',
      'Give one of them another name',
    );
  // What arrives was written by `delay` below, or by a stranger; types cannot hold beyond that.
  const untyped = handler as unknown as Definition['handler'];
  state.tasks.set(name, { name, handler: untyped, options });
  return {
    name,
    delay: (...args) => send(state, name, args, {}, options),
    applyAsync: (args, given = {}) => send(state, name, args, given, options),
    delayMany: (calls, given = {}) => sendMany(state, name, calls, given, options),
    ...signaturesOf<Args, Awaited<Result>>(homeOf(state), name),
  };
}

function homeOf(state: State): Home {
  const { broker, results, tasks, route, options } = state;
  const told: NonNullable<Home['told']> = async (to, messages) => {
    const { remote } = await broker.get();
    if (remote) void tellSent(remote, origin, to, messages);
  };
  return {
    broker: broker.get,
    results: results?.get,
    tasks,
    route,
    ignoreResult: options.ignoreResult ?? false,
    ...(options.sentEvents ? { told } : {}),
  };
}

function startBeat(state: State, options: BeatOptions): Beat {
  return beatOf(
    {
      broker: state.broker.get,
      openOther: (address) => {
        const { redis = {}, rabbitmq = {} } = state.options;
        const other = state.others.get(address) ?? opened(beatStateAt(address, redis, rabbitmq));
        state.others.set(address, other);
        return other.get();
      },
      address: state.options.broker,
      tasks: state.tasks,
      route: state.route,
      ignoreResult: state.options.ignoreResult ?? false,
      log: state.options.log ?? logToStderr,
    },
    options,
  );
}

function startWorker(state: State, options: WorkerOptions): Worker {
  checkWorker(options);
  if (isThreadOfPool()) throw workerInThread();
  return createWorker({
    broker: state.broker.get,
    results: state.results?.get,
    tasks: state.tasks,
    ignoreResult: state.options.ignoreResult ?? false,
    route: state.route,
    queues: options.queues ?? [state.queue],
    concurrency: options.concurrency ?? (options.pool === 'threads' ? availableParallelism() : 4),
    prefetch: { most: options.prefetch ?? 1_000, multiplier: options.prefetchMultiplier },
    graceSeconds: options.graceSeconds ?? 30,
    name: nodeName(options.name),
    remoteControl: options.remoteControl ?? true,
    events: options.events ?? false,
    keepFailed: options.keepFailed ?? 1_000,
    maxTasks: options.maxTasks ?? Infinity,
    maxMemoryBytes: options.maxMemoryBytes ?? Infinity,
    threads: threadsOf(options),
    address: withoutPassword(state.options.broker),
    log: state.options.log ?? logToStderr,
    random: Math.random,
  });
}

function threadsOf(options: WorkerOptions): WorkerSurroundings['threads'] {
  if (options.pool !== 'threads' || options.taskModule === undefined) return undefined;
  return {
    module: options.taskModule,
    maxTasksPerThread: options.maxTasksPerThread ?? Infinity,
    maxThreadMemoryBytes: options.maxThreadMemoryBytes ?? Infinity,
  };
}

const logToStderr: Log = (level, text) => {
  if (level !== 'info' || process.env.HEADCOUNT_TASKS_LOG === 'info')
    process.stderr.write(`headcount-tasks: ${level}: ${text}\n`);
};
