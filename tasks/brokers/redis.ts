/** Redis, in kombu's layout: Python Celery's clients and workers share its queues with ours. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Broker, Depth } from '../broker.ts';
import { encodeEnvelope } from '../envelope.ts';
import { type Format, type FormatOptions, openFormat } from '../format.ts';
import type { TaskMessage } from '../message.ts';
import type { RedisSettings } from '../open.ts';
import { createAwake } from '../redis/awake.ts';
import { redisBeatStore } from '../redis/beat.ts';
import {
  asking,
  type Keys,
  keyPrefixOf,
  keysOf,
  openRedis,
  prioritySteps,
  separator,
} from '../redis/connection.ts';
import { startConsumer } from '../redis/consumer.ts';
import { keepFailed } from '../redis/failed.ts';
import { remoteOf } from '../redis/remote.ts';
import { isHeldEta, parseHeld } from '../redis/text.ts';

/** Messages in one transaction: a few hundred kilobytes, well within Redis's buffers. */
const publishedAtATime = 1_000;
/** Above this many held messages `depth` says nothing about them rather than read them all. */
const mostHeldRead = 2_000;
/** Celery's own default. */
const defaultVisibilitySeconds = 3_600;
const defaultLeaseSeconds = 60;

/** @param url as `parseAddress` took it: `redis://`, `rediss://`, `sentinel://` or `redis+cluster://` */
export async function openRedisBroker(
  url: string,
  settings: RedisSettings,
  options: FormatOptions = {},
): Promise<Broker> {
  const format = await openFormat(options);
  const redis = await openRedis(url, true, settings);
  const keys = keysOf({ keyPrefix: keyPrefixOf(url, settings) });
  const awake = createAwake();
  const consumers: Redis[] = [];
  const listeners: Redis[] = [];
  const limits = {
    visibilityMs: (settings.visibilityTimeoutSeconds ?? defaultVisibilitySeconds) * 1000,
    leaseMs: (settings.leaseSeconds ?? defaultLeaseSeconds) * 1000,
  };
  return {
    publish: (queue, messages) => {
      const [only] = messages;
      return only && messages.length === 1
        ? awake.until(publishOne(redis, keys, format, queue, only))
        : publish(redis, keys, format, queue, messages);
    },
    consume: async (consuming) => {
      // A take whose answer got lost must not be sent again: its messages come back by their lease.
      const own = await openRedis(url, false, settings);
      try {
        await asking(own, () => own.ping());
      } catch (error) {
        own.disconnect();
        throw error;
      }
      consumers.push(own);
      const consumer = startConsumer(own, { keys, limits, format, options: consuming });
      return { ...consumer, close: () => consumer.close().finally(() => own.disconnect()) };
    },
    depth: (queue) => asking(redis, () => depth(redis, keys, queue)),
    purge: (queue) => asking(redis, () => purge(redis, keys, queue)),
    keepFailed: (job, most) => keepFailed(redis, keys, job, most),
    beat: (name) => redisBeatStore(redis, keys, format, settings.keyPrefix ?? '', name),
    remote: remoteOf(redis, keys, async () => {
      const listener = await openRedis(url, true, settings);
      listeners.push(listener);
      return listener;
    }),
    close: async () => {
      for (const own of [...consumers, ...listeners]) own.disconnect();
      redis.disconnect();
    },
  };
}

/** Who awaits each call pays for every detour. */
async function publishOne(
  redis: Redis,
  keys: Keys,
  format: Format,
  queue: string,
  message: TaskMessage,
): Promise<void> {
  const list = keys.queue(queue, message.priority);
  const text = encodeEnvelope(message, { queue, deliveryTag: randomUUID() }, format);
  if (isBound(redis, queue, Date.now())) await asking(redis, () => redis.lpush(list, text));
  else await bindAndPush(redis, keys, queue, [[list, [text]]]);
}

async function publish(
  redis: Redis,
  keys: Keys,
  format: Format,
  queue: string,
  messages: readonly TaskMessage[],
): Promise<void> {
  for (let from = 0; from < messages.length; from += publishedAtATime) {
    const lists = new Map<string, string[]>();
    for (const message of messages.slice(from, from + publishedAtATime)) {
      const list = keys.queue(queue, message.priority);
      const text = encodeEnvelope(message, { queue, deliveryTag: randomUUID() }, format);
      const texts = lists.get(list);
      if (texts) texts.push(text);
      else lists.set(list, [text]);
    }
    const [only, ...others] = lists;
    if (only && others.length === 0 && isBound(redis, queue, Date.now())) {
      await asking(redis, () => redis.lpush(only[0], ...only[1]));
      continue;
    }
    await bindAndPush(redis, keys, queue, [...lists]);
  }
}

async function bindAndPush(
  redis: Redis,
  keys: Keys,
  queue: string,
  lists: readonly (readonly [list: string, texts: readonly string[]])[],
): Promise<void> {
  await asking(redis, async () => {
    const transaction = redis.multi().sadd(keys.binding(queue), [queue, '', queue].join(separator));
    for (const [list, texts] of lists) transaction.lpush(list, ...texts);
    failOnError(await transaction.exec());
  });
}

/** Half of the commands of a sender who awaits each call are for a binding that is there; it may be evicted, though. */
const boundForMs = 1_000;
const bound = new WeakMap<Redis, Map<string, number>>();

/** True when this connection has just written the binding of the queue; false makes the caller write it. */
function isBound(redis: Redis, queue: string, nowMs: number): boolean {
  const times = bound.get(redis) ?? new Map<string, number>();
  bound.set(redis, times);
  if (nowMs - (times.get(queue) ?? 0) < boundForMs) return true;
  times.set(queue, nowMs);
  return false;
}

/** Running counts what any worker holds and could work on; early acknowledgement hides the rest from the broker. */
async function depth(redis: Redis, keys: Keys, queue: string): Promise<Depth> {
  const counting = redis.multi().hlen(keys.unacked);
  for (const step of prioritySteps) counting.llen(keys.queue(queue, step));
  const [held = 0, ...lengths] = failOnError(await counting.exec()).map(Number);
  const waiting = lengths.reduce((sum, length) => sum + length, 0);
  if (held > mostHeldRead) return { waiting };
  const entries = (await redis.hvals(keys.unacked)).map(parseHeld);
  const mine = entries.filter((entry) => entry?.routingKey === queue);
  const later = mine.filter((entry) => entry && isHeldEta(entry.message, Date.now())).length;
  return { waiting, running: mine.length - later, later };
}

/** Messages that a worker holds until they are due stay with it. */
async function purge(redis: Redis, keys: Keys, queue: string): Promise<number> {
  const lists = prioritySteps.map((step) => keys.queue(queue, step));
  const counting = redis.multi();
  for (const list of lists) counting.llen(list);
  const replies = failOnError(await counting.del(...lists).exec()).map(Number);
  return replies.slice(0, lists.length).reduce((sum, length) => sum + length, 0);
}

/** A transaction answers with the failures of its commands instead of rejecting. */
function failOnError(replies: [error: Error | null, reply: unknown][] | null): unknown[] {
  return (replies ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
