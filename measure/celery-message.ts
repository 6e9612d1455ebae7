/**
 * What a measurement needs of a Celery message as kombu's Redis transport stores it: the task's id, when it is due and
 * since when it has waited. Protocol 2 has them in the headers, protocol 1 in the body. Celery itself writes no publish
 * time; Judoscale's and our clients write `published_at` (Unix seconds), HireFire's the header `run_at` (ISO 8601).
 * Whatever is broken is absent here, never an error: the queue's length counts it all the same.
 */
export interface BrokerMessage {
  readonly id?: string;
  /** Not before; milliseconds since the Unix epoch. */
  readonly dueAt?: number;
  /** When the wait began: published, or due if that is later. */
  readonly waitsSince?: number;
}

export interface HeldMessage extends BrokerMessage {
  readonly exchange: string;
  readonly routingKey: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** An item of a queue's list. */
export function parseMessage(text: string): BrokerMessage {
  return messageOf(parseJson(text));
}

/** A value of the hash `unacked`: `[message, exchange, routing key]`. Undefined: nobody can tell whose it is. */
export function parseHeld(text: string): HeldMessage | undefined {
  const value = parseJson(text);
  if (!Array.isArray(value)) return undefined;
  const [message, exchange, routingKey] = value as unknown[];
  if (typeof exchange !== 'string' || typeof routingKey !== 'string') return undefined;
  return { ...messageOf(message), exchange, routingKey };
}

function messageOf(value: unknown): BrokerMessage {
  const message = fieldsOf(value);
  const headers = fieldsOf(message.headers);
  const properties = fieldsOf(message.properties);
  const task = headers.task === undefined ? bodyOfProtocol1(message, properties) : headers;
  const dueAt = timeOf(task.eta);
  const publishedAt =
    timeOf(properties.published_at) ?? timeOf(headers.published_at) ?? timeOf(headers.run_at);
  return {
    ...(typeof task.id === 'string' ? { id: task.id } : {}),
    ...(dueAt === undefined ? {} : { dueAt }),
    ...(publishedAt === undefined ? {} : { waitsSince: Math.max(publishedAt, dueAt ?? 0) }),
  };
}

function bodyOfProtocol1(message: Fields, properties: Fields): Fields {
  if (typeof message.body !== 'string') return {};
  const base64 = properties.body_encoding === 'base64';
  return fieldsOf(parseJson(base64 ? Buffer.from(message.body, 'base64').toString() : message.body));
}

/** Unix seconds, or ISO 8601; without a zone it is UTC. */
function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? value * 1_000 : undefined;
  if (typeof value !== 'string') return undefined;
  const time = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
  return Number.isNaN(time) ? undefined : time;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
