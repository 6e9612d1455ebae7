/**
 * Celery's message protocol 2, as a pure pair of functions: a `TaskMessage` becomes headers, properties and a body of
 * three parts, and comes back; protocol 1 is read by way of it (message-v1.ts). The layout is that of celery/app/amqp.py `as_task_v2` (5.6.3) and of kombu's virtual
 * transports, checked byte by byte against messages captured from real Celery (message.test.ts).
 *
 * Decoding never throws. Whatever a stranger put into the queue comes back as `{ ok: false, error }` with a code, so
 * that a worker can set it aside and go on: in Python a body of two parts stops the whole worker. The other way, a
 * schema library, was rejected: the error codes and the tolerance for absent headers are the protocol here.
 *
 * Publish time: Celery has none. We write it as Unix seconds (a float) to the header and to the property
 * `published_at`; the property is where Judoscale's clients write it, the header survives brokers that drop unknown
 * properties.
 */
import { fromOldBody, isOldBody } from './message-v1.ts';
import { reprOfArgs, reprOfKwargs } from './repr.ts';
import { passedOn, reprsOf } from './shown.ts';
import { hadSpecialNumbers, writeJson } from './values.ts';

/** One call of a task. Times are milliseconds since the Unix epoch; what Celery writes as null is null. */
export interface TaskMessage {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Callbacks, errbacks, chain and chord. */
  readonly embed: Readonly<Record<string, unknown>>;
  readonly retries: number;
  /** Not before. */
  readonly etaMs: number | null;
  /** Not after. */
  readonly expiresMs: number | null;
  readonly timeLimit: { readonly hardSeconds: number | null; readonly softSeconds: number | null };
  readonly rootId: string | null;
  readonly parentId: string | null;
  readonly group: string | null;
  readonly groupIndex: number | null;
  readonly shadow: string | null;
  readonly origin: string | null;
  /** Null where the sender did not say: then the worker's own setting counts. */
  readonly ignoreResult: boolean | null;
  /** 0 to 9, as on Redis, where 0 is soonest; from RabbitMQ up to 255. */
  readonly priority: number;
  readonly replyTo: string | null;
  readonly publishedAtMs: number | null;
  /** What the sender lets people see of the arguments, where that is not the arguments themselves. */
  readonly argsRepr?: string;
  readonly kwargsRepr?: string;
  /** Every header that is not in the table of the protocol, as it came. */
  readonly extraHeaders: Readonly<Record<string, unknown>>;
}

export interface Wire {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
  /** JSON of `[args, kwargs, embed]`. */
  readonly body: string;
}

export type DecodeErrorCode =
  | 'ENVELOPE_NOT_JSON'
  | 'ENVELOPE_SHAPE'
  | 'HEADER_INVALID'
  | 'CONTENT_TYPE'
  | 'COMPRESSED'
  | 'BODY_ENCODING'
  | 'BODY_NOT_JSON'
  | 'BODY_SHAPE';

export interface DecodeError {
  readonly code: DecodeErrorCode;
  /** A clause for people. */
  readonly text: string;
}

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: DecodeError };

/** Of RabbitMQ; Python's apps often count to 10. */
const mostPriority = 255;

export const emptyEmbed: Readonly<Record<string, unknown>> = {
  callbacks: null,
  errbacks: null,
  chain: null,
  chord: null,
};

const knownHeaders: ReadonlySet<string> = new Set(
  (
    'lang task id shadow eta expires group group_index retries timelimit root_id parent_id argsrepr kwargsrepr ' +
    'origin ignore_result replaced_task_nesting published_at compression headcount_reprs'
  ).split(' '),
);

/** A message with every member at its default. */
export function newMessage(fields: Pick<TaskMessage, 'id' | 'task'> & Partial<TaskMessage>): TaskMessage {
  return {
    args: [],
    kwargs: {},
    embed: emptyEmbed,
    retries: 0,
    etaMs: null,
    expiresMs: null,
    timeLimit: { hardSeconds: null, softSeconds: null },
    rootId: fields.id,
    parentId: null,
    group: null,
    groupIndex: null,
    shadow: null,
    origin: null,
    ignoreResult: null,
    priority: 0,
    replyTo: null,
    publishedAtMs: null,
    extraHeaders: {},
    ...fields,
  };
}

