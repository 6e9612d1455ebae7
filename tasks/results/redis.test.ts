import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis } from '../../checks/fixtures.ts';
import { freePort } from '../../checks/servers.ts';
import { succeeded } from '../results.ts';
import { resultsContract } from './contract.ts';
import { openRedisResults } from './redis.ts';

describe.skipIf(!has('redisServer'))('results in Redis', () => {
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

  resultsContract(
    { test, expect },
    'redis',
    async () => {
      await redis.flushall();
      return {
        open: (expiresSeconds = 60) => openRedisResults(server.url, {}, { expiresSeconds }),
        cut: async () => {
          for (const type of ['normal', 'pubsub'] as const)
            await redis.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
        },
        stop: async () => {},
      };
    },
    async () => openRedisResults(`redis://127.0.0.1:${await freePort()}`, {}, { expiresSeconds: 60 }),
  );

  test('a prefix stands before the key, and the key expires', async () => {
    const results = await openRedisResults(server.url, { keyPrefix: 'mine:' }, { expiresSeconds: 60 });
    await results.store(succeeded('id', 1, 0));
    const left = await redis.pttl('mine:celery-task-meta-id');
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_000);
    await results.close();
  });
});
