/**
 * A failed Celery task as a message that can be sent: found in what a worker of @headcount/tasks kept of it (its message, as it
 * came) or in its result, where Celery's setting `result_extended` put name and arguments beside it. Arguments stay
 * texts from end to end, so that they arrive as they were (raw-json.ts).
 *
 * The new message begins anew: no due time, no expiry, no retries counted, alone. What was to follow it in a chain, a chord or
 * a callback is left out, because that was told of the failure when it happened. As with Celery's own retry, its
 * parent is the failed one; its root is that one's root. Headers of the app and time limits go along.
 *
 * Facts: celery/app/amqp.py `as_task_v2`, celery/worker/strategy.py, celery/backends/base.py `_get_result_meta`, 5.2 and 5.6.
 */
import { inflateSync } from 'node:zlib';
import { rawItems, rawMembers, textIn } from './raw-json.ts';

export interface Call {
  readonly task: string;
  /** Absent: where it was sent is not known for sure. */
  readonly queue?: string;
  /** JSON as it was written. */
  readonly args: string;
  readonly kwargs: string;
  /** Of its message, where there is one. */
  readonly headers: Fields;
  readonly properties: Fields;
}

type Fields = Readonly<Record<string, unknown>>;

export type Found = { readonly ok: true; readonly call: Call } | { readonly ok: false; readonly why: string };

const inflatedBytesMaximum = 4_000_000;
const reprCharsMaximum = 1_024;
const noSequel = '{"callbacks": null, "errbacks": null, "chain": null, "chord": null}';

/** @param text an entry of the hash `headcount.failed` */
export function callInKept(text: string): Found {
  const entry = fieldsIn(text);
  const message = fieldsIn(String(entry.message));
  const { headers, properties } = {
    headers: fieldsOf(message.headers),
    properties: fieldsOf(message.properties),
  };
  const body = bodyOf(message, headers, properties);
  if (body === undefined) return unsent('its message is not plain JSON');
  // Protocol 2 has the name in a header; protocol 1, and what is between them, has all in the body.
  const members = rawMembers(body);
  const [args, kwargs] = members ? [members.get('args'), members.get('kwargs')] : (rawItems(body) ?? []);
  const task = typeof headers.task === 'string' ? headers.task : textIn(members?.get('task'));
  if (task === undefined || typeof entry.queue !== 'string') return unsent('its message cannot be read');
  return withArguments({ task, queue: entry.queue, args, kwargs, headers, properties });
}

/** @param text the value of `celery-task-meta-<id>` */
export function callInResult(text: string): Found {
  const members = rawMembers(text);
  const task = textIn(members?.get('name'));
  if (!members || task === undefined) return unsent('its result has no arguments beside it');
  const queue = textIn(members.get('queue'));
  const [args, kwargs] = [members.get('args'), members.get('kwargs')];
  return withArguments({
    task,
    args,
    kwargs,
    headers: {},
    properties: {},
    ...(queue !== undefined && { queue }),
  });
}

/** `FAILURE`, `SUCCESS`, `STARTED`. Undefined: nobody knows. */
export function statusIn(text: string | null | undefined): string | undefined {
  return text ? textIn(rawMembers(text)?.get('status')) : undefined;
}

export interface Sending {
  /** The new one. */
  readonly id: string;
  readonly failedId: string;
  readonly queue: string;
  readonly deliveryTag: string;
  readonly nowMs: number;
}

/** As kombu's Redis transport stores it, in protocol 2, which every Celery since 4.0 reads. */
export function messageAgain(call: Call, { id, failedId, queue, deliveryTag, nowMs }: Sending): string {
  const {
    run_at,
    published_at,
    redelivered: _,
    headcount_deliveries: __,
    compression: ___,
    ...kept
  } = call.headers;
  const headers = {
    lang: 'js',
    timelimit: [null, null],
    shadow: null,
    argsrepr: call.args.slice(0, reprCharsMaximum),
    kwargsrepr: call.kwargs.slice(0, reprCharsMaximum),
    ...kept,
    task: call.task,
    id,
    root_id: typeof kept.root_id === 'string' ? kept.root_id : failedId,
    parent_id: failedId,
    eta: null,
    expires: null,
    group: null,
    group_index: null,
    retries: 0,
    origin: 'headcount',
    ...(run_at !== undefined && { run_at: new Date(nowMs).toISOString() }),
    ...(published_at !== undefined && { published_at: nowMs / 1_000 }),
  };
  return JSON.stringify({
    body: Buffer.from(`[${call.args}, ${call.kwargs}, ${noSequel}]`).toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers,
    properties: {
      correlation_id: id,
      reply_to: call.properties.reply_to ?? null,
      delivery_mode: 2,
      priority: priorityOf(call),
      published_at: nowMs / 1_000,
      delivery_info: { exchange: '', routing_key: queue },
      body_encoding: 'base64',
      delivery_tag: deliveryTag,
    },
  });
}

export function priorityOf({ properties }: Call): number {
  const priority = Number(properties.priority);
  return Number.isFinite(priority) ? Math.min(9, Math.max(0, Math.floor(priority))) : 0;
}

/** A text in place of a list is what Python shows of it, and no list to be sent. */
function withArguments({
  args,
  kwargs,
  ...call
}: Omit<Call, 'args' | 'kwargs'> & { args?: string | undefined; kwargs?: string | undefined }): Found {
  if (args === undefined || kwargs === undefined || !rawItems(args) || !rawMembers(kwargs))
    return unsent('its arguments are not there in full');
  return { ok: true, call: { ...call, args, kwargs } };
}

function unsent(why: string): Found {
  return { ok: false, why };
}

/** Undefined for what is packed in a way that cannot be taken apart here. */
function bodyOf(message: Fields, headers: Fields, properties: Fields): string | undefined {
  if (typeof message.body !== 'string' || message['content-type'] !== 'application/json') return undefined;
  const bytes = Buffer.from(message.body, properties.body_encoding === 'base64' ? 'base64' : 'utf8');
  if (headers.compression === undefined || headers.compression === null) return bytes.toString();
  // Celery's names for both of its settings gzip and zlib.
  if (headers.compression !== 'application/x-gzip') return undefined;
  try {
    return inflateSync(bytes, { maxOutputLength: inflatedBytesMaximum }).toString();
  } catch {
    return undefined;
  }
}

function fieldsIn(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return {};
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
