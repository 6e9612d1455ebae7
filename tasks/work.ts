/**
 * One attempt at one job: calls the handler and says what became of it. Whatever the handler does (throw a number,
 * reject with nothing, return what has no JSON) ends in an outcome; nothing gets out of here as an exception.
 */
import type { Delivery } from './broker.ts';
import type { TaskMessage } from './message.ts';
import type { Definition, RetryOptions, TaskContext } from './task.ts';

export type Outcome =
  | { readonly kind: 'success'; readonly result: unknown }
  | { readonly kind: 'failure'; readonly error: unknown }
  | { readonly kind: 'retry'; readonly error: unknown; readonly delayMs: number };

export interface Attempt {
  readonly definition: Definition;
  readonly message: TaskMessage;
  readonly delivery: Delivery;
  readonly stop: LazyAbort;
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
    const call = job.definition.handler(contextOf(job), ...job.message.args);
    return { kind: 'success', result: await (limits ? Promise.race([call, limits.exceeded]) : call) };
  } catch (thrown) {
    return outcomeOf(job, thrown);
  } finally {
    limits?.clear();
  }
}

/** The same job once more: same id, one retry more. */
export function retryOf(message: TaskMessage, delayMs: number, nowMs: number): TaskMessage {
  return {
    ...message,
    retries: message.retries + 1,
    parentId: message.id,
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

function contextOf({ message, delivery, stop }: Attempt): TaskContext {
  return {
    id: message.id,
    name: message.task,
    retries: message.retries,
    queue: delivery.queue,
    ...(message.publishedAtMs === null ? {} : { publishedAt: message.publishedAtMs }),
    redelivered: delivery.redelivered,
    kwargs: message.kwargs,
    get signal() {
      return stop.signal();
    },
    retry: (options = {}) => {
      throw new RetrySignal(options);
    },
  };
}

function outcomeOf({ definition, message, random }: Attempt, thrown: unknown): Outcome {
  const { maxRetries, retryBackoffSeconds = 1 } = definition.options;
  const explicit = thrown instanceof RetrySignal ? thrown.options : undefined;
  const error = explicit ? (explicit.cause ?? new RangeError('retry() was called')) : thrown;
  const most = explicit ? (explicit.maxRetries ?? maxRetries ?? explicitRetries) : (maxRetries ?? 0);
  if (message.retries >= most) return { kind: 'failure', error };
  const countdown = explicit?.countdown;
  const delayMs = Number.isFinite(countdown)
    ? Math.max(0, Number(countdown) * 1000)
    : backoffMs(retryBackoffSeconds, message.retries, random());
  return { kind: 'retry', error, delayMs };
}

/** Soft: asks by the signal. Hard: gives the job up; a handler that goes on cannot be stopped in its own thread. */
function timeLimits(job: Attempt): { exceeded: Promise<never>; clear(): void } | undefined {
  const { softSeconds, hardSeconds } = job.message.timeLimit;
  if (softSeconds === null && hardSeconds === null) return undefined;
  const timers: NodeJS.Timeout[] = [];
  const after = (seconds: number | null, act: () => void): void => {
    if (seconds !== null) timers.push(setTimeout(act, Math.min(seconds * 1000, 2 ** 31 - 1)));
  };
  const exceeded = new Promise<never>((_, reject) => {
    after(softSeconds, () => job.stop.abort(limitError('SoftTimeLimitExceeded', softSeconds)));
    after(hardSeconds, () => {
      job.stop.abort(limitError('TimeLimitExceeded', hardSeconds));
      reject(limitError('TimeLimitExceeded', hardSeconds));
    });
  });
  return { exceeded, clear: () => timers.forEach(clearTimeout) };
}

function limitError(name: string, seconds: number | null): Error {
  return Object.assign(new RangeError(`the job took longer than ${seconds} s`), { name });
}
