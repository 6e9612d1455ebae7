/**
 * Results over RabbitMQ, as Celery's `rpc://` sends them (celery/backends/rpc.py, 5.2.6): each client has one queue, its
 * name goes with each call as `reply_to`, and the worker publishes the record there with the id as correlation id. Only
 * who sent a call hears of it.
 *
 * Celery's queue goes with its consumer (auto_delete), so that an outage of a second loses every result on the way. Ours
 * is durable and lives for ten minutes without its client; workers of both kinds publish by its name alone and see no
 * difference. What has come is kept in the client's memory, bounded; a client that sends without ever asking should say
 * `ignoreResult`.
 */
import { randomUUID } from 'node:crypto';
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib';
import { createLink, type Link } from '../rabbitmq/link.ts';
import { listening } from '../rabbitmq/listening.ts';
import {
  decodeResult,
  encodeResult,
  isFinal,
  type ResultRecord,
  type Results,
  type ResultsSettings,
  replaces,
  underWay,
} from '../results.ts';

interface Live {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
}

interface Inbox {
  readonly kept: Map<string, { readonly record: ResultRecord; readonly expiresMs: number }>;
  readonly waiting: Map<string, Set<(record: ResultRecord) => void>>;
  readonly lifeMs: number;
}

/** The oldest are forgotten then. */
const mostKept = 50_000;
const aloneMs = 600_000;
const unacknowledged = 1_000;

export function openRpcResults(url: string, { expiresSeconds }: ResultsSettings): Results {
  const queue = randomUUID();
  const inbox: Inbox = {
    kept: new Map(),
    waiting: new Map(),
    lifeMs: expiresSeconds > 0 ? expiresSeconds * 1000 : Infinity,
  };
  const storing = underWay();
  const link = createLink<Live>(url, prepare);
  let hearing: Promise<() => Promise<void>> | undefined;
  const hear = async (): Promise<void> => {
    hearing ??= listening(link, (_live, channel) => consume(channel, queue, inbox));
    await hearing.catch((error: unknown) => {
      hearing = undefined;
      throw error;
    });
  };
  return {
    replyTo: async () => {
      await hear();
      return queue;
    },
    store: async (record, replyTo) => {
      if (replyTo) await storing.add(link.use(({ channel }) => publish(channel, replyTo, record)));
    },
    get: async (id) => {
      await hear();
      return kept(inbox, id);
    },
    wait: async (id, signal) => {
      await hear();
      return wait(inbox, id, signal);
    },
    close: async () => {
      await storing.all();
      const stop = await hearing?.catch(() => undefined);
      await stop?.();
      if (stop) await forget(link, queue).catch(() => {});
      await link.close();
    },
  };
}

async function prepare(connection: ChannelModel, lost: () => void): Promise<Live> {
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {}).on('close', lost);
  return { connection, channel };
}

async function consume(channel: Channel, queue: string, inbox: Inbox): Promise<string> {
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-expires': aloneMs } });
  await channel.prefetch(unacknowledged);
  let last: ConsumeMessage | undefined;
  const acknowledge = (): void => {
    const upTo = last;
    last = undefined;
    // On a channel that was closed meanwhile: then they come again, and are the same.
    if (upTo) channel.ack(upTo, true);
  };
  channel.on('close', () => {
    last = undefined;
  });
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (!message) return void channel.close().catch(() => {});
    if (last === undefined) setImmediate(acknowledge);
    last = message;
    const record = decodeResult(message.content.toString('utf8'));
    if (record) arrived(inbox, record);
  });
  return consumerTag;
}

function arrived(inbox: Inbox, record: ResultRecord): void {
  const id = record.task_id;
  const now = Date.now();
  if (!replaces(kept(inbox, id))) return;
  inbox.kept.delete(id);
  inbox.kept.set(id, { record, expiresMs: now + inbox.lifeMs });
  for (const [oldest, { expiresMs }] of inbox.kept) {
    if (inbox.kept.size <= mostKept && expiresMs > now) break;
    inbox.kept.delete(oldest);
  }
  if (isFinal(record)) for (const resolve of inbox.waiting.get(id) ?? []) resolve(record);
}

function kept({ kept: all }: Inbox, id: string): ResultRecord | undefined {
  const found = all.get(id);
  return found && found.expiresMs > Date.now() ? found.record : undefined;
}

async function wait(inbox: Inbox, id: string, signal: AbortSignal): Promise<ResultRecord> {
  signal.throwIfAborted();
  const found = kept(inbox, id);
  if (isFinal(found)) return found;
  const waiting = inbox.waiting.get(id) ?? new Set();
  inbox.waiting.set(id, waiting);
  let done: (record: ResultRecord) => void = () => {};
  let aborted = (): void => {};
  try {
    return await new Promise<ResultRecord>((resolve, reject) => {
      done = resolve;
      aborted = () => reject(signal.reason);
      waiting.add(done);
      signal.addEventListener('abort', aborted, { once: true });
    });
  } finally {
    signal.removeEventListener('abort', aborted);
    waiting.delete(done);
    if (waiting.size === 0) inbox.waiting.delete(id);
  }
}

/** RabbitMQ drops one whose client has gone, as it does Celery's. */
function publish(channel: ConfirmChannel, queue: string, record: ResultRecord): Promise<void> {
  const options = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    correlationId: record.task_id,
    persistent: true,
    headers: {},
  };
  return new Promise((resolve, reject) => {
    const answered = (error: unknown): void => (error ? reject(error) : resolve());
    channel.publish('', queue, Buffer.from(encodeResult(record)), options, answered);
  });
}

async function forget(link: Link<Live>, queue: string): Promise<void> {
  const { channel } = await link.get();
  await channel.deleteQueue(queue);
}
