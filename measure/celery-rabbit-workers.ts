/** Speaks with the Celery workers of a queue on RabbitMQ, with the words of celery-workers.ts. */
import type { ChannelModel } from 'amqplib';
import { rabbitControl } from './celery-rabbit-control.ts';
import { censusOf, inspections, type Question, wordsTo } from './celery-workers.ts';
import { aside, type RabbitLink, replyCode } from './rabbit.ts';
import type { NodeQueues, Workers } from './workers.ts';

export function rabbitWorkers(
  link: RabbitLink,
  queue: string,
  timeoutMs: number,
  now: () => number,
): Workers {
  // Of its own: who is addressed here and who answers a look is remembered apart.
  const control = rabbitControl();
  const round = (questions: readonly Question[], signal: AbortSignal) => ({
    questions,
    queue,
    timeoutMs,
    nowMs: now(),
    signal,
  });
  const tell = async (method: string, nodes: readonly NodeQueues[], signal: AbortSignal): Promise<void> => {
    const words = wordsTo(method, nodes);
    if (words.length > 0) await control.ask(await link.connected(signal), round(words, signal));
  };
  return {
    queue,
    ask: async (signal) => {
      const connection = await link.connected(signal);
      const consumerCount = await consumersOf(connection, queue);
      const { answers, silentCount } = await control.ask(connection, {
        ...round(inspections, signal),
        consumerCount,
      });
      return { nodes: censusOf(answers, queue).nodes, silentCount };
    },
    quiet: (nodes, signal) => tell('cancel_consumer', nodes, signal),
    resume: (nodes, signal) => tell('add_consumer', nodes, signal),
  };
}

async function consumersOf(connection: ChannelModel, queue: string): Promise<number> {
  try {
    return await aside(connection, async (channel) => (await channel.checkQueue(queue)).consumerCount);
  } catch (problem) {
    if (replyCode(problem) === 404) return 0;
    throw problem;
  }
}
