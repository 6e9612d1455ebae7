/**
 * Texts of messages as they lie in Redis, read with tolerance: whatever is wrong with them, they must not be lost. What is
 * written again keeps large integers and Python's NaN, which headers may have as well as arguments.
 */
import { parseJson, writeJson } from '../values.ts';

type Json = Record<string, unknown>;

export interface Held {
  readonly message: Json;
  readonly exchange: string;
  readonly routingKey: string;
  readonly priority: number;
}

/** Ours, in the headers: how many workers ended while they had it. */
const deliveriesHeader = 'headcount_deliveries';

/** An entry of `unacked`: JSON of [message, exchange, routing key]. */
export function parseHeld(stored: string): Held | undefined {
  try {
    const [message, exchange, routingKey] = parseJson(stored) as unknown[];
    if (!isRecord(message)) return undefined;
    const priority = Number(recordOf(message.properties).priority) || 0;
    return { message, exchange: String(exchange ?? ''), routingKey: String(routingKey ?? ''), priority };
  } catch {
    return undefined;
  }
}

/** Undefined for what is no message. */
export function parseMessage(text: string): Json | undefined {
  try {
    const message = parseJson(text);
    return isRecord(message) ? message : undefined;
  } catch {
    return undefined;
  }
}

/** The message once more with kombu's two flags, and one lost worker more. */
export function redeliveredText(message: Json, lostWorkers: 0 | 1): { text: string; deliveries: number } {
  const headers = recordOf(message.headers);
  const properties = recordOf(message.properties);
  const deliveries = (Number(headers[deliveriesHeader]) || 0) + lostWorkers;
  const text = writeMessage({
    ...message,
    headers: { ...headers, redelivered: true, ...(deliveries > 0 ? { [deliveriesHeader]: deliveries } : {}) },
    properties: {
      ...properties,
      delivery_info: { ...recordOf(properties.delivery_info), redelivered: true },
    },
  });
  return { text, deliveries };
}

export function writeMessage(message: Json): string {
  return writeJson(message, true);
}

export function wasRedelivered(text: string): boolean {
  return (
    /"redelivered": ?true/.test(text) && recordOf(recordOf(parseMessage(text)).headers).redelivered === true
  );
}

/** Held for its ETA by whoever had it, which has just come or comes soon. */
export function isHeldEta(message: Json, nowMs: number): boolean {
  const eta = recordOf(message.headers).eta;
  return typeof eta === 'string' && Date.parse(eta) > nowMs;
}

function recordOf(value: unknown): Json {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
