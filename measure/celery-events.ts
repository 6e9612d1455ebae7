/**
 * Listens to Celery's events of tasks, on Redis (fanout by pub/sub: `/<db>.celeryev/<routing key>`) and RabbitMQ (topic exchange
 * `celeryev`). Workers send them when they run with -E or are told to: whoever listens tells them, once a minute, as
 * Flower does. Nothing waits for an event and nothing is kept for a listener that is away, so what happens
 * during an outage is missing from the counts, and never wrong in them.
 *
 * Events come one by one, or many in a list (`task.multi`). A listener has a connection of its own on Redis, where a subscribed
 * one can do nothing else, and a channel of the meter's connection on RabbitMQ.
 *
 * Facts: celery/events/event.py, kombu/transport/redis.py, 5.2 and 5.6; TTL and expiry of the queue as Celery's settings
 * event_queue_ttl and event_queue_expires.
 */
import { randomUUID } from 'node:crypto';
import type { ChannelModel } from 'amqplib';
import type { Redis } from 'ioredis';
import type { OptionSpec } from '../decide/options.ts';
import { controlKeys, fieldsOf, questionOf, request } from './celery-control.ts';
import { aside, replyCode } from './rabbit.ts';
import { openRedisLink } from './redis.ts';

export const eventsOption: OptionSpec = {
  name: 'events',
  label: 'Listen to events',
  help: 'Tells the workers to send events of their tasks, and keeps rates, run times and failures by task name.',
  type: 'boolean',
  default: false,
};

export interface Listener<T> {
  /** Sees to it that it listens, and that workers speak. Never rejects: without events the reading is as good. */
  listen(connection: T, signal: AbortSignal): Promise<void>;
  close(): void;
}

type Hear = (event: unknown) => void;

const enableEveryMs = 60_000;
const bytesMaximum = 4_000_000;

interface RedisPlace {
  readonly url: string;
  /** Only for `sentinel://`. */
  readonly masterName?: string;
  readonly keyPrefix: string;
  readonly separator: string;
}

export function redisEvents(place: RedisPlace, hear: Hear, now: () => number): Listener<Redis> {
  const link = openRedisLink(place.url, place.masterName);
  const due = everyMinute(now);
  let subscribed: Redis | undefined;
  const topic = `${place.keyPrefix}/${link.database}.celeryev/task.*`;
  const { channel } = controlKeys({ ...place, inbox: '', database: link.database });
  return {
    listen: async (redis, signal) => {
      try {
        const own = await link.connected(signal);
        if (own !== subscribed) {
          own.on('pmessage', (_pattern: string, _channel: string, text: string) => hearRedis(text, hear));
          await own.psubscribe(topic);
          subscribed = own;
        }
        if (due()) await redis.publish(channel, request(enabling(now())));
      } catch {
        link.drop();
      }
    },
    close: link.drop,
  };
}

function hearRedis(text: string, hear: Hear): void {
  if (text.length > bytesMaximum) return;
  try {
    const { body, properties } = fieldsOf(JSON.parse(text));
    const base64 = fieldsOf(properties).body_encoding === 'base64';
    hearAll(base64 ? Buffer.from(String(body), 'base64').toString() : String(body), hear);
  } catch {
    // A stranger's message.
  }
}

export function rabbitEvents(hear: Hear, now: () => number): Listener<ChannelModel> {
  const due = everyMinute(now);
  let listening: ChannelModel | undefined;
  return {
    listen: async (connection) => {
      try {
        if (listening !== connection) {
          await consume(connection, hear, () => {
            if (listening === connection) listening = undefined;
          });
          listening = connection;
        }
        if (due()) await enable(connection, now());
      } catch {
        // The next look tries again.
      }
    },
    close: () => {},
  };
}

const eventQueue = { 'x-message-ttl': 5_000, 'x-expires': 60_000 };

async function consume(connection: ChannelModel, hear: Hear, lost: () => void): Promise<void> {
  await aside(connection, (channel) => channel.checkExchange('celeryev')).catch(async (problem: unknown) => {
    if (replyCode(problem) !== 404) throw problem;
    await aside(connection, (channel) => channel.assertExchange('celeryev', 'topic', { durable: true }));
  });
  const channel = await connection.createChannel();
  channel.on('error', () => {}).on('close', lost);
  const named = `celeryev.headcount-${randomUUID()}`;
  const { queue } = await channel.assertQueue(named, {
    durable: false,
    autoDelete: true,
    exclusive: true,
    arguments: eventQueue,
  });
  await channel.bindQueue(queue, 'celeryev', 'task.#');
  const tell = (content: Buffer): void => {
    if (content.length > bytesMaximum) return;
    try {
      hearAll(content.toString(), hear);
    } catch {
      // A stranger's message.
    }
  };
  await channel.consume(queue, (message) => message && tell(message.content), { noAck: true });
}

async function enable(connection: ChannelModel, nowMs: number): Promise<void> {
  const { body, headers } = questionOf(enabling(nowMs));
  const options = { contentType: 'application/json', contentEncoding: 'utf-8', headers };
  await aside(connection, async (channel) => {
    channel.publish('celery.pidbox', '', Buffer.from(body), options);
  });
}

/** Answers go nowhere: nobody has bound the inbox. */
function enabling(nowMs: number) {
  return { method: 'enable_events', args: {}, ticket: randomUUID(), inbox: 'headcount-nobody', nowMs };
}

function hearAll(text: string, hear: Hear): void {
  const body: unknown = JSON.parse(text);
  for (const event of Array.isArray(body) ? body : [body]) hear(event);
}

function everyMinute(now: () => number): () => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() - last < enableEveryMs && now() >= last) return false;
    last = now();
    return true;
  };
}
