/**
 * One channel that consumes, made anew after each loss. RabbitMQ pushes as much as the prefetch count allows, while a
 * worker of ours pulls as much as it will start soon; so the count follows what was asked for. It counts for consumers
 * that start after it was set, so a change is: cancel, set, consume again, which is what quorum queues allow too (they
 * refuse the count of a whole channel, with which kombu does this). What earlier consumers were given stays theirs.
 */
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { replyCode } from './link.ts';
import type { RabbitSettings } from './settings.ts';
import { ensureQueue } from './topology.ts';

export interface Session {
  readonly connection: ChannelModel;
  readonly channel: Channel;
  /** False once the channel or its connection is gone: what it lent went back by itself. */
  alive: boolean;
  /** Delivery tags not yet settled, oldest first. */
  readonly open: Set<number>;
  tags: readonly string[];
  /** Of each queue's consumer; 0 without consumers. */
  prefetch: number;
  /** Grows with each change of consumers. */
  generation: number;
}

export interface SessionEvents {
  arrived(session: Session, queue: string, message: ConsumeMessage): void;
  /** @param code of the server's reason, such as 406 for a message that was not acknowledged for too long */
  lost(session: Session, code: number | undefined): void;
}

export async function openSession(
  connection: ChannelModel,
  queues: readonly string[],
  settings: RabbitSettings,
  events: SessionEvents,
  lost: () => void,
): Promise<Session> {
  for (const queue of queues) await ensureQueue(connection, queue, settings);
  const channel = await connection.createChannel();
  const session: Session = {
    connection,
    channel,
    alive: true,
    open: new Set(),
    tags: [],
    prefetch: 0,
    generation: 0,
  };
  let code: number | undefined;
  channel.on('error', (error: unknown) => {
    code = replyCode(error);
  });
  channel.on('close', () => {
    session.alive = false;
    events.lost(session, code);
    lost();
  });
  return session;
}

export async function subscribe(
  session: Session,
  queues: readonly string[],
  prefetch: number,
  events: SessionEvents,
): Promise<void> {
  await unsubscribe(session);
  const { channel } = session;
  await channel.prefetch(prefetch);
  session.prefetch = prefetch;
  const consumers = queues.map((queue) =>
    channel.consume(queue, (message) => {
      // Null: the queue was deleted. The next session declares it again.
      if (!message) void channel.close().catch(() => {});
      else {
        session.open.add(message.fields.deliveryTag);
        events.arrived(session, queue, message);
      }
    }),
  );
  session.tags = (await Promise.all(consumers)).map(({ consumerTag }) => consumerTag);
}

export async function unsubscribe(session: Session): Promise<void> {
  const { tags, channel } = session;
  session.tags = [];
  session.prefetch = 0;
  session.generation++;
  await Promise.all(tags.map((tag) => channel.cancel(tag)));
}

/** Acknowledges many with as few words as possible: all up to the last of an unbroken row with one. */
export function acknowledge(session: Session, messages: readonly ConsumeMessage[]): void {
  if (!session.alive) return;
  const wanted = new Map(messages.map((message) => [message.fields.deliveryTag, message]));
  let last: ConsumeMessage | undefined;
  for (const tag of session.open) {
    const message = wanted.get(tag);
    if (!message) break;
    last = message;
    wanted.delete(tag);
    session.open.delete(tag);
  }
  if (last) session.channel.ack(last, true);
  for (const [tag, message] of wanted) if (session.open.delete(tag)) session.channel.ack(message);
}

export function requeue(session: Session, messages: readonly ConsumeMessage[]): void {
  if (!session.alive) return;
  for (const message of messages)
    if (session.open.delete(message.fields.deliveryTag)) session.channel.nack(message, false, true);
}

/** Resolves when the server has acted on all that the channel said before about these queues. */
export async function acted(session: Session, queues: Iterable<string>): Promise<void> {
  // A question to a queue is answered after what went to it before from the same channel.
  if (session.alive) for (const queue of queues) await session.channel.checkQueue(queue);
}
