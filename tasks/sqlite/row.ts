/**
 * How a message lies in a row: the headers and body of protocol 2 as JSON, without the nulls, the representations for
 * people and the base64 that other transports need. A third of the envelope's size, and decoded by the same code.
 */
import type { Decoded, TaskMessage } from '../message.ts';
import { decode } from '../message.ts';
import { hadSpecialNumbers, parseJson, writeJson } from '../values.ts';
import type { NewJob } from './jobs.ts';

export function encodeRow(message: TaskMessage): string {
  const { timeLimit } = message;
  const limited = timeLimit.hardSeconds !== null || timeLimit.softSeconds !== null;
  const headers = {
    task: message.task,
    id: message.id,
    shadow: message.shadow ?? undefined,
    eta: iso(message.etaMs),
    expires: iso(message.expiresMs),
    group: message.group ?? undefined,
    group_index: message.groupIndex ?? undefined,
    retries: message.retries || undefined,
    timelimit: limited ? [timeLimit.hardSeconds, timeLimit.softSeconds] : undefined,
    root_id: message.rootId === message.id ? undefined : message.rootId,
    parent_id: message.parentId ?? undefined,
    origin: message.origin ?? undefined,
    ignore_result: message.ignoreResult ?? undefined,
    published_at: message.publishedAtMs === null ? undefined : message.publishedAtMs / 1000,
    ...message.extraHeaders,
  };
  const embed = Object.values(message.embed).some((part) => part !== null) ? message.embed : null;
  const row = {
    headers,
    priority: message.priority || undefined,
    reply_to: message.replyTo ?? undefined,
    body: [message.args, message.kwargs, embed],
  };
  return writeJson(row, hadSpecialNumbers(message.args, message.kwargs));
}

/** A message as a row: due at its ETA, else since it was published. */
export function jobRow(message: TaskMessage, nowMs: number): NewJob {
  const since = message.publishedAtMs ?? nowMs;
  return {
    priority: message.priority,
    due: Math.max(message.etaMs ?? since, since),
    message: encodeRow(message),
  };
}

/** Never throws, as `decode`. */
export function decodeRow(text: unknown): Decoded<TaskMessage> {
  const row = parsed(text);
  if (typeof row !== 'object' || row === null || Array.isArray(row))
    return { ok: false, error: { code: 'ENVELOPE_NOT_JSON', text: 'the row is not a JSON object' } };
  const { headers, priority, reply_to, body } = row as Record<string, unknown>;
  const id = (headers as { id?: unknown } | null | undefined)?.id;
  const filled = typeof headers === 'object' && headers ? { root_id: id, ...headers } : headers;
  return decode(filled, { priority, reply_to }, body);
}

function iso(ms: number | null): string | undefined {
  return ms === null ? undefined : new Date(ms).toISOString();
}

function parsed(text: unknown): unknown {
  try {
    return typeof text === 'string' ? parseJson(text) : undefined;
  } catch {
    return undefined;
  }
}
