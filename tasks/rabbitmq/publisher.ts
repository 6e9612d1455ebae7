/**
 * Sends messages, and knows when RabbitMQ has them: publisher confirms, awaited by the batch. Every message is mandatory:
 * one whose queue was deleted meanwhile comes back and is sent again after the queue was declared; without that flag
 * RabbitMQ would confirm it and throw it away.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import { TasksError } from '../errors.ts';
import { createLink } from './link.ts';
import type { RabbitSettings } from './settings.ts';
import { delayExchange, delayKey, ensureDelay, ensureQueue, purgeQueue, readyCount } from './topology.ts';
import type { AmqpMessage } from './wire.ts';

export interface Publisher {
  /** In order; what was confirmed before a failure stays. */
  send(queue: string, messages: readonly AmqpMessage[]): Promise<void>;
  /** To a queue, but not before some seconds have passed. Rejects where the server has no delayed delivery. */
  sendLater(queue: string, message: AmqpMessage, delaySeconds: number): Promise<void>;
  /** Messages that are ready in a queue; none in one that does not exist. */
  ready(queue: string): Promise<number>;
  /** Throws away what is ready, and answers how many; none in a queue that does not exist. */
  purge(queue: string): Promise<number>;
  close(): Promise<void>;
}

interface Live {
  readonly connection: ChannelModel;
  readonly channel: Channel | ConfirmChannel;
  readonly confirms: boolean;
  /** Queues that are there, and being made sure of. */
  readonly queues: Map<string, Promise<void>>;
  readonly delays: Map<string, Promise<void>>;
  /** Correlation ids of messages that had no queue. */
  readonly returned: Set<string>;
}

/** How long `close` waits for RabbitMQ to take what is unconfirmed. */
const lastWordMs = 10_000;

/** Of `confirms: 'later'`: what may be on its way. */
const mostOnTrail = 1_000;

/** In one batch: some hundred kilobytes on their way. */
const unconfirmedAtATime = 1_000;

export function createPublisher(url: string, settings: RabbitSettings): Publisher {
  let last: Live | undefined;
  const link = createLink<Live>(url, async (connection, lost) => {
    last = await prepare(connection, settings, lost);
    return last;
  });
  const confirmed = async (queue: string, messages: readonly AmqpMessage[]): Promise<void> => {
    for (let from = 0; from < messages.length; from += unconfirmedAtATime) {
      const batch = messages.slice(from, from + unconfirmedAtATime);
      const done = new Set<AmqpMessage>();
      await link.use((live) => {
        const left = batch.filter((message) => !done.has(message));
        return sendBatch(live, queue, left, settings, done);
      });
    }
  };
  const trail = settings.confirms === 'later' ? createTrail() : undefined;
  return {
    send: trail ? (queue, messages) => trail.add(messages.length, confirmed(queue, messages)) : confirmed,
    sendLater: (queue, message, delaySeconds) =>
      link.use(async (live) => {
        await once(live.queues, queue, () => ensureQueue(live.connection, queue, settings));
        await once(live.delays, queue, () => ensureDelay(live.connection, queue));
        await put(live, delayExchange, delayKey(queue, delaySeconds), [message], new Set());
        if (!live.returned.delete(String(message.options.correlationId))) return;
        // Somebody has taken a part of it away.
        live.delays.delete(queue);
        throw new TasksError(
          'BROKER_UNREACHABLE',
          'RabbitMQ took no message for later',
          'a queue of its delayed delivery is gone',
          'Send it again: the queue is made anew',
        );
      }),
    ready: (queue) => link.use(async ({ connection }) => (await readyCount(connection, queue)) ?? 0),
    purge: (queue) => link.use(({ connection }) => purgeQueue(connection, queue)),
    close: async () => {
      // What could not be sent is told to who closes; the connection goes all the same.
      await (trail?.end() ?? Promise.resolve())
        .then(() => spoken(settings, last))
        .finally(() => link.close());
    },
  };
}

/**
 * Unconfirmed messages may still lie before the channel when its connection closes, and RabbitMQ then throws them away:
 * several hundred were seen. The end of a channel is answered after what went before it.
 */
