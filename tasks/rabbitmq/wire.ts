/** Between a `TaskMessage` and AMQP: headers are a table, properties have names of their own, the body is bare bytes. */
import type { ConsumeMessage, Options } from 'amqplib';
import { type Format, pack, plainFormat, unpack } from '../format.ts';
import type { Decoded, TaskMessage } from '../message.ts';
import { amqpTable } from './table.ts';

export interface AmqpMessage {
  readonly content: Buffer;
  readonly options: Options.Publish;
}

/** @throws TypeError for what the serializer cannot hold */
export function toAmqp(message: TaskMessage, format: Format = plainFormat): AmqpMessage {
  const { headers, properties, content, contentType, contentEncoding } = pack(message, format);
  const { expiration, reply_to: replyTo } = properties;
  return {
    content: Buffer.from(content as string),
    options: {
      contentType,
      contentEncoding,
      headers: amqpTable(headers),
      correlationId: message.id,
      persistent: true,
      priority: message.priority,
      ...(typeof replyTo === 'string' ? { replyTo } : {}),
      ...(typeof expiration === 'string' ? { expiration } : {}),
    },
  };
}

/** Never throws: anything that is not a message of ours or of Celery's comes back with a code. */
export function fromAmqp(
  { content, properties }: ConsumeMessage,
  format: Format = plainFormat,
): Decoded<TaskMessage> {
  const headers = ownHeaders(properties.headers ?? {});
  const { correlationId, replyTo, priority } = properties;
  const common = { correlation_id: correlationId, reply_to: replyTo, priority };
  // Who says nothing sends JSON: so do tools that put a message into a queue by hand.
  const contentType: unknown = properties.contentType ?? 'application/json';
  return unpack({ headers, properties: common, content, contentType }, format);
}

/** The same message again, as it is. Its expiry went with its first trip, or is left to who starts it. */
export function sameAgain({ content, properties }: ConsumeMessage): AmqpMessage {
  const { contentType, contentEncoding, correlationId, replyTo, priority } = properties;
  const given = { contentType, contentEncoding, correlationId, replyTo, priority };
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return {
    content,
    options: { ...options, persistent: true, headers: amqpTable(ownHeaders(properties.headers ?? {})) },
  };
}

/** Without what RabbitMQ wrote on the way. */
function ownHeaders(headers: Record<string, unknown>): Record<string, unknown> {
  for (const name in headers) if (isTheirs(name)) return withoutTheirs(headers);
  return headers;
}

function withoutTheirs(headers: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isTheirs(name)));
}

function isTheirs(name: string): boolean {
  return (
    name.startsWith('x-') && /^x-(death|first-death-|last-death-|delivery-count|acquired-count)/.test(name)
  );
}
