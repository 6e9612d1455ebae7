/**
 * Remote control and events on RabbitMQ: commands through the fanout exchange `celery.pidbox`, answers through the direct
 * exchange `reply.celery.pidbox`, events through the topic exchange `celeryev`. Names, kinds and lifetimes are those of
 * kombu/pidbox.py and celery/events (5.2.4 and 5.2.6, unchanged in 5.6): whatever exists with other arguments is used as
 * it is.
 *
 * A fanout does not say how many heard it. So a question to all waits for its whole time, as Python's client does, while
 * one with names ends when all of them have answered; and one that no worker heard comes back, as it is mandatory.
 *
 * All of it shares one connection beside those of the queues: a flood of events must not hold up jobs.
 */
import { randomUUID } from 'node:crypto';
import type { Channel, ChannelModel, ConsumeMessage, Options } from 'amqplib';
import { isRecord } from '../remote/command.ts';
import type { Asked, AskOptions, Remote, ReplyTo, Sent } from '../remote/remote.ts';
import { createLink, type Link, replyCode, unreachable } from './link.ts';
import { listening } from './listening.ts';
import { amqpTable } from './table.ts';
import { aside } from './topology.ts';

export interface RabbitRemote extends Remote {
  close(): Promise<void>;
}

interface Speaker {
  readonly connection: ChannelModel;
  readonly channel: Channel;
  /** Exchanges that are there. */
  readonly exchanges: Set<string>;
}

interface Exchange {
  readonly name: string;
  readonly kind: 'fanout' | 'direct' | 'topic';
  readonly durable: boolean;
}

const commands: Exchange = { name: 'celery.pidbox', kind: 'fanout', durable: false };
const answers: Exchange = { name: 'reply.celery.pidbox', kind: 'direct', durable: false };
const events: Exchange = { name: 'celeryev', kind: 'topic', durable: true };

/** Celery's `control_queue_ttl` and `control_queue_expires`. */
const controlQueue = { 'x-message-ttl': 300_000, 'x-expires': 10_000 };
/** Celery's `event_queue_ttl` and `event_queue_expires`. */
const eventQueue = { 'x-message-ttl': 5_000, 'x-expires': 60_000 };
/** Of all answers to one question together. */
const mostAnswerBytes = 64_000_000;

export function remoteOf(url: string): RabbitRemote {
  const link = createLink<Speaker>(url, speak);
  return {
    hearCommands: (node, hear) =>
      listening(link, (live, channel) =>
        hearFrom(live, channel, `${node}.${commands.name}`, controlQueue, commands, '', hear),
      ),
    hearEvents: (group, hear) => {
      const queue = `${events.name}.${randomUUID()}`;
      const key = group === undefined ? '#' : `${group}.#`;
      return listening(link, (live, channel) =>
        hearFrom(live, channel, queue, eventQueue, events, key, hear),
      );
    },
    reply: (to, sent) => say(link, { ...answers, name: to.exchange }, to.routingKey, sent),
    announce: (key, sent) => say(link, events, key, sent),
    ask: (question, options) => ask(url, link, question, options),
    close: () => link.close(),
  };
}

async function speak(connection: ChannelModel, lost: () => void): Promise<Speaker> {
  const channel = await connection.createChannel();
  channel.on('error', () => {}).on('close', lost);
  return { connection, channel, exchanges: new Set() };
}

/** Looks first: one that exists with other arguments than Celery's is as good. */
async function ensureExchange(live: Speaker, { name, kind, durable }: Exchange): Promise<void> {
  if (live.exchanges.has(name)) return;
  await aside(live.connection, (channel) => channel.checkExchange(name)).catch(async (error: unknown) => {
    if (replyCode(error) !== 404) throw error;
    await aside(live.connection, (channel) => channel.assertExchange(name, kind, { durable }));
  });
  live.exchanges.add(name);
}