async function spoken({ confirms }: RabbitSettings, live: Live | undefined): Promise<void> {
  if (confirms !== false || !live) return;
  // One that is closed already says so by an exception.
  const closing = Promise.resolve()
    .then(() => live.channel.close())
    .catch(() => {});
  await Promise.race([closing, pause(lastWordMs, undefined, { ref: false })]);
}

interface Trail {
  /** Resolves when there is room for more. Rejects with why an earlier send failed, once. */
  add(count: number, sending: Promise<void>): Promise<void>;
  end(): Promise<void>;
}

/** Sends that nobody waits for, up to a number. Each is still repeated over outages, as those that are waited for. */
function createTrail(): Trail {
  const under = new Set<Promise<void>>();
  let count = 0;
  let failure: { readonly error: unknown } | undefined;
  const check = (): void => {
    const found = failure;
    failure = undefined;
    if (found) throw found.error;
  };
  return {
    add: async (more, sending) => {
      count += more;
      const ended = sending
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => {
          count -= more;
          under.delete(ended);
        });
      under.add(ended);
      while (count > mostOnTrail) await Promise.race(under);
      check();
    },
    end: async () => {
      await Promise.all(under);
      check();
    },
  };
}

async function prepare(connection: ChannelModel, settings: RabbitSettings, lost: () => void): Promise<Live> {
  const confirms = settings.confirms !== false;
  const channel = confirms ? await connection.createConfirmChannel() : await connection.createChannel();
  const returned = new Set<string>();
  channel.on('error', () => {}).on('close', lost);
  channel.on('return', (message: { properties: { correlationId?: unknown } }) => {
    returned.add(String(message.properties.correlationId));
  });
  return { connection, channel, confirms, queues: new Map(), delays: new Map(), returned };
}

async function sendBatch(
  live: Live,
  queue: string,
  batch: readonly AmqpMessage[],
  settings: RabbitSettings,
  done: Set<AmqpMessage>,
): Promise<void> {
  const ensure = (): Promise<void> =>
    once(live.queues, queue, () => ensureQueue(live.connection, queue, settings));
  await ensure();
  await put(live, '', queue, batch, done);
  if (live.returned.size === 0) return;
  const back = batch.filter(({ options }) => live.returned.delete(String(options.correlationId)));
  if (back.length === 0) return;
  live.queues.delete(queue);
  await ensure();
  await put(live, '', queue, back, done);
}

/** Does it once for each key; what failed is tried again by the next. */
async function once(done: Map<string, Promise<void>>, key: string, work: () => Promise<void>): Promise<void> {
  const known = done.get(key);
  if (known) return known;
  const working = work();
  done.set(key, working);
  working.catch(() => done.delete(key));
  return working;
}

/** @param done gets what RabbitMQ has, so that a second attempt leaves it out */
function put(
  live: Live,
  exchange: string,
  key: string,
  batch: readonly AmqpMessage[],
  done: Set<AmqpMessage>,
): Promise<void> {
  if (batch.length === 0) return Promise.resolve();
  if (!live.confirms) return written(live.channel, exchange, key, batch);
  return new Promise((resolve, reject) => {
    const channel = live.channel as ConfirmChannel;
    let left = batch.length;
    const confirmed = (message: AmqpMessage, error: unknown): void => {
      if (error) reject(error instanceof Error ? error : new RangeError('RabbitMQ refused the message'));
      else {
        done.add(message);
        if (--left === 0) resolve();
      }
    };
    for (const message of batch) {
      const options = { ...message.options, mandatory: true };
      channel.publish(exchange, key, message.content, options, (error) => confirmed(message, error));
    }
  });
}

async function written(
  channel: Channel,
  exchange: string,
  key: string,
  batch: readonly AmqpMessage[],
): Promise<void> {
  let room = true;
  for (const { content, options } of batch)
    room = channel.publish(exchange, key, content, { ...options, mandatory: true });
  if (!room)
    await new Promise<void>((resolve, reject) => {
      const onClose = (): void => reject(new RangeError('the channel was closed'));
      channel.once('close', onClose);
      channel.once('drain', () => {
        channel.off('close', onClose);
        resolve();
      });
    });
}
