/**
 * One attempt at one job: calls the handler and says what became of it. Whatever the handler does (throw a number,
 * reject with nothing, return what has no JSON) ends in an outcome; nothing gets out of here as an exception.
 */
import type { Delivery } from './broker.ts';
import type { Sig } from './canvas/data.ts';
import { dataOf } from './canvas/signatures.ts';
import type { AnySignature } from './canvas/typed.ts';
import type { TimeLimits } from './controls.ts';
import { presentable, TasksError } from './errors.ts';
import type { TaskMessage } from './message.ts';
import { type ArgumentsSchema, checkedArguments } from './schema.ts';
import { type Definition, Ignore, Reject, type RetryOptions, type TaskContext } from './task.ts';
import { longestTimerMs } from './timer.ts';

export type Outcome =
  | { readonly kind: 'success'; readonly result: unknown }
  | { readonly kind: 'failure'; readonly error: unknown }
  | { readonly kind: 'retry'; readonly error: unknown; readonly delayMs: number }
  /** Done with, and no result kept. */
  | { readonly kind: 'ignored' }
  /** Another one takes its place. */
  | { readonly kind: 'replaced'; readonly signature: Sig }
  /** Not done: back to the end of its queue, or set aside. */
  | {
      readonly kind: 'rejected';
      readonly error: unknown;
      readonly requeue: boolean;
      /** What goes back in place of the message. */
      readonly instead?: TaskMessage;
    };

export interface Attempt {
  readonly definition: Definition;
  readonly message: TaskMessage;
  readonly delivery: Delivery;
  readonly stop: LazyAbort;
  readonly limits: TimeLimits;
  /** 0 to 1. */
  readonly random: () => number;
}

/** An AbortController that is made when somebody asks for its signal: most handlers never do, and it is dear to make. */
export interface LazyAbort {
  signal(): AbortSignal;
  abort(reason: unknown): void;
}

export function lazyAbort(): LazyAbort {
  let controller: AbortController | undefined;
  let aborted: { reason: unknown } | undefined;
  return {
    signal: () => {
      controller ??= new AbortController();
      if (aborted) controller.abort(aborted.reason);
      return controller.signal;
    },
    abort: (reason) => {
      aborted ??= { reason };
      controller?.abort(aborted.reason);
    },
  };
}

/** Celery's retry_backoff_max. */
const longestBackoffSeconds = 600;
/** Celery's default of max_retries, which counts for an explicit retry(). */
const explicitRetries = 3;

export async function attempt(job: Attempt): Promise<Outcome> {
  const limits = timeLimits(job);
  try {
    const { schema } = job.definition.options;
    const call = schema
      ? checkedCall(job, schema)
      : job.definition.handler(contextOf(job), ...job.message.args);
    return { kind: 'success', result: await (limits ? Promise.race([call, limits.exceeded]) : call) };
  } catch (thrown) {
    return outcomeOf(job, thrown);
  } finally {
    limits?.clear();
  }
}

/** What a schema makes of the arguments is what the handler gets. */
async function checkedCall(job: Attempt, schema: ArgumentsSchema): Promise<unknown> {
  const args = await checkedArguments(job.message.task, schema, job.message.args);
  return job.definition.handler(contextOf(job), ...args);
}

/** The same job once more: same id, one retry more. */
export function retryOf(message: TaskMessage, delayMs: number, nowMs: number): TaskMessage {
  return {
    ...message,
    retries: message.retries + 1,
    parentId: message.parentId ?? message.id,
    etaMs: delayMs > 0 ? nowMs + delayMs : null,
    publishedAtMs: nowMs,
  };
}

/** Doubles with each retry up to ten minutes, then a random part of it, so that retries do not come in waves. */
export function backoffMs(firstSeconds: number, retries: number, random: number): number {
  const seconds = Math.min(longestBackoffSeconds, firstSeconds * 2 ** Math.min(retries, 30));
  return Math.round(seconds * random * 1000);
}

/** Thrown by context.retry(). Not an Error on purpose: a `catch` that asks for one lets it through. */
class RetrySignal {
  readonly options: RetryOptions;
  constructor(options: RetryOptions) {
    this.options = options;
  }
}

