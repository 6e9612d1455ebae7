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
  return usualMessage(text, 0) ?? messageOf(parseJson(text));
}

/** A value of the hash `unacked`: `[message, exchange, routing key]`. Undefined: nobody can tell whose it is. */
export function parseHeld(text: string): HeldMessage | undefined {
  return usualHeld(text) ?? parsedHeld(text);
}

/**
 * The head of a message as kombu's protocol 2 and @headcount/tasks write it, up to its eta. Nearly every message has it, and its
 * object would be made only to read two fields: parsing was half of a look's processor time.
 */
const usualHead =
  /\{"body": ?"[\w+/=]*", ?"content-encoding": ?"[^"\\]*", ?"content-type": ?"[^"\\]*", ?"headers": ?\{"lang": ?"[^"\\]*", ?"task": ?"[^"\\]*", ?"id": ?"([^"\\]*)", ?"shadow": ?null, ?"eta": ?(?:null|"([^"\\]*)"),/y;

/** Of @headcount/tasks. */
const ourProperties =
  /"properties":\{"correlation_id":"[^"\\]*","reply_to":(?:null|"[^"\\]*"),"delivery_mode":2,"priority":\d+,"published_at":(\d+(?:\.\d+)?),/y;

const usualTail = /\}, ?"([^"\\]*)", ?"([^"\\]*)"\]$/y;

/** Undefined for a message that is to be parsed. */
function usualMessage(text: string, from: number): BrokerMessage | undefined {
  usualHead.lastIndex = from;
  const head = usualHead.exec(text);
  if (!head || text.includes('"run_at"')) return undefined;
  const dueAt = timeOf(head[2]);
  if (!text.includes('"published_at"')) return found(head[1], dueAt, undefined);
  ourProperties.lastIndex = Math.max(0, text.lastIndexOf('"properties"'));
  const publishedAt = timeOf(Number(ourProperties.exec(text)?.[1]));
  return publishedAt === undefined ? undefined : found(head[1], dueAt, publishedAt);
}

function usualHeld(text: string): HeldMessage | undefined {
  usualTail.lastIndex = Math.max(0, text.lastIndexOf('}'));
  const [, exchange, routingKey] = usualTail.exec(text) ?? [];
  if (!text.startsWith('[') || exchange === undefined || routingKey === undefined) return undefined;
  const message = usualMessage(text, 1);
  return message && { ...message, exchange, routingKey };
}

function parsedHeld(text: string): HeldMessage | undefined {
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
  return found(task.id, dueAt, publishedAt);
}

function found(id: unknown, dueAt: number | undefined, publishedAt: number | undefined): BrokerMessage {
  return {
    ...(typeof id === 'string' ? { id } : {}),
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
