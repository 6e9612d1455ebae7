/**
 * What must exist on RabbitMQ before a message can go: its queue and, for one that is due much later, Celery's native
 * delayed delivery. A queue is first looked for and only declared when it is not there: a declaration with other
 * arguments than it has (quorum, x-max-priority) would be refused with 406.
 *
 * Delayed delivery is kombu's (kombu/transport/native_delayed_delivery.py, 5.5): 28 topic exchanges and queues
 * `celery_delayed_27` to `celery_delayed_0`, where a message waits 2^n seconds in each whose bit is set in its delay; the
 * bits stand before its routing key. At the end the exchange `celery_delayed_delivery` sends it to the queue of that name.
 * Celery can use it for topic exchanges only; here the queue itself is bound, so that it serves every queue, and a worker
 * of Python takes the message as any other.
 */
import type { Channel, ChannelModel } from 'amqplib';
import { type RabbitSettings, replyCode } from './link.ts';

export const delayExchange = 'celery_delayed_27';
export const asideQueue = 'headcount.set_aside';

const deliveryExchange = 'celery_delayed_delivery';
const topBit = 27;
const mostSetAside = 10_000;

export async function ensureQueue(
  connection: ChannelModel,
  queue: string,
  settings: RabbitSettings,
): Promise<void> {
  if (await exists(connection, queue)) return;
  const type = queue === asideQueue ? 'classic' : (settings.queueType ?? 'classic');
  const args = {
    ...(type === 'quorum' ? { 'x-queue-type': 'quorum' } : {}),
    ...(type === 'classic' && settings.maxPriority ? { 'x-max-priority': settings.maxPriority } : {}),
    ...(queue === asideQueue ? { 'x-max-length': mostSetAside, 'x-overflow': 'drop-head' } : {}),
  };
  await aside(connection, (channel) => channel.assertQueue(queue, { durable: true, arguments: args }));
  if (queue === asideQueue) return;
  // Where Python's clients publish to unless the exchange is the default one. Another kind of exchange may have the name.
  await aside(connection, async (channel) => {
    await channel.assertExchange(queue, 'direct', { durable: true });
    await channel.bindQueue(queue, queue, queue);
  }).catch(() => {});
}

/** Undefined: no such queue. */
export async function readyCount(connection: ChannelModel, queue: string): Promise<number | undefined> {
  try {
    return await aside(connection, async (channel) => (await channel.checkQueue(queue)).messageCount);
  } catch (error) {
    if (replyCode(error) === 404) return undefined;
    throw error;
  }
}

/** Answers with the number of messages that were ready; none where there is no such queue. */
export async function purgeQueue(connection: ChannelModel, queue: string): Promise<number> {
  if (!(await exists(connection, queue))) return 0;
  return aside(connection, async (channel) => (await channel.purgeQueue(queue)).messageCount);
}

/** Declares delayed delivery, and the way out of it to this queue. Needs RabbitMQ 3.10. */
export async function ensureDelay(connection: ChannelModel, queue: string): Promise<void> {
  await aside(connection, declareDelay).catch((error: unknown) => {
    // Somebody declared it with other arguments: then it is there.
    if (replyCode(error) !== 406) throw error;
  });
  await aside(connection, (channel) => channel.bindQueue(queue, deliveryExchange, `#.${queue}`));
}

/** Whole seconds, rounded down; the worker holds the message for the rest. */
export function delayKey(queue: string, delaySeconds: number): string {
  const most = 2 ** (topBit + 1) - 1;
  const bits = Math.min(most, Math.floor(delaySeconds))
    .toString(2)
    .padStart(topBit + 1, '0');
  return `${[...bits].join('.')}.${queue}`;
}

async function declareDelay(channel: Channel): Promise<void> {
  const name = (bit: number): string => (bit < 0 ? deliveryExchange : `celery_delayed_${bit}`);
  const durable = { durable: true };
  await channel.assertExchange(deliveryExchange, 'topic', durable);
  for (let bit = 0; bit <= topBit; bit++) {
    const before = '*.'.repeat(topBit - bit);
    await channel.assertExchange(name(bit), 'topic', durable);
    await channel.assertQueue(name(bit), {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-overflow': 'reject-publish',
        'x-message-ttl': 2 ** bit * 1000,
        'x-dead-letter-exchange': name(bit - 1),
        'x-dead-letter-strategy': 'at-least-once',
      },
    });
    await channel.bindQueue(name(bit), name(bit), `${before}1.#`);
    await channel.bindExchange(name(bit - 1), name(bit), `${before}0.#`);
  }
}

async function exists(connection: ChannelModel, queue: string): Promise<boolean> {
  return (await readyCount(connection, queue)) !== undefined;
}

/** On a channel of its own: the server closes the channel of a question that it must deny. */
export async function aside<T>(connection: ChannelModel, work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  try {
    return await work(channel);
  } finally {
    await channel.close().catch(() => {});
  }
}
