/** A real Redis that refuses: for want of memory, of rights, of a database; and one that forgets its scripts. */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import type { Broker, ConsumeOptions, Consumer, Delivery } from '../broker.ts';
import { messages } from '../brokers/contract.ts';
import { openRedisBroker } from '../brokers/redis.ts';

const patience = AbortSignal.timeout(600_000);

describe.skipIf(!has('redisServer'))('a Redis that refuses', () => {
  let server: RedisServer;
  let admin: Redis;
  const opened: Broker[] = [];
  const open = async (access = '', database = 0): Promise<Broker> => {
    const url = `redis://${access}127.0.0.1:${server.port}/${database}`;
    const broker = await openRedisBroker(url, { leaseSeconds: 2 });
    opened.push(broker);
    return broker;
  };
  const notes: string[] = [];
  const consume = (broker: Broker): Promise<Consumer> => {
    const note = (text: string): void => void notes.push(text);
    const options: ConsumeOptions = { queues: ['q'], name: 'test', slots: 1, load: () => [], note };
    return broker.consume(options);
  };
  const takeOne = async (consumer: Consumer): Promise<Delivery> => {
    let found: Delivery | undefined;
    await until(async () => {
      [found] = await consumer.take(1, patience);
      return found !== undefined;
    }, 'a message');
    return found as Delivery;
  };
  beforeAll(async () => {
    server = await startRedis({ args: ['--databases', '4'] });
    admin = new Redis(server.url);
  });
  beforeEach(async () => {
    await admin.flushall();
    notes.length = 0;
  });
  afterEach(async () => {
    await admin.config('SET', 'maxmemory', '0');
    for (const broker of opened.splice(0)) await broker.close();
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  test('full: a send says so, leases are renewed all the same, and workers go on emptying it', async () => {
    const broker = await open();
    await broker.publish('q', messages(3));
    const consumer = await consume(broker);
    const held = await takeOne(consumer);
    const lease = async (): Promise<number> => Number(await admin.zscore('headcount.leases', held.tag));
    await admin.config('SET', 'maxmemory', '100kb');
    await expect((await open()).publish('other', messages(1))).rejects.toMatchObject({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringMatching(/OOM command not allowed.*maxmemory/s),
    });
    const before = await lease();
    await until(async () => (await lease()) > before, 'a renewal');
    const next = await takeOne(consumer);
    await consumer.settle(next, { kind: 'done' });
    await consumer.settle(held, { kind: 'replace', message: messages(1)[0]! });
    expect([await admin.llen('q'), await admin.hlen('unacked')]).toEqual([2, 0]);
    expect(notes).toEqual([]);
  });

  test('without a right: who sends and who takes is told which', async () => {
    await admin.call(
      'ACL',
      'SETUSER',
      'reader',
      'on',
      '>p@ss wörd%',
      '~*',
      '&*',
      '+@all',
      '-lpush',
      '-eval',
      '-evalsha',
    );
    const broker = await open(`reader:${encodeURIComponent('p@ss wörd%')}@`);
    await expect(broker.publish('q', messages(1))).rejects.toMatchObject({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringMatching(/NOPERM.*lpush.*Give its user the right/s),
    });
    await expect((await consume(broker)).take(1, patience)).rejects.toMatchObject({
      message: expect.stringMatching(/NOPERM.*eval/s),
    });
    const stranger = await open('reader:wrong@');
    await expect(stranger.publish('q', messages(1))).rejects.toThrow(/WRONGPASS/);
  });

  test('a database that it does not have is not replaced by the first', async () => {
    await expect((await open('', 9)).publish('q', messages(1))).rejects.toThrow(/DB index is out of range/);
    expect(await admin.keys('*')).toEqual([]);
  });

  test('scripts that it forgets meanwhile are sent again', async () => {
    const broker = await open();
    const consumer = await consume(broker);
    for (let round = 0; round < 3; round++) {
      await broker.publish('q', messages(1));
      await admin.script('FLUSH');
      const one = await takeOne(consumer);
      await admin.script('FLUSH');
      await consumer.settle(one, { kind: 'done' });
    }
    expect(await admin.hlen('unacked')).toBe(0);
  });
});
