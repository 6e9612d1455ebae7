/**
 * The envelope of a usual message, written as one text. A sender who awaits each call pays for its envelope every time,
 * and most of that went into objects that were made only to be turned into JSON: 8 to 10 microseconds each way by objects,
 * 2 by this. Whatever is not usual (protocol 1, msgpack, compression, headers of strangers, NaN) is left to envelope.ts;
 * a property test holds both to the same bytes.
 */
import type { Delivered } from './envelope.ts';
import { type Format, isPlain } from './format.ts';
import { emptyEmbed, expirationOf, isoTime, type TaskMessage } from './message.ts';
import { reprOfArgs, reprOfKwargs } from './repr.ts';
import { hasReprs } from './shown.ts';
import { hadSpecialNumbers, writeJson } from './values.ts';

/** Undefined for a message that is not usual. @throws TypeError for what JSON cannot hold */
export function envelopeText(message: TaskMessage, delivered: Delivered, format: Format): string | undefined {
  const { args, kwargs, embed, extraHeaders } = message;
  if (!isPlain(format) || hasAny(extraHeaders) || hadSpecialNumbers(args, kwargs, embed)) return undefined;
  if (hasReprs(message)) return undefined;
  const published =
    message.publishedAtMs === null ? '' : `,"published_at":${number(message.publishedAtMs / 1000)}`;
  return (
    `{"body":"${Buffer.from(bodyText(message)).toString('base64')}"` +
    ',"content-encoding":"utf-8","content-type":"application/json","headers":' +
    headersText(message, published) +
    ',"properties":' +
    propertiesText(message, published, delivered) +
    '}'
  );
}

const emptyEmbedText = JSON.stringify(emptyEmbed);

function bodyText({ args, kwargs, embed }: TaskMessage): string {
  const embedText = embed === emptyEmbed ? emptyEmbedText : writeJson(embed, false);
  return `[${writeJson(args, false)},${hasAny(kwargs) ? writeJson(kwargs, false) : '{}'},${embedText}]`;
}

/** In the order of `encode`. */
function headersText(message: TaskMessage, published: string): string {
  const { timeLimit, ignoreResult } = message;
  return (
    `{"lang":"js","task":${JSON.stringify(message.task)},"id":${JSON.stringify(message.id)}` +
    `,"shadow":${text(message.shadow)},"eta":${text(isoTime(message.etaMs))}` +
    `,"expires":${text(isoTime(message.expiresMs))},"group":${text(message.group)}` +
    `,"group_index":${number(message.groupIndex)},"retries":${number(message.retries)}` +
    `,"timelimit":[${number(timeLimit.hardSeconds)},${number(timeLimit.softSeconds)}]` +
    `,"root_id":${text(message.rootId)},"parent_id":${text(message.parentId)}` +
    `,"argsrepr":${JSON.stringify(reprOfArgs(message.args))}` +
    `,"kwargsrepr":${hasAny(message.kwargs) ? JSON.stringify(reprOfKwargs(message.kwargs)) : '"{}"'}` +
    `,"origin":${text(message.origin)}` +
    (ignoreResult === null ? '' : `,"ignore_result":${ignoreResult}`) +
    `,"replaced_task_nesting":0,"stamped_headers":null,"stamps":{}${published}}`
  );
}

function propertiesText(message: TaskMessage, published: string, { queue, deliveryTag }: Delivered): string {
  const expiration = expirationOf(message);
  return (
    `{"correlation_id":${JSON.stringify(message.id)},"reply_to":${text(message.replyTo)}` +
    `,"delivery_mode":2,"priority":${number(message.priority)}${published}` +
    (expiration === undefined ? '' : `,"expiration":"${expiration}"`) +
    `,"delivery_info":{"exchange":"","routing_key":${JSON.stringify(queue)}}` +
    `,"body_encoding":"base64","delivery_tag":${JSON.stringify(deliveryTag)}}`
  );
}

function text(value: string | null): string {
  return value === null ? 'null' : JSON.stringify(value);
}

/** What JSON cannot say is null, as in JSON.stringify. */
function number(value: number | null): string {
  return value === null || !Number.isFinite(value) ? 'null' : String(value);
}

function hasAny(record: Readonly<Record<string, unknown>>): boolean {
  for (const _ in record) return true;
  return false;
}
