/** Between a `TaskMessage` and AMQP: headers are a table, properties have names of their own, the body is bare JSON. */
import type { ConsumeMessage, Options } from 'amqplib';
import { type Decoded, decode, encode, type TaskMessage } from '../message.ts';

export interface AmqpMessage {
  readonly content: Buffer;
  readonly options: Options.Publish;
}

export function toAmqp(message: TaskMessage): AmqpMessage {
  const { headers, properties, body } = encode(message);
  const { expiration, reply_to: replyTo } = properties;
  return {
    content: Buffer.from(body),
    options: {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers,
      correlationId: message.id,
      persistent: true,
      priority: message.priority,
      ...(typeof replyTo === 'string' ? { replyTo } : {}),
      ...(typeof expiration === 'string' ? { expiration } : {}),
    },
  };
}

/** Never throws: anything that is not a message of ours or of Celery's comes back with a code. */
export function fromAmqp({ content, properties }: ConsumeMessage): Decoded<TaskMessage> {
  const type: unknown = properties.contentType;
  const headers = ownHeaders(properties.headers ?? {});
  if (type !== undefined && type !== 'application/json')
    return bad('CONTENT_TYPE', `only application/json is read here, not ${String(type).slice(0, 80)}`);
  if (headers.compression !== undefined && headers.compression !== null)
    return bad('COMPRESSED', `the body is compressed (${String(headers.compression).slice(0, 80)})`);
  const { correlationId, replyTo, priority } = properties;
  const common = { correlation_id: correlationId, reply_to: replyTo, priority };
  try {
    return decode(headers, common, JSON.parse(content.toString('utf8')) as unknown);
  } catch {
    return bad('BODY_NOT_JSON', 'the body is not JSON');
  }
}

/** The same message again, as it is. Its expiry went with its first trip, or is left to who starts it. */
export function sameAgain({ content, properties }: ConsumeMessage): AmqpMessage {
  const { contentType, contentEncoding, correlationId, replyTo, priority } = properties;
  const given = { contentType, contentEncoding, correlationId, replyTo, priority };
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return {
    content,
    options: { ...options, persistent: true, headers: ownHeaders(properties.headers ?? {}) },
  };
}

/** Without what RabbitMQ wrote on the way. */
function ownHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const added = /^x-(death|first-death-|last-death-|delivery-count|acquired-count)/;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !added.test(name)));
}

function bad(code: 'CONTENT_TYPE' | 'COMPRESSED' | 'BODY_NOT_JSON', text: string): Decoded<TaskMessage> {
  return { ok: false, error: { code, text } };
}