/** All headers of the protocol in Celery's order, the properties common to all brokers, and the body. */
export function encode(message: TaskMessage): Wire {
  return {
    headers: {
      lang: 'js',
      task: message.task,
      id: message.id,
      shadow: message.shadow,
      eta: isoTime(message.etaMs),
      expires: isoTime(message.expiresMs),
      group: message.group,
      group_index: message.groupIndex,
      retries: message.retries,
      // The documentation says soft before hard. The code reads hard first, and so do all workers.
      timelimit: [message.timeLimit.hardSeconds, message.timeLimit.softSeconds],
      root_id: message.rootId,
      parent_id: message.parentId,
      argsrepr: message.argsRepr ?? reprOfArgs(message.args),
      kwargsrepr: message.kwargsRepr ?? reprOfKwargs(message.kwargs),
      origin: message.origin,
      ...(message.ignoreResult === null ? {} : { ignore_result: message.ignoreResult }),
      replaced_task_nesting: 0,
      stamped_headers: null,
      stamps: {},
      ...publishedAt(message),
      ...passedOn(message),
      ...message.extraHeaders,
    },
    properties: {
      correlation_id: message.id,
      reply_to: message.replyTo,
      delivery_mode: 2,
      priority: message.priority,
      ...publishedAt(message),
      ...expiration(message),
    },
    body: bodyOf(message),
  };
}

/** A message that came with NaN goes on with it: only Python can have sent it, or who asked to write so. */
function bodyOf({ args, kwargs, embed }: TaskMessage): string {
  return writeJson([args, kwargs, embed], hadSpecialNumbers(args, kwargs, embed));
}

/** Reads headers, properties and an already parsed body. Unknown headers are kept, absent ones get their default. */
export function decode(headers: unknown, properties: unknown, body: unknown): Decoded<TaskMessage> {
  if (!isRecord(headers) || !isRecord(properties))
    return bad('ENVELOPE_SHAPE', 'headers and properties must be objects');
  if (isRecord(body) && isOldBody(headers, body)) {
    const renewed = fromOldBody(headers, body);
    return decodeParts(renewed.headers, properties, renewed.body);
  }
  return decodeParts(headers, properties, body);
}

function decodeParts(
  headers: Readonly<Record<string, unknown>>,
  properties: Record<string, unknown>,
  body: unknown,
): Decoded<TaskMessage> {
  const parts = bodyParts(body);
  if (!parts) return bad('BODY_SHAPE', 'the body must be [args, kwargs, embed]');
  const wrong = firstInvalid(headers, properties);
  if (wrong) return bad('HEADER_INVALID', wrong);
  return { ok: true, value: assemble(headers, properties, parts) };
}

interface BodyParts {
  readonly args: unknown[];
  readonly kwargs: Record<string, unknown>;
  readonly embed: Record<string, unknown>;
}

function bodyParts(body: unknown): BodyParts | undefined {
  if (!Array.isArray(body) || body.length !== 3) return undefined;
  const [args, given, embed] = body as unknown[];
  // celery-node's sendTask without named arguments writes null.
  const kwargs = given ?? {};
  if (!Array.isArray(args) || !isRecord(kwargs)) return undefined;
  if (embed !== null && !isRecord(embed)) return undefined;
  return { args, kwargs, embed: embed ?? emptyEmbed };
}

/** The checks in the order of the table; the first that fails is reported. */
function firstInvalid(
  headers: Readonly<Record<string, unknown>>,
  properties: Record<string, unknown>,
): string | undefined {
  const { task, id, retries, timelimit } = headers;
  if (typeof task !== 'string' || task === '') return 'header "task" must be a name';
  if (typeof id !== 'string' || id === '') return 'header "id" must be a text';
  for (const name of ['eta', 'expires'] as const)
    if (!isAbsent(headers[name]) && timeOf(headers[name]) === null)
      return `header "${name}" must be a time in ISO 8601, not ${shown(headers[name])}`;
  if (!isAbsent(retries) && !(Number.isSafeInteger(retries) && (retries as number) >= 0))
    return `header "retries" must be a whole number, not ${shown(retries)}`;
  if (!isAbsent(timelimit) && !isTimeLimit(timelimit))
    return `header "timelimit" must be [hard, soft] in seconds, not ${shown(timelimit)}`;
  if (!isAbsent(properties.priority) && !Number.isFinite(properties.priority))
    return `property "priority" must be a number, not ${shown(properties.priority)}`;
  return undefined;
}

