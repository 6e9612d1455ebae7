import amqp, { type ChannelModel } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cuttable } from '../../checks/cuttable.ts';
import { has, type RabbitServer, startRabbit } from '../../checks/fixtures.ts';
import { freePort, until } from '../../checks/servers.ts';
import { succeeded } from '../results.ts';
import { resultsContract } from './contract.ts';
import { openRpcResults } from './rpc.ts';

describe.skipIf(!has('rabbitmq'))('results over RabbitMQ', () => {
  let server: RabbitServer;
  let connection: ChannelModel;
  beforeAll(async () => {
    server = await startRabbit();
    connection = await amqp.connect(server.url);
  }, 90_000);
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });

  resultsContract(
    { test, expect },
    'rpc',
    async () => {
      const way = await cuttable(server.port);
      return {
        open: async (expiresSeconds = 60) =>
          openRpcResults(`amqp://127.0.0.1:${way.port}`, { expiresSeconds }),
        cut: async () => way.cut(),
        stop: async () => way.close(),
      };
    },
    async () => openRpcResults(`amqp://127.0.0.1:${await freePort()}`, { expiresSeconds: 60 }),
  );

  test('a result for nobody is no failure, and a closed client leaves no queue', async () => {
    const [reader, writer] = [
      openRpcResults(server.url, { expiresSeconds: 60 }),
      openRpcResults(server.url, { expiresSeconds: 60 }),
    ];
    await writer.store(succeeded('id', 1, 0), null);
    await writer.store(succeeded('id', 1, 0), 'a-client-that-is-gone');
    const queue = await reader.replyTo?.();
    const there = async (): Promise<boolean> => {
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      try {
        await channel.checkQueue(queue ?? '');
        await channel.close();
        return true;
      } catch {
        return false;
      }
    };
    expect(await there()).toBe(true);
    await reader.close();
    await writer.close();
    await until(async () => !(await there()), 'the end of the queue');
  });
});
