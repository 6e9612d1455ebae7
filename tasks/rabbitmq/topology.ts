/**
 * What must exist on RabbitMQ before a message can go: its queue and, for one that is due much later, Celery's native
 * delayed delivery. A queue is first looked for and only declared when it is not there: a declaration with other
 * arguments than it has (quorum, x-max-priority) would be refused with 406.
 *
 * Delayed delivery is kombu's (kombu/transport/native_delayed_delivery.py, 5.5): 28 topic exchanges and queues
 * `celery_delayed_27` to `celery_delayed_0`, where a message waits 2^n seconds in each whose bit is set in its delay; the
 * bits stand before its routing key. At the end the exchange `celery_delayed_delivery` sends it to the queue of that name.
 * Celery can use it for topic exchanges only; here the queue itself is bound, so that it serves every queue, and a worker
 * of Python takes the message as any other. Celery's own pattern, `#.high`, would also get what is for `mail.high`: ours
 * counts the words before the name.
 */
import type { Channel, ChannelModel } from 'amqplib';
import { TasksError } from '../errors.ts';
import { replyCode } from './link.ts';
import type { RabbitSettings } from './settings.ts';

export const delayExchange = 'celery_delayed_27';
export const asideQueue = 'headcount.set_aside';

const deliveryExchange = 'celery_delayed_delivery';
const topBit = 27;
const mostSetAside = 10_000;
/** Of a name in AMQP. */
const longestNameBytes = 255;

export async function ensureQueue(
  connection: ChannelModel,
  queue: string,
  settings: RabbitSettings,
): Promise<void> {
  if (Buffer.byteLength(queue) > longestNameBytes) throw tooLong(queue);
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
  // Made again after it was deleted, it must be found by what waits for its time.
  await aside(connection, (channel) => bindDelay(channel, queue)).catch(() => {});
}

function tooLong(queue: string): TasksError {
  return new TasksError(
    'OPTION_INVALID',
    `The name of queue "${queue.slice(0, 40)}…" is too long`,
    `RabbitMQ's names have at most ${longestNameBytes} bytes`,
    'Choose a shorter one',
  );
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
  const steps = delaySteps();
  const all = async (channel: Channel): Promise<void> => {
    for (const step of steps) await step(channel);
  };
  await aside(connection, all).catch(async (error: unknown) => {
    if (replyCode(error) !== 406) throw error;
    // Somebody declared a part of it with other arguments: that is there, and what is missing is filled in.
    for (const step of steps)
      await aside(connection, step).catch((refused: unknown) => {
        if (replyCode(refused) !== 406) throw refused;
      });
  });
  await aside(connection, (channel) => bindDelay(channel, queue));
}

/** Whether the name leaves room for the bits before it. */
export function canDelay(queue: string): boolean {
  return Buffer.byteLength(delayKey(queue, 0)) <= longestNameBytes;
}

function bindDelay(channel: Channel, queue: string): Promise<unknown> {
  return channel.bindQueue(queue, deliveryExchange, '*.'.repeat(topBit + 1) + queue);
}

/** Whole seconds, rounded down; the worker holds the message for the rest. */
export function delayKey(queue: string, delaySeconds: number): string {
  const most = 2 ** (topBit + 1) - 1;
  const bits = Math.min(most, Math.floor(delaySeconds))
    .toString(2)
    .padStart(topBit + 1, '0');
  return `${[...bits].join('.')}.${queue}`;
}

type Step = (channel: Channel) => Promise<unknown>;

/** In an order in which each finds what it refers to. */
function delaySteps(): Step[] {
  const name = (bit: number): string => (bit < 0 ? deliveryExchange : `celery_delayed_${bit}`);
  const exchange =
    (bit: number): Step =>
    (channel) =>
      channel.assertExchange(name(bit), 'topic', { durable: true });
  const levels = Array.from({ length: topBit + 1 }, (_, bit) => bit);
  return [
    exchange(-1),
    ...levels.flatMap((bit): Step[] => [
      exchange(bit),
      (channel) =>
        channel.assertQueue(name(bit), { durable: true, arguments: delayArguments(bit, name(bit - 1)) }),
      (channel) => channel.bindQueue(name(bit), name(bit), `${'*.'.repeat(topBit - bit)}1.#`),
      (channel) => channel.bindExchange(name(bit - 1), name(bit), `${'*.'.repeat(topBit - bit)}0.#`),
    ]),
  ];
}

function delayArguments(bit: number, next: string): Record<string, unknown> {
  return {
    'x-queue-type': 'quorum',
    'x-overflow': 'reject-publish',
    'x-message-ttl': 2 ** bit * 1000,
    'x-dead-letter-exchange': next,
    'x-dead-letter-strategy': 'at-least-once',
  };
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