function assemble(
  headers: Readonly<Record<string, unknown>>,
  properties: Record<string, unknown>,
  parts: BodyParts,
): TaskMessage {
  const [hard, soft] = (headers.timelimit ?? []) as [unknown?, unknown?];
  return {
    id: headers.id as string,
    task: headers.task as string,
    args: parts.args,
    kwargs: parts.kwargs,
    embed: parts.embed,
    retries: numberOr(headers.retries, 0),
    etaMs: timeOf(headers.eta),
    expiresMs: timeOf(headers.expires),
    timeLimit: { hardSeconds: numberOr(hard, null), softSeconds: numberOr(soft, null) },
    rootId: textOrNull(headers.root_id),
    parentId: textOrNull(headers.parent_id),
    group: textOrNull(headers.group),
    groupIndex: numberOr(headers.group_index, null),
    shadow: textOrNull(headers.shadow),
    origin: textOrNull(headers.origin),
    ignoreResult: typeof headers.ignore_result === 'boolean' ? headers.ignore_result : null,
    priority: Math.min(mostPriority, Math.max(0, Math.trunc(numberOr(properties.priority, 0)))),
    replyTo: textOrNull(properties.reply_to),
    publishedAtMs: unixTime(properties.published_at) ?? unixTime(headers.published_at),
    extraHeaders: extraOf(headers),
    ...reprsOf(headers),
  };
}

const noHeaders: Readonly<Record<string, unknown>> = {};

function extraOf(headers: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  // Made only where there is one: most messages have none.
  let extra: Record<string, unknown> | undefined;
  for (const name of Object.keys(headers))
    if (isExtra(name, headers)) {
      extra ??= Object.create(null) as Record<string, unknown>;
      extra[name] = headers[name];
    }
  return extra ? { ...extra } : noHeaders;
}

/** `stamped_headers` and `stamps` count as extra only where they say something. */
function isExtra(name: string, headers: Readonly<Record<string, unknown>>): boolean {
  if (knownHeaders.has(name)) return false;
  if (name === 'stamped_headers') return headers[name] !== null;
  if (name === 'stamps') return !isRecord(headers[name]) || Object.keys(headers[name]).length > 0;
  return true;
}

function publishedAt(message: TaskMessage): { published_at?: number } {
  return message.publishedAtMs === null ? {} : { published_at: message.publishedAtMs / 1000 };
}

/** Milliseconds from publishing to expiry, as a text: kombu's form, which RabbitMQ obeys by itself. */
export function expirationOf({ expiresMs, publishedAtMs }: TaskMessage): string | undefined {
  if (expiresMs === null || publishedAtMs === null) return undefined;
  return String(Math.max(0, Math.round(expiresMs - publishedAtMs)));
}

function expiration(message: TaskMessage): { expiration?: string } {
  const text = expirationOf(message);
  return text === undefined ? {} : { expiration: text };
}

/** With an offset instead of Z, as Python writes it. */
export function isoTime(ms: number | null): string | null {
  return ms === null ? null : isoTimeOf(ms);
}

/** With six digits, because Celery up to 5.2 reads `.288` as 288 microseconds (celery/utils/iso8601.py), and is thus too early. */
export function isoTimeOf(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000+00:00');
}

/** A time without an offset is UTC, as Celery reads it. Null for whatever is no time. */
export function timeOf(value: unknown): number | null {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT/.test(value)) return null;
  const ms = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** Unix time in seconds, or in milliseconds from producers that count so: no date before 5138 is beyond 1e11 seconds. */
function unixTime(value: unknown): number | null {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number <= 0) return null;
  return Math.round(number > 1e11 ? number : number * 1000);
}

function isTimeLimit(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((part) => part === null || (Number.isFinite(part) && part >= 0))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function numberOr<T>(value: unknown, otherwise: T): number | T {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}

function bad(code: DecodeErrorCode, text: string): { readonly ok: false; readonly error: DecodeError } {
  return { ok: false, error: { code, text } };
}
