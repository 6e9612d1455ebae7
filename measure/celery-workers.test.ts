/** The words to Celery workers on a real Redis, Python's and ours. */
import { describe, expect, test } from 'vitest';
import { has, startRedis } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import type { Language } from '../checks/shop.ts';
import { openWorkersScene } from '../checks/workers-scene.ts';
import { celeryRedis } from './celery-redis.ts';
import { type WorkersScene, workersContract } from './workers-contract.ts';

async function scene(language: Language): Promise<WorkersScene> {
  const server = await startRedis();
  const broker = `${server.url}/0`;
  return await openWorkersScene({
    broker,
    kind: celeryRedis,
    options: { url: broker },
    language,
    stopService: () => server.stop('SIGKILL'),
    stop: () => server.stop('SIGKILL'),
  });
}

describe.skipIf(!has('redisServer'))('celery workers on Redis', () => {
  workersContract({ test, expect, until }, { name: 'celery-redis, ours', scene: () => scene('ours') });

  describe.skipIf(!has('python'))('of Python', () => {
    workersContract({ test, expect, until }, { name: 'celery-redis, Python', scene: () => scene('python') });
  });
});
