/**
 * What became of a call, in Celery's own shape (celery/backends/base.py, `_get_result_meta`), so that Python's `get()`
 * reads ours and raises properly, and the other way round.
 */
import { TasksError, textOf } from './errors.ts';
import { isoTimeOf } from './message.ts';
import { parseJson, writeJson } from './values.ts';

/** Where outcomes are kept. */
export interface Results {
  /**
   * Keeps a record, but never in place of a SUCCESS.
   * @param replyTo where the call's sender hears results, as the message said; needed where `replyTo()` is there
   */
  store(record: ResultRecord, replyTo?: string | null): Promise<void>;
  /** Undefined: not finished, or never heard of. */
  get(id: string): Promise<ResultRecord | undefined>;
  /** The record of a final state; rejects with the reason of an aborted signal. */
  wait(id: string, signal: AbortSignal): Promise<ResultRecord>;
  /**
   * Where this client hears results, to go with each of its calls. Absent: results are kept, for everybody who knows
   * the id.
   */
  replyTo?(): Promise<string>;
  /** Absent: it cannot count, and chords are polled for. */
  readonly chords?: ChordCounts;
  close(): Promise<void>;
}

/** How many tasks of a chord's header have come back: counted by the store, so that exactly the last one finds out. */
export interface ChordCounts {
  setSize(groupId: string, size: number): Promise<void>;
  /**
   * @param part JSON of `[1, id, status, result]`; the same part again counts once
   * @returns all parts in the order of the group when none is missing, else undefined
   */
  add(
    groupId: string,
    index: number | null,
    id: string,
    part: string,
  ): Promise<readonly string[] | undefined>;
  /** When the body was sent: a part that comes again finds no chord. */
  clear(groupId: string): Promise<void>;
  saveGroup(groupId: string, text: string): Promise<void>;
  savedGroup(groupId: string): Promise<string | undefined>;
}

export type ResultStatus = 'SUCCESS' | 'FAILURE' | 'RETRY' | 'REVOKED';

export interface ResultRecord {
  readonly task_id: string;
  readonly status: ResultStatus | (string & {});
  /** The value, or for the other states the exception as `{exc_type, exc_message, exc_module}`. */
  readonly result: unknown;
  readonly traceback: string | null;
  readonly children: readonly unknown[];
  /** ISO 8601. */
  readonly date_done: string | null;
  readonly parent_id?: string;
  readonly group_id?: string;
}

/** Celery's default of `result_expires`: one day. */
export const resultExpiresSeconds = 86_400;

export interface ResultsSettings {
  /** How long a result is kept; 0: for ever, as in Celery. */
  readonly expiresSeconds: number;
}

const finalStates: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'REVOKED']);

export function isFinal(record: ResultRecord | undefined): record is ResultRecord {
  return record !== undefined && finalStates.has(record.status);
}

export function succeeded(id: string, result: unknown, nowMs: number): ResultRecord {
  return record(id, 'SUCCESS', result ?? null, null, nowMs);
}

/** Whatever was thrown, as an exception that Python can rebuild: with no module it makes a class of that name. */
export function failed(
  id: string,
  status: 'FAILURE' | 'RETRY' | 'REVOKED',
  thrown: unknown,
  nowMs: number,
): ResultRecord {
  const error = thrown instanceof Error ? thrown : new TypeError(`thrown: ${safeText(thrown)}`);
  const exc_module = pythonModules.get(error.name) ?? null;
  const result = { exc_type: error.name || 'Error', exc_message: [error.message], exc_module };
  return record(id, status, result, tracebackOf(error), nowMs);
}

const mostCauses = 5;

/** With what it was caused by, as Python's tracebacks have what was raised `from` what. */
function tracebackOf(error: Error): string | null {
  let text = error.stack ?? null;
  let cause: unknown = error.cause;
  for (let n = 0; n < mostCauses && cause instanceof Error; n++) {
    text = `${text ?? ''}\nCaused by: ${cause.stack ?? textOf(cause)}`;
    cause = cause.cause;
  }
  return text;
}

/** Where Python has the exceptions that both sides know, so that an `except` there catches them. */
const pythonModules: ReadonlyMap<string, string> = new Map([
  ['TaskRevokedError', 'celery.exceptions'],
  ['NotRegistered', 'celery.exceptions'],
  ['ChordError', 'celery.exceptions'],
  ['TimeLimitExceeded', 'billiard.exceptions'],
  ['SoftTimeLimitExceeded', 'billiard.exceptions'],
  ['WorkerLostError', 'billiard.exceptions'],
]);

/** What is kept, and what comes: a SUCCESS stays, else the newer counts. */
export function replaces(old: ResultRecord | undefined): boolean {
  return old?.status !== 'SUCCESS';
}

/** Stores under way, which a close waits for. */
export function underWay(): { add(storing: Promise<unknown>): Promise<void>; all(): Promise<void> } {
  const storing = new Set<Promise<unknown>>();
  return {
    add: async (one) => {
      storing.add(one);
      await one.finally(() => storing.delete(one));
    },
    all: async () => void (await Promise.allSettled([...storing])),
  };
}

/** The JSON of a record; where the value has none, that of a failure which says so. */
export function encodeResult(given: ResultRecord): string {
  try {
    // JSON leaves such a member out, and Python's reader needs it.
    if (hasNone(given.result)) throw new TypeError(`JSON cannot hold a ${typeof given.result}`);
    return writeJson(given, false);
  } catch (error) {
    return JSON.stringify(failed(given.task_id, 'FAILURE', error, Date.parse(given.date_done ?? '') || 0));
  }
}

function hasNone(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return true;
  if (typeof value !== 'object' || value === null || !('toJSON' in value)) return false;
  return JSON.stringify(value) === undefined;
}

/** Undefined for what is no record. */
export function decodeResult(text: string | null | undefined): ResultRecord | undefined {
  try {
    const value = parseJson(text ?? '') as Partial<ResultRecord> | null;
    return typeof value?.status === 'string' ? (value as ResultRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** The value of a SUCCESS; throws TASK_FAILED for the other final states. */
export function resultValue(found: ResultRecord): unknown {
  if (found.status === 'SUCCESS') return found.result;
  const { exc_type, exc_message } = (found.result ?? {}) as { exc_type?: unknown; exc_message?: unknown };
  const args = Array.isArray(exc_message) ? exc_message : [exc_message ?? ''];
  const message = args.map((one) => (typeof one === 'object' ? safeText(one) : String(one))).join(', ');
  throw new TasksError(
    'TASK_FAILED',
    `Task ${found.task_id} ended as ${found.status}`,
    `${String(exc_type ?? 'unknown error')}${message === '' ? '' : `: ${message}`}`,
    'The cause of this error holds the traceback of the worker',
    { cause: found.traceback },
  );
}

function record(
  id: string,
  status: ResultStatus,
  result: unknown,
  traceback: string | null,
  nowMs: number,
): ResultRecord {
  const date_done = isoTimeOf(nowMs);
  return { task_id: id, status, result, traceback, children: [], date_done };
}

function safeText(thrown: unknown): string {
  try {
    return (JSON.stringify(thrown) ?? String(thrown)).slice(0, 1000);
  } catch {
    return typeof thrown;
  }
}
