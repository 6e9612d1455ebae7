import amqp, { type Channel, type ChannelModel } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cuttable } from '../../checks/cuttable.ts';
import { has, type RabbitServer, startRabbit, temporaryFolder } from '../../checks/fixtures.ts';
import { freePort, until } from '../../checks/servers.ts';
import type { Broker, ConsumeOptions, Consumer, Delivery } from '../broker.ts';
import { delayKey } from '../rabbitmq/topology.ts';
import { brokerContract, messages } from './contract.ts';
import { openRabbitBroker } from './rabbitmq.ts';

const patience = AbortSignal.timeout(600_000);
const options: ConsumeOptions = { queues: ['q'], name: 'test', slots: 1, load: () => [], note: () => {} };

describe.skipIf(!has('rabbitmq'))('the rabbitmq broker', () => {
  let server: RabbitServer;
  let connection: ChannelModel;
  let channel: Channel;
  beforeAll(async () => {
    server = await startRabbit();
    connection = await amqp.connect(server.url);
    channel = await connection.createChannel();
  }, 90_000);
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });
  const empty = async (): Promise<void> => {
    for (const queue of ['q', 'r', 'headcount.set_aside']) await channel.deleteQueue(queue);
  };
  const aside = async (): Promise<string[]> => {
    const errors: string[] = [];
    while (true) {
      const message = await channel.get('headcount.set_aside', { noAck: true });
      if (!message) return errors;
      errors.push(String(message.properties.headers?.headcount_error));
    }
  };

  for (const queueType of ['classic', 'quorum'] as const)
    describe(`on ${queueType} queues`, () => {
      const settings = queueType === 'classic' ? { queueType, maxPriority: 9 } : { queueType };
      brokerContract(
        { test, expect },
        queueType,
        async () => {
          await empty();
          const folder = temporaryFolder('rabbit-broker');
          const open = (): Promise<Broker> => openRabbitBroker(server.url, settings);
          const first = await open();
          await (await first.consume({ ...options, queues: ['q', 'r'] })).close();
          await first.close();
          let seen: string[] = [];
          return {
            folder: folder.path,
            open,
            countsWaitingOnly: true,
            trickles: true,
            putBackIsLate: queueType === 'quorum',
            // Quorum queues have two at most, and before RabbitMQ 4 none.
            priorities: queueType === 'classic' ? [9, 6, 3, 0] : [0, 0, 0, 0],
            pushRaw: async (queue, text) => {
              channel.sendToQueue(queue, Buffer.from(text));
              await channel.checkQueue(queue);
            },
            aside: async () => {
              seen = [...seen, ...(await aside())];
              return seen;
            },
            taker: () => `
              import { openRabbitBroker } from 'TASKS/brokers/rabbitmq.ts';
              const broker = await openRabbitBroker('${server.url}', {});
              const options = { queues: ['q'], name: 'taker', slots: 1, load: () => [], note: () => {} };
              const consumer = await broker.consume(options);
              for (let left = 3; left > 0; )
                left -= (await consumer.take(left, new AbortController().signal)).length;
              console.log('taken');`,
            stop: async () => folder.remove(),
          };
        },
        async () => openRabbitBroker(`amqp://127.0.0.1:${await freePort()}`, {}),
      );
    });

  const started = async (
    queues: string[],
    url = server.url,
  ): Promise<{ broker: Broker; consumer: Consumer }> => {
    const broker = await openRabbitBroker(url, {});
    return { broker, consumer: await broker.consume({ ...options, queues }) };
  };

  test('a queue that exists with other arguments is used as it is', async () => {
    await channel.assertQueue('odd', {
      durable: true,
      arguments: { 'x-max-priority': 5, 'x-max-length': 99 },
    });
    const { broker, consumer } = await started(['odd']);
    await broker.publish('odd', messages(2));
    expect(await takeCount(consumer, 2)).toHaveLength(2);
    await broker.close();
  });

  test('a queue that is deleted under its users is made again, and nothing is thrown away', async () => {
    const { broker, consumer } = await started(['gone']);
    await broker.publish('gone', messages(1));
    await takeCount(consumer, 1);
    await channel.deleteQueue('gone');
    await broker.publish('gone', messages(2));
    expect(await takeCount(consumer, 2)).toHaveLength(2);
    await broker.close();
  });

  test('who does not take holds nothing back', async () => {
    const { broker, consumer } = await started(['hoard']);
    const consuming = consumer.take(20, patience);
    await broker.publish('hoard', messages(50));
    const taken = await consuming;
    const left = 50 - taken.length;
    await until(async () => (await broker.depth?.('hoard'))?.waiting === left, 'all that is not taken');
    await broker.close();
    expect((await channel.checkQueue('hoard')).messageCount).toBe(50);
  });

  test('a message due much later leaves worker and queue, and has its bits in its key', async () => {
    const { broker, consumer } = await started(['much-later']);
    const bodies = JSON.stringify([[], {}, {}]);
    const eta = new Date(Date.now() + 3_600_000).toISOString();
    for (let i = 0; i < 20; i++)
      channel.sendToQueue('much-later', Buffer.from(bodies), {
        contentType: 'application/json',
        headers: { task: 'task', id: `later-${i}`, eta },
      });
    await broker.publish('much-later', messages(1));
    await takeCount(consumer, 1);
    // 3,599 seconds and some: the highest bit is that of 2,048.
    await until(async () => {
      expect(await consumer.take(1, patience)).toEqual([]);
      return (await broker.depth?.('celery_delayed_11'))?.waiting === 20;
    }, 'all in delayed delivery');
    expect(await broker.depth?.('much-later')).toEqual({ waiting: 0 });
    await broker.close();
    await channel.purgeQueue('celery_delayed_11');
  });

  test('delayed delivery brings a message to its queue when it is due', async () => {
    const broker = await openRabbitBroker(server.url, { queueType: 'quorum' });
    const consumer = await broker.consume({ ...options, queues: ['native'] });
    const [sent] = messages(1);
    const etaMs = Date.now() + 2_500;
    await broker.publish('native', [{ ...sent!, etaMs }]);
    const [taken] = await takeCount(consumer, 1);
    expect(Date.now()).toBeGreaterThanOrEqual(etaMs);
    expect(taken?.message).toEqual({ ok: true, value: { ...sent, etaMs } });
    await broker.close();
  });

  test('what is missing of delayed delivery is filled in around what somebody declared otherwise', async () => {
    for (let bit = 0; bit < 28; bit++) {
      await channel.deleteQueue(`celery_delayed_${bit}`);
      await channel.deleteExchange(`celery_delayed_${bit}`);
    }
    // With a limit that is not ours.
    await channel.assertQueue('celery_delayed_20', {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-max-length': 5 },
    });
    const broker = await openRabbitBroker(server.url, { queueType: 'quorum' });
    const consumer = await broker.consume({ ...options, queues: ['filled-in'] });
    const [sent] = messages(1);
    await broker.publish('filled-in', [{ ...sent!, etaMs: Date.now() + 2_100 }]);
    expect(await takeCount(consumer, 1)).toMatchObject([{ message: { ok: true, value: { id: sent!.id } } }]);
    await broker.close();
    await channel.deleteQueue('celery_delayed_20');
  });

  test('the key of a delay is the bits of its whole seconds, as kombu writes it', () => {
    expect(delayKey('a.b', 5.9)).toBe(`${'0.'.repeat(25)}1.0.1.a.b`);
    expect(delayKey('q', 1e12)).toBe(`${'1.'.repeat(28)}q`);
  });

  test('what goes back unstarted, however often, is not taken for a job that ends its workers', async () => {
    const broker = await openRabbitBroker(server.url, { queueType: 'quorum' });
    const consumer = await broker.consume({ ...options, queues: ['given-back'] });
    await broker.publish('given-back', messages(3));
    for (let times = 0; times < 12; times++) {
      const taken = await takeCount(consumer, 3);
      expect(taken.map(({ worn }) => worn)).toEqual([undefined, undefined, undefined]);
      const back = { kind: 'putBack', started: false } as const;
      await Promise.all(taken.map((one) => consumer.settle(one, back)));
    }
    for (const one of await takeCount(consumer, 3)) await consumer.settle(one, { kind: 'done' });
    await broker.publish('given-back', messages(1));
    const worn: (string | undefined)[] = [];
    for (let times = 0; times <= 10; times++)
      for (const one of await takeCount(consumer, 1)) {
        worn.push(one.worn);
        await consumer.settle(one, { kind: 'putBack', started: true });
      }
    expect(worn).toEqual([...new Array(10).fill(undefined), 'ended 10 workers']);
    await broker.close();
    await channel.deleteQueue('given-back');
  });

  test('a job whose channel is lost while it is worked on is not done twice by the same worker', async () => {
    const way = await cuttable(server.port);
    const { broker, consumer } = await started(['twice'], `amqp://127.0.0.1:${way.port}`);
    await broker.publish('twice', messages(2));
    const [first, second] = await takeCount(consumer, 2);
    way.cut();
    await consumer.settle(first!, { kind: 'done' });
    // Both come back: the one that is through is acknowledged, the other is still ours.
    expect(await consumer.take(5, patience).catch(() => [])).toEqual([]);
    expect(await consumer.take(5, patience).catch(() => [])).toEqual([]);
    await consumer.settle(second!, { kind: 'done' });
    await broker.close();
    way.close();
    expect((await channel.checkQueue('twice')).messageCount).toBe(0);
  });

  test('sending goes on after a cut, and what was confirmed is there once', async () => {
    const way = await cuttable(server.port);
    const { broker, consumer } = await started(['cut'], `amqp://127.0.0.1:${way.port}`);
    await broker.publish('cut', messages(10));
    way.cut();
    await broker.publish('cut', messages(10));
    const taken = await takeCount(consumer, 20);
    await Promise.all(taken.map((one) => consumer.settle(one, { kind: 'done' })));
    await broker.close();
    way.close();
    expect((await channel.checkQueue('cut')).messageCount).toBe(0);
  });
});

async function takeCount(consumer: Consumer, count: number): Promise<Delivery[]> {
  const taken: Delivery[] = [];
  await until(async () => {
    taken.push(...(await consumer.take(count - taken.length, patience).catch(() => [])));
    return taken.length >= count;
  }, `${count} messages`);
  return taken;
}
