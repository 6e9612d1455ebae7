/**
 * How kombu lays a message into one text for brokers without properties of their own (Redis): a JSON object with the
 * body in base64, headers and properties. Facts: kombu/transport/virtual/base.py `Message` and redis.py, 5.6.2.
 */
import { envelopeText } from './envelope-text.ts';
import { type Format, pack, plainFormat, unpack } from './format.ts';
import type { Decoded, DecodeError, DecodeErrorCode, TaskMessage } from './message.ts';
import { parseJson, writeJson } from './values.ts';

export interface Delivered {
  /** The queue's name; published to the default exchange, as Celery does with a direct exchange. */
  readonly queue: string;
  /** Unique for each copy of each message: kombu's `unacked` hash is keyed by it. */
  readonly deliveryTag: string;
}

export function encodeEnvelope(
  message: TaskMessage,
  delivered: Delivered,
  format: Format = plainFormat,
): string {
  return envelopeText(message, delivered, format) ?? envelopeOf(message, delivered, format);
}

/** Of any message; the other way is quicker for most. */
export function envelopeOf(message: TaskMessage, delivered: Delivered, format: Format): string {
  const packed = pack(message, format);
  const envelope = {
    body: Buffer.from(packed.content as string).toString('base64'),
    'content-encoding': packed.contentEncoding,
    'content-type': packed.contentType,
    headers: packed.headers,
    properties: {
      ...packed.properties,
      delivery_info: { exchange: '', routing_key: delivered.queue },
      body_encoding: 'base64',
      delivery_tag: delivered.deliveryTag,
    },
  };
  return writeJson(envelope, false);
}

/** Never throws: anything that is not a message of ours or of Celery's comes back with a code. */
export function decodeEnvelope(text: string, format: Format = plainFormat): Decoded<TaskMessage> {
  const envelope = parsed(text);
  if (envelope === undefined) return bad('ENVELOPE_NOT_JSON', 'the message is not JSON');
  if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope))
    return bad('ENVELOPE_SHAPE', 'the message must be an object');
  const { headers, properties, body, ...rest } = envelope as Record<string, unknown>;
  if (typeof body !== 'string') return bad('ENVELOPE_SHAPE', 'the body must be a text');
  const encoding = (properties as { body_encoding?: unknown } | null | undefined)?.body_encoding;
  // No pattern that can match in two ways: on a text that is wrong such a one takes the square of its length.
  if (encoding === 'base64' && !/^[A-Za-z0-9+/\s]*={0,2}$/.test(body.trimEnd()))
    return bad('BODY_ENCODING', 'the body is not base64, as its property body_encoding says');
  const content = encoding === 'base64' ? Buffer.from(body, 'base64') : body;
  return unpack({ headers, properties, content, contentType: rest['content-type'] }, format);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return loosely(text);
  }
}

/** Python writes NaN into a header, too. */
function loosely(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function bad(code: DecodeErrorCode, text: string): { readonly ok: false; readonly error: DecodeError } {
  return { ok: false, error: { code, text } };
}