async function hearFrom(
  live: Speaker,
  channel: Channel,
  queue: string,
  args: Readonly<Record<string, number>>,
  exchange: Exchange,
  key: string,
  hear: (sent: Sent) => void,
): Promise<string> {
  await ensureExchange(live, exchange);
  const options: Options.AssertQueue = { durable: false, autoDelete: true, arguments: args };
  await aside(live.connection, (own) => own.assertQueue(queue, options)).catch((error: unknown) => {
    // Somebody declared it with other arguments: then it is there.
    if (replyCode(error) !== 406) throw error;
  });
  await channel.bindQueue(queue, exchange.name, key);
  const { consumerTag } = await channel.consume(
    queue,
    (message) => {
      if (!message) return void channel.close().catch(() => {});
      const sent = sentOf(message);
      if (sent) hear(sent);
    },
    { noAck: true },
  );
  return consumerTag;
}

async function say(link: Link<Speaker>, exchange: Exchange, key: string, sent: Sent): Promise<void> {
  const live = await link.get();
  await ensureExchange(live, exchange);
  publish(live.channel, exchange.name, key, sent);
}

function publish(channel: Channel, exchange: string, key: string, sent: Sent, options = {}): void {
  channel.publish(exchange, key, Buffer.from(JSON.stringify(sent.body)), {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    persistent: false,
    priority: 0,
    headers: amqpTable(sent.headers),
    ...options,
  });
}

async function ask(
  url: string,
  link: Link<Speaker>,
  { headers, body }: Sent,
  options: AskOptions,
): Promise<Asked> {
  const inbox = randomUUID();
  const to: ReplyTo = { exchange: answers.name, routingKey: inbox };
  const asked = { ...(body as object), reply_to: { exchange: to.exchange, routing_key: to.routingKey } };
  const channel = await link.use((live) => openInbox(live, inbox));
  try {
    const heard = collect(url, channel, options);
    await channel.consume(`${inbox}.${answers.name}`, heard.arrived, { noAck: true });
    publish(channel, commands.name, '', { headers, body: asked }, { mandatory: true });
    return await heard.all;
  } finally {
    // Its only consumer goes with the channel, and the queue with its only consumer.
    await channel.close().catch(() => {});
  }
}

async function openInbox(live: Speaker, inbox: string): Promise<Channel> {
  await ensureExchange(live, commands);
  await ensureExchange(live, answers);
  const channel = await live.connection.createChannel();
  channel.on('error', () => {});
  await channel.assertQueue(`${inbox}.${answers.name}`, {
    durable: false,
    autoDelete: true,
    arguments: controlQueue,
  });
  await channel.bindQueue(`${inbox}.${answers.name}`, answers.name, inbox);
  return channel;
}

interface Collecting {
  readonly all: Promise<Asked>;
  arrived(message: ConsumeMessage | null): void;
}

function collect(url: string, channel: Channel, { timeoutMs, expected, signal }: AskOptions): Collecting {
  const replies: Sent[] = [];
  let bytes = 0;
  let end: (asked: Asked) => void = () => {};
  const all = new Promise<Asked>((resolve, reject) => {
    const timer = setTimeout(() => end({ replies }), timeoutMs);
    const aborted = (): void => reject(signal.reason);
    end = (asked) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      resolve(asked);
    };
    signal.addEventListener('abort', aborted, { once: true });
    channel.on('return', () => end({ replies, heard: 0 }));
    channel.on('close', () => reject(unreachable(url, new RangeError('the connection was closed'))));
  });
  all.catch(() => {});
  const arrived = (message: ConsumeMessage | null): void => {
    const sent = message && sentOf(message);
    if (sent) replies.push(sent);
    bytes += message?.content.length ?? 0;
    if (replies.length === expected || bytes > mostAnswerBytes) end({ replies });
  };
  return { all, arrived };
}

/** Undefined for whatever a stranger published. */
function sentOf({ content, properties }: ConsumeMessage): Sent | undefined {
  try {
    const headers: unknown = properties.headers;
    return {
      headers: isRecord(headers) ? headers : {},
      body: JSON.parse(content.toString('utf8')) as unknown,
    };
  } catch {
    return undefined;
  }
}
