/** Checks what a user wrote into options, and says what to write instead. */
import { TasksError } from './errors.ts';
import { canCompress, type FormatOptions } from './format.ts';
import type { TaskMessage } from './message.ts';
import { perSecond } from './remote/rate.ts';
import { resultExpiresSeconds } from './results.ts';
import type { SendOptions, TaskOptions } from './task.ts';
import { longestTimerMs } from './timer.ts';
import type { WorkerOptions } from './worker.ts';

export function checkTask(name: string, options: TaskOptions): void {
  if (typeof name !== 'string' || name.trim() === '') invalid('the name of a task', name, 'a text');
  countOf('maxRetries', options.maxRetries);
  amountOf('retryBackoffSeconds', options.retryBackoffSeconds);
  amountOf('softTimeLimitSeconds', options.softTimeLimitSeconds);
  amountOf('timeLimitSeconds', options.timeLimitSeconds);
  if (perSecond(options.rateLimit) === undefined)
    invalid(
      'rateLimit',
      options.rateLimit,
      'a count per second, minute or hour, such as 10/s, 100/m or 1000/h',
    );
  priorityOf(options.priority);
  queueName(options.queue);
}

/** As many as remote control lets it grow to. */
const mostSlots = 10_000;
/** Each has a heap, and is started before the first job. */
const mostThreads = 256;

export function checkWorker(options: WorkerOptions): void {
  if (options.queues?.length === 0) invalid('queues', '[]', 'at least one name');
  options.queues?.forEach(queueName);
  countOf('concurrency', options.concurrency, 1, options.pool === 'threads' ? mostThreads : mostSlots);
  countOf('prefetch', options.prefetch);
  countOf('prefetchMultiplier', options.prefetchMultiplier);
  if (options.prefetch !== undefined && options.prefetchMultiplier !== undefined)
    invalid('prefetchMultiplier', options.prefetchMultiplier, 'left out where prefetch is given');
  amountOf('graceSeconds', options.graceSeconds);
  countOf('keepFailed', options.keepFailed);
  countOf('maxTasks', options.maxTasks, 1);
  countOf('maxMemoryBytes', options.maxMemoryBytes, 1);
  countOf('maxTasksPerThread', options.maxTasksPerThread, 1);
  countOf('maxThreadMemoryBytes', options.maxThreadMemoryBytes, 1);
  oneOf('pool', options.pool, ['slots', 'threads']);
  if (options.pool === 'threads' && options.taskModule === undefined)
    invalid(
      'taskModule',
      undefined,
      'the path or URL of the module that defines the tasks, for pool threads',
    );
}

/** In seconds; 0 is for ever. */
export function checkExpiry(seconds: number | undefined): number {
  amountOf('resultExpiresSeconds', seconds);
  return seconds ?? resultExpiresSeconds;
}

/** How long to wait for a result; Infinity is as long as a timer can. */
export function checkTimeout(timeoutMs: number): number {
  if (!(typeof timeoutMs === 'number' && timeoutMs >= 0))
    invalid('timeoutMs', timeoutMs, 'a number of milliseconds that is not negative');
  return Math.min(longestTimerMs, Math.round(timeoutMs));
}

/** Answers with what it was given. */
export function checkFormat(format: FormatOptions): FormatOptions {
  const serializers = ['json', 'msgpack'] as const;
  oneOf('format.protocol', format.protocol, [1, 2]);
  oneOf('format.serializer', format.serializer, serializers);
  for (const one of format.accept ?? []) oneOf('format.accept', one, serializers);
  if (format.compression !== undefined && !canCompress(format.compression))
    invalid('format.compression', format.compression, 'zlib, gzip, brotli, or with Node 22.15 zstd');
  return format;
}

function oneOf(name: string, value: unknown, allowed: readonly unknown[]): void {
  if (value !== undefined && !allowed.includes(value)) invalid(name, value, allowed.join(' or '));
}

/** The members of a message that come from the options of a call. */
export function checkSend(given: SendOptions, task: TaskOptions, nowMs: number): Partial<TaskMessage> {
  queueName(given.queue);
  priorityOf(given.priority);
  amountOf('countdown', given.countdown);
  if (given.eta !== undefined && given.countdown !== undefined)
    invalid('eta', given.eta, 'left out where countdown is given');
  const etaMs = given.countdown === undefined ? timeOf('eta', given.eta) : nowMs + given.countdown * 1000;
  const expires = given.expires;
  amountOf('expires', typeof expires === 'number' ? expires : undefined);
  const expiresMs = typeof expires === 'number' ? nowMs + expires * 1000 : timeOf('expires', expires);
  return {
    etaMs: dateOrInvalid('eta', etaMs),
    expiresMs: dateOrInvalid('expires', expiresMs),
    priority: given.priority ?? task.priority ?? 0,
    publishedAtMs: nowMs,
    ...(given.kwargs ? { kwargs: given.kwargs } : {}),
    ...(given.parent ? { parentId: given.parent.id, rootId: given.parent.rootId ?? given.parent.id } : {}),
    ...(given.timeLimit ? { timeLimit: timeLimitOf(given.timeLimit) } : {}),
  };
}

function timeLimitOf(given: NonNullable<SendOptions['timeLimit']>): TaskMessage['timeLimit'] {
  amountOf('timeLimit.softSeconds', given.softSeconds);
  amountOf('timeLimit.hardSeconds', given.hardSeconds);
  return { hardSeconds: given.hardSeconds ?? null, softSeconds: given.softSeconds ?? null };
}

/** The last moment that ISO 8601 writes with a year of four digits, which is all that Python reads. */
const lastMs = Date.UTC(9999, 11, 31);

function dateOrInvalid(name: string, ms: number | null): number | null {
  if (ms !== null && !(ms >= 0 && ms <= lastMs)) invalid(name, ms, 'a time between 1970 and 9999');
  return ms === null ? null : Math.round(ms);
}

function timeOf(name: string, value: number | Date | undefined): number | null {
  if (value === undefined) return null;
  const ms = value instanceof Date ? value.getTime() : value;
  if (!Number.isFinite(ms)) invalid(name, value, 'a Date or milliseconds');
  return ms;
}

function priorityOf(value: number | undefined): void {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= 9)) return;
  invalid('priority', value, 'a whole number from 0 (soonest) to 9');
}

function countOf(name: string, value: number | undefined, least = 0, most = Infinity): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return;
  const upTo = most < Infinity ? ` and at most ${most}` : '';
  invalid(name, value, `a whole number of at least ${least}${upTo}`);
}

function amountOf(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isFinite(value) && value >= 0)) return;
  invalid(name, value, 'a number of seconds that is not negative');
}

function queueName(name: string | undefined): void {
  // kombu joins queue names and priorities with these two characters.
  if (name === undefined || (typeof name === 'string' && name !== '' && !name.includes('\x06\x16'))) return;
  invalid('queue', name, 'a name');
}

function invalid(name: string, value: unknown, wanted: string): never {
  throw new TasksError(
    'OPTION_INVALID',
    `${name} is ${String(value).slice(0, 80)}`,
    `it must be ${wanted}`,
    'Change the option',
  );
}
