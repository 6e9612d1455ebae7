/**
 * Jobs in Celery's native delayed delivery (kombu/transport/native_delayed_delivery.py, 5.5): the queues `celery_delayed_0` to
 * `celery_delayed_27`, each with the jobs whose delay has that bit. They are of all queues of the virtual host together:
 * whose a job is stands only in its routing key, and to read that it would have to be taken.
 */
import type { ChannelModel } from 'amqplib';
import { aside, replyCode } from './rabbit.ts';

export interface Delayed {
  /** 0 where there is no delayed delivery. */
  count(connection: ChannelModel): Promise<number>;
}

const topBit = 27;
const lookAgainMs = 60_000;

export function delayedQueues(now: () => number): Delayed {
  /** By connection: when to look again whether they were made. */
  const absentUntil = new WeakMap<ChannelModel, number>();
  return {
    count: async (connection) => {
      if (now() < (absentUntil.get(connection) ?? 0)) return 0;
      try {
        return await aside(connection, async (channel) => {
          let total = 0;
          for (let bit = topBit; bit >= 0; bit--)
            total += (await channel.checkQueue(`celery_delayed_${bit}`)).messageCount;
          return total;
        });
      } catch (problem) {
        if (replyCode(problem) !== 404) throw problem;
        absentUntil.set(connection, now() + lookAgainMs);
        return 0;
      }
    },
  };
}
