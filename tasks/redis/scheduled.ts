/** What is held on Redis until it is due. It is of no worker, so the workers agree on one that tells it. */
import type { Redis } from 'ioredis';
import type { Scheduled } from '../broker.ts';
import { decodeEnvelope } from '../envelope.ts';
import type { Format } from '../format.ts';
import type { Keys } from './connection.ts';
import { parseHeld, writeMessage } from './text.ts';

/** More than a person reads, and some megabytes at most for Redis and the worker. */
const mostTold = 1_000;
/** Longer than a round of questions takes, and short enough when the teller ends. */
const tellsForMs = 5_000;

/** @param mark names the asking worker */
export async function scheduled(
  redis: Redis,
  keys: Keys,
  format: Format,
  mark: string,
): Promise<readonly Scheduled[]> {
  await redis.set(keys.teller, mark, 'PX', tellsForMs, 'NX');
  if ((await redis.get(keys.teller)) !== mark) return [];
  const tags = await redis.zrange(keys.later, 0, `${mostTold - 1}`);
  if (tags.length === 0) return [];
  const texts = await redis.hmget(keys.unacked, ...tags);
  return texts.flatMap((stored) => {
    const held = parseHeld(stored ?? '');
    const message = held && decodeEnvelope(writeMessage(held.message), format);
    if (!message?.ok || message.value.etaMs === null) return [];
    return [{ queue: held?.routingKey ?? '', redelivered: false, message: message.value }];
  });
}