/** Thrown by context.replace(). */
class ReplaceSignal {
  readonly signature: Sig;
  constructor(signature: Sig) {
    this.signature = signature;
  }
}

function contextOf({ message, delivery, stop }: Attempt): TaskContext {
  const context: { -readonly [Member in keyof TaskContext]: TaskContext[Member] } = {
    id: message.id,
    name: message.task,
    rootId: message.rootId,
    parentId: message.parentId,
    retries: message.retries,
    queue: delivery.queue,
    redelivered: delivery.redelivered,
    kwargs: message.kwargs,
    get signal() {
      return stop.signal();
    },
    retry: retryNow,
    replace: replaceNow,
  };
  if (message.publishedAtMs !== null) context.publishedAt = message.publishedAtMs;
  return context;
}

function retryNow(options: RetryOptions = {}): never {
  throw new RetrySignal(options);
}

function replaceNow(signature: AnySignature): never {
  throw new ReplaceSignal(dataOf(signature));
}

/** What becomes of a job whose handler threw this. */
export function outcomeOf(job: Attempt, anything: unknown): Outcome {
  const thrown = presentable(anything);
  if (thrown instanceof Ignore) return { kind: 'ignored' };
  if (thrown instanceof ReplaceSignal) return { kind: 'replaced', signature: thrown.signature };
  if (thrown instanceof Reject) return { kind: 'rejected', error: thrown, requeue: thrown.requeue };
  const { definition, message, random } = job;
  const { maxRetries, retryBackoffSeconds = 1, retryJitter = true } = definition.options;
  const explicit = thrown instanceof RetrySignal ? thrown.options : undefined;
  const error = explicit ? presentable(explicit.cause ?? new RangeError('retry() was called')) : thrown;
  const most = explicit ? (explicit.maxRetries ?? maxRetries ?? explicitRetries) : (maxRetries ?? 0);
  const again = explicit !== undefined || isRetried(job, thrown);
  if (!again || message.retries >= most) return { kind: 'failure', error };
  const countdown = explicit?.countdown;
  const delayMs = Number.isFinite(countdown)
    ? Math.max(0, Number(countdown) * 1000)
    : backoffMs(retryBackoffSeconds, message.retries, retryJitter ? random() : 1);
  return { kind: 'retry', error, delayMs };
}

/** Trying again mends neither a handler that takes too long nor arguments that are wrong. */
function isRetried({ definition }: Attempt, thrown: unknown): boolean {
  if (thrown instanceof HardLimit) return false;
  if (thrown instanceof TasksError && thrown.code === 'ARGUMENTS_INVALID') return false;
  const { retryFor } = definition.options;
  if (retryFor === undefined) return true;
  if (Array.isArray(retryFor)) return retryFor.some((kind) => thrown instanceof kind);
  try {
    return (retryFor as (error: unknown) => boolean)(thrown);
  } catch {
    return false;
  }
}

/** Soft: asks by the signal. Hard: gives the job up; a handler that goes on cannot be stopped in its own thread. */
export function timeLimits(job: Attempt): { exceeded: Promise<never>; clear(): void } | undefined {
  const { softSeconds, hardSeconds } = job.limits;
  if (softSeconds === null && hardSeconds === null) return undefined;
  const timers: NodeJS.Timeout[] = [];
  const after = (seconds: number | null, act: () => void): void => {
    if (seconds !== null) timers.push(setTimeout(act, Math.min(seconds * 1000, longestTimerMs)));
  };
  const exceeded = new Promise<never>((_, reject) => {
    after(softSeconds, () => job.stop.abort(limitError('SoftTimeLimitExceeded', softSeconds)));
    after(hardSeconds, () => {
      const error = new HardLimit(tooLong(hardSeconds));
      job.stop.abort(error);
      reject(error);
    });
  });
  return { exceeded, clear: () => timers.forEach(clearTimeout) };
}

function limitError(name: string, seconds: number | null): Error {
  return Object.assign(new RangeError(tooLong(seconds)), { name });
}

class HardLimit extends RangeError {
  override readonly name = 'TimeLimitExceeded';
}

function tooLong(seconds: number | null): string {
  return `the job took longer than ${seconds} s`;
}
