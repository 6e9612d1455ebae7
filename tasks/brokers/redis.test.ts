import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { freePort, until } from '../../checks/servers.ts';
import type { Broker, ConsumeOptions } from '../broker.ts';
import { encodeEnvelope } from '../envelope.ts';
import { brokerContract, messages } from './contract.ts';
import { openRedisBroker } from './redis.ts';

const patience = AbortSignal.timeout(600_000);
const options: ConsumeOptions = { queues: ['q'], name: 'test', slots: 1, load: () => [], note: () => {} };

describe.skipIf(!has('redisServer'))('the redis broker', () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  const open = (): Promise<Broker> => openRedisBroker(server.url, { leaseSeconds: 1 });

  brokerContract(
    { test, expect },
    'redis',
    async () => {
      await redis.flushall();
      const folder = temporaryFolder('redis-broker');
      return {
        folder: folder.path,
        open,
        pushRaw: async (queue, text) => {
          await redis.lpush(queue, text);
        },
        aside: async () => {
          const entries = await redis.lrange('headcount.set_aside', 0, -1);
          return entries.map((entry) => (JSON.parse(entry) as { error: string }).error);
        },
        taker: () => `
          import { openRedisBroker } from 'TASKS/brokers/redis.ts';
          const broker = await openRedisBroker('${server.url}', { leaseSeconds: 1 });
          const options = { queues: ['q'], name: 'taker', slots: 1, load: () => [], note: () => {} };
          const consumer = await broker.consume(options);
          await consumer.take(3, new AbortController().signal);
          console.log('taken');`,
        stop: async () => folder.remove(),
      };
    },
    async () => openRedisBroker(`redis://127.0.0.1:${await freePort()}`, {}),
  );

  test('the layout is kombu’s: step lists, binding, unacked, index', async () => {
    await redis.flushall();
    const broker = await open();
    const [a, b, c] = messages(3);
    await broker.publish('q', [a!, { ...b!, priority: 5 }, { ...c!, priority: 9 }]);
    expect(await redis.smembers('_kombu.binding.q')).toEqual(['q\x06\x16\x06\x16q']);
    expect(await redis.llen('q')).toBe(1);
    expect(await redis.llen('q\x06\x163')).toBe(1);
    expect(await redis.llen('q\x06\x169')).toBe(1);
    const consumer = await broker.consume(options);
    const [first] = await consumer.take(1, patience);
    const [stored] = await redis.hvals('unacked');
    const [message, exchange, routingKey] = JSON.parse(stored!) as [
      { properties: { delivery_tag: string } },
      string,
      string,
    ];
    expect([message.properties.delivery_tag, exchange, routingKey]).toEqual([first!.tag, '', 'q']);
    const receipt = Number(await redis.zscore('unacked_index', first!.tag));
    expect(Math.abs(receipt - Date.now() / 1000)).toBeLessThan(60);
    await consumer.settle(first!, { kind: 'putBack', started: false });
    const [back] = await redis.lrange('q', -1, -1);
    expect(JSON.parse(back!)).toMatchObject({
      headers: { redelivered: true },
      properties: { delivery_info: { redelivered: true, routing_key: 'q' } },
    });
    expect(await redis.exists('unacked', 'unacked_index', 'headcount.leases')).toBe(0);
    await consumer.close();
    await broker.close();
  });

  test('what a Python worker left behind comes back after the visibility timeout, not before', async () => {
    await redis.flushall();
    const broker = await openRedisBroker(server.url, { visibilityTimeoutSeconds: 100 });
    const [old, recent] = messages(2).map((one) => encodeEnvelope(one, { queue: 'q', deliveryTag: one.id }));
    await redis.sadd('_kombu.binding.exchange', ['key', '', 'q'].join('\x06\x16'));
    await redis.hset('unacked', 'old', `[${old}, "exchange", "key"]`, 'recent', `[${recent}, "", "q"]`);
    await redis.zadd('unacked_index', Date.now() / 1000 - 101, 'old', Date.now() / 1000 - 50, 'recent');
    const consumer = await broker.consume(options);
    const taken = await untilTaken(() => consumer.take(5, patience));
    expect(taken).toHaveLength(1);
    expect(taken[0]).toMatchObject({ queue: 'q', redelivered: true });
    expect(await redis.hexists('unacked', 'recent')).toBe(1);
    await consumer.close();
    await broker.close();
  });

  test('tags that collide, as careless clients write them, lose nothing', async () => {
    await redis.flushall();
    const broker = await open();
    const sent = messages(5);
    for (const one of sent) await redis.lpush('q', encodeEnvelope(one, { queue: 'q', deliveryTag: 'same' }));
    const consumer = await broker.consume(options);
    const taken = await consumer.take(5, patience);
    expect(new Set(taken.map(({ tag }) => tag)).size).toBe(5);
    expect(await redis.hlen('unacked')).toBe(5);
    await Promise.all(taken.map((one) => consumer.settle(one, { kind: 'done' })));
    expect(await redis.hlen('unacked')).toBe(0);
    await consumer.close();
    await broker.close();
  });

  test('10,000 messages due later leave memory and do not block the queue', async () => {
    await redis.flushall();
    const broker = await open();
    const etaMs = Date.now() + 3_600_000;
    for (let i = 0; i < 10; i++)
      await broker.publish(
        'q',
        messages(1_000).map((one) => ({ ...one, etaMs })),
      );
    const [behind] = messages(1);
    await broker.publish('q', [behind!]);
    const consumer = await broker.consume(options);
    const taken = await untilTaken(() => consumer.take(50, patience));
    expect(taken.map(({ message }) => message.ok && message.value.id)).toEqual([behind!.id]);
    await consumer.settle(taken[0]!, { kind: 'done' });
    expect(await redis.hlen('unacked')).toBe(10_000);
    expect(await redis.llen('q')).toBe(0);
    expect(await redis.zcard('headcount.leases')).toBe(0);
    await consumer.close();
    expect(await redis.hlen('unacked')).toBe(10_000);
    await broker.close();
  });

  test('a held message that a Python worker took meanwhile is not brought back under it', async () => {
    await redis.flushall();
    const broker = await open();
    const dueMs = Date.now() + 1_000;
    const text = encodeEnvelope({ ...messages(1)[0]!, etaMs: dueMs }, { queue: 'q', deliveryTag: 'tag' });
    await redis.hset('unacked', 'tag', `[${text}, "", "q"]`);
    await redis.zadd('headcount.later', dueMs - 5_000, 'tag');
    await redis.zadd('unacked_index', Date.now() / 1000, 'tag');
    const consumer = await broker.consume(options);
    expect(await consumer.take(1, patience)).toEqual([]);
    expect(await redis.hexists('unacked', 'tag')).toBe(1);
    await consumer.close();
    await broker.close();
  });

  test('an outage: settlements wait for it to end, takes reject, and all goes on', async () => {
    const port = await freePort();
    let own = await startRedis({ port });
    const broker = await openRedisBroker(own.url, {});
    await broker.publish('q', messages(1));
    const consumer = await broker.consume(options);
    const [first] = await consumer.take(1, patience);
    await own.stop('SIGKILL');
    const settled = consumer.settle(first!, { kind: 'done' });
    await expect(consumer.take(1, patience)).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
    own = await startRedis({ port });
    await settled;
    await broker.publish('q', messages(1));
    expect(await untilTaken(() => consumer.take(1, patience).catch(() => []))).toHaveLength(1);
    await consumer.close();
    await broker.close();
    await own.stop();
  });

  test('a prefix stands before every key', async () => {
    await redis.flushall();
    const broker = await openRedisBroker(server.url, { keyPrefix: 'app:' });
    await broker.publish('q', messages(2));
    const consumer = await broker.consume(options);
    await consumer.take(1, patience);
    const keys = await redis.keys('*');
    expect(keys.length).toBeGreaterThan(3);
    expect(keys.filter((key) => !key.startsWith('app:'))).toEqual([]);
    await consumer.close();
    await broker.close();
  });
});

/** Repeats a take, each of which ends after about a second, until something came. */
async function untilTaken<T>(take: () => Promise<T[]>): Promise<T[]> {
  let taken: T[] = [];
  await until(async () => {
    taken = await take();
    return taken.length > 0;
  }, 'a message');
  return taken;
}
