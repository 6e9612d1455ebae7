/** The shapes a user of the package meets: a task, the ways to call it, what its handler is given, and its result. */

import type { AnySignature, GroupResult, Lacking, Signature, Single, Tails } from './canvas/typed.ts';
import type { ArgumentsSchema } from './schema.ts';

/** What a handler is given before the arguments. */
export interface TaskContext {
  readonly id: string;
  readonly name: string;
  /** The first task of its canvas; its own id where it stands alone. */
  readonly rootId: string | null;
  /** The job that sent it. */
  readonly parentId: string | null;
  /** How often it was tried before. */
  readonly retries: number;
  readonly queue: string;
  /** Milliseconds since the epoch; absent when the producer does not say. */
  readonly publishedAt?: number;
  /** It may have been started before and not finished. */
  readonly redelivered: boolean;
  /** Named arguments, which Python producers may send. */
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Aborted when the job should end: its soft time limit, or the worker's stop before its grace time is over. */
  readonly signal: AbortSignal;
  /**
   * Ends this job and sends another in its place: with its id, its place in the canvas, and what follows it. Throws; let it
   * through.
   */
  replace(signature: AnySignature): never;
  /** Ends this attempt and sends the job again. Throws; let it through. */
  retry(options?: RetryOptions): never;
}

export interface RetryOptions {
  /** Seconds until then; by default the backoff of the task. */
  readonly countdown?: number;
  /** Of all attempts after the first; by default the task's own, else 3 as in Celery. */
  readonly maxRetries?: number;
  /** Why, for the record. */
  readonly cause?: unknown;
}

export type Handler<Args extends readonly unknown[], Result> = (
  context: TaskContext,
  ...args: Args
) => Result | Promise<Result>;

/** Thrown by a handler: the job is done with, and no result is kept. */
export class Ignore extends Error {
  override readonly name = 'Ignore';
}

/** Thrown by a handler: it will not do this job. With `requeue` it goes to the end of its queue, else it is set aside. */
export class Reject extends Error {
  override readonly name = 'Reject';
  readonly requeue: boolean;

  constructor(reason: string, options: { readonly requeue?: boolean } = {}) {
    super(reason);
    this.requeue = options.requeue ?? false;
  }
}

export type ErrorKind = abstract new (...args: never) => Error;

export interface TaskOptions {
  /** How often a job whose handler threw is tried again. Default 0. */
  readonly maxRetries?: number;
  /** Wait before the first retry; doubles each time up to 10 minutes, then a random part of it. Default 1. */
  readonly retryBackoffSeconds?: number;
  /** Which errors are tried again: classes, or a test. Default: all. */
  readonly retryFor?: readonly ErrorKind[] | ((error: unknown) => boolean);
  /** False: the whole backoff and not a random part of it. Default true. */
  readonly retryJitter?: boolean;
  /** After so long the handler's signal is aborted; a call's own `timeLimit` counts before it. Default: none. */
  readonly softTimeLimitSeconds?: number;
  /** After so long the attempt fails, and is not tried again. Default: none. */
  readonly timeLimitSeconds?: number;
  /** How often it may start in one worker: `10/s`, `100/m`, `1000/h`. Default: none. */
  readonly rateLimit?: string;
  /** Checks the list of arguments at the worker's door: a schema of zod, valibot, arktype or another Standard Schema. */
  readonly schema?: ArgumentsSchema;
  /** True (default): settled when it is done, so a killed worker's job comes back. False: when it starts. */
  readonly ackLate?: boolean;
  /**
   * In a pool of threads: true puts a job back whose thread ended (memory, process.exit, an uncaught error), up to ten
   * times. Default false: it fails with WorkerLostError, as Celery without task_reject_on_worker_lost.
   */
  readonly requeueLost?: boolean;
  /** True: nobody reads the result, so it is not kept. Failures are. Default: the app's. */
  readonly ignoreResult?: boolean;
  /** Default: the app's. */
  readonly queue?: string;
  /** 0 to 9, 0 is soonest. Default 0. */
  readonly priority?: number;
}

export interface SendOptions {
  /** Seconds from now until it is due. */
  readonly countdown?: number;
  /** When it is due; excludes `countdown`. Milliseconds or a Date. */
  readonly eta?: number | Date;
  /** Seconds from now, or a Date, after which it is not started any more. */
  readonly expires?: number | Date;
  /** 0 to 9, 0 is soonest. */
  readonly priority?: number;
  readonly queue?: string;
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly ignoreResult?: boolean;
  /** Soft: the handler's signal is aborted. Hard: the attempt fails. */
  readonly timeLimit?: { readonly softSeconds?: number; readonly hardSeconds?: number };
  /** Default: a new uuid. */
  readonly id?: string;
  /** The context of the job in which it is sent: the call then belongs to the same canvas. */
  readonly parent?: Pick<TaskContext, 'id' | 'rootId'>;
}

export interface Task<Args extends readonly unknown[], Result> {
  readonly name: string;
  /** Sends one call. */
  delay(...args: Args): Promise<AsyncResult<Result>>;
  /** Sends one call with options. */
  applyAsync(args: Readonly<Args>, options?: SendOptions): Promise<AsyncResult<Result>>;
  /** Sends many calls in one exchange with the broker. */
  delayMany(
    calls: readonly Readonly<Args>[],
    options?: Omit<SendOptions, 'id'>,
  ): Promise<AsyncResult<Result>[]>;
  /** A call for later, with all arguments or with the last of them. */
  s<Given extends Tails<Args>>(...given: Given): Signature<Lacking<Args, Given>, Result>;
  /** The same with all arguments, and deaf to the result before it in a chain. */
  si(...args: Args): Signature<readonly unknown[], Result>;
  /** One job that does it for each item in turn, in the worker that gets it. */
  map(items: readonly Single<Args>[]): Signature<readonly unknown[], Result[]>;
  /** The same with a list of arguments for each. */
  starmap(calls: readonly Readonly<Args>[]): Signature<readonly unknown[], Result[]>;
  /** A group of such jobs, each of `size` calls. */
  chunks(
    calls: readonly Readonly<Args>[],
    size: number,
  ): Signature<readonly unknown[], Result[][], GroupResult<Result[][]>>;
}

export interface AsyncResult<Result> {
  readonly id: string;
  /**
   * Waits for the result.
   * @throws TasksError RESULT_TIMEOUT after `timeoutMs` (default 30,000), TASK_FAILED when the task failed,
   *   RESULT_IGNORED when no result is kept
   */
  get(options?: { readonly timeoutMs?: number }): Promise<Result>;
  /**
   * What is known now, with no waiting: `PENDING` (also of an id that nobody ever heard of), `RETRY`, `SUCCESS`, `FAILURE`,
   * `REVOKED`, or what else a worker of Python writes, such as `STARTED`. Of a group `FAILURE` when one of it failed, and
   * `SUCCESS` when all of it succeeded.
   * @throws TasksError RESULT_IGNORED when no result is kept
   */
  state(): Promise<string>;
  /** Whether it has ended, one way or the other. @throws TasksError RESULT_IGNORED */
  ready(): Promise<boolean>;
  /** In a canvas: what came before it. */
  readonly parent?: AsyncResult<unknown>;
  /** What it called when it had succeeded: the next of its chain, its callbacks. */
  children(): Promise<readonly AsyncResult<unknown>[]>;
}

export interface Definition {
  readonly name: string;
  readonly handler: Handler<readonly unknown[], unknown>;
  readonly options: TaskOptions;
}
