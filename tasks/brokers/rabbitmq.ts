/** RabbitMQ, as Celery uses it: a queue by name through the default exchange, bare JSON bodies, metadata in headers. */
import type { Broker, Consumer } from '../broker.ts';
import { type Format, type FormatOptions, openFormat } from '../format.ts';
import type { TaskMessage } from '../message.ts';
import { longestHoldMs, startConsumer } from '../rabbitmq/consumer.ts';
import { createPublisher, type Publisher } from '../rabbitmq/publisher.ts';
import { remoteOf } from '../rabbitmq/remote.ts';
import type { RabbitSettings } from '../rabbitmq/settings.ts';
import { canDelay } from '../rabbitmq/topology.ts';
import { type AmqpMessage, toAmqp } from '../rabbitmq/wire.ts';

/** @param url `amqp://` or `amqps://user:password@host:port/vhost` */
export async function openRabbitBroker(
  url: string,
  settings: RabbitSettings,
  options: FormatOptions = {},
): Promise<Broker> {
  const format = await openFormat(options);
  const remote = remoteOf(url);
  const publisher = createPublisher(url, settings);
  const consumers = new Set<Consumer>();
  return {
    publish: (queue, messages) => publish(publisher, settings, format, queue, messages),
    consume: async (consuming) => {
      const { consumer, ready } = startConsumer(url, settings, publisher, consuming, format);
      await ready;
      consumers.add(consumer);
      return { ...consumer, close: () => consumer.close().finally(() => consumers.delete(consumer)) };
    },
    // What is lent out RabbitMQ tells only to its management, and late.
    depth: async (queue) => ({ waiting: await publisher.ready(queue) }),
    remote,
    purge: (queue) => publisher.purge(queue),
    close: async () => {
      for (const consumer of consumers) await consumer.close().catch(() => {});
      await remote.close();
      await publisher.close();
    },
  };
}

/** What a worker should not hold until it is due goes to delayed delivery at once, where the server has it. */
async function publish(
  publisher: Publisher,
  settings: RabbitSettings,
  format: Format,
  queue: string,
  messages: readonly TaskMessage[],
): Promise<void> {
  const shortestMs = settings.queueType === 'quorum' ? 1_000 : longestHoldMs;
  const now = Date.now();
  const later = canDelay(queue) ? messages.filter(({ etaMs }) => (etaMs ?? 0) - now >= shortestMs) : [];
  const soon = later.length === 0 ? messages : messages.filter((message) => !later.includes(message));
  await Promise.all(
    later.map((message) => sendLater(publisher, queue, toAmqp(message, format), message.etaMs ?? now, now)),
  );
  await publisher.send(
    queue,
    soon.map((message) => toAmqp(message, format)),
  );
}

async function sendLater(
  publisher: Publisher,
  queue: string,
  { content, options }: AmqpMessage,
  dueMs: number,
  now: number,
): Promise<void> {
  // Its own expiry would end the wait; the worker looks at the header.
  const { expiration: _, ...kept } = options;
  const delaySeconds = (dueMs - now) / 1000;
  await publisher.sendLater(queue, { content, options: kept }, delaySeconds);
}
