/** The words to Celery workers on a real Redis, Python's and ours. */
import { join } from 'node:path';
import { createApp } from '@headcount/tasks';
import { describe, expect, test } from 'vitest';
import { has, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { type Language, openShop, type Worker } from '../checks/shop.ts';
import { celeryRedis } from './celery-redis.ts';
import { type WorkersScene, workersContract } from './workers-contract.ts';

async function scene(language: Language): Promise<WorkersScene> {
  const folder = temporaryFolder('celery-workers');
  const server = await startRedis();
  const broker = `${server.url}/0`;
  const shop = openShop(join(folder.path, 'shop'), broker, { late: true });
  const app = createApp({ broker, ignoreResult: true, log: () => {} });
  const work = app.task<[string], void>('shop.work', async () => {});
  const defaults = Object.fromEntries(
    celeryRedis.options.map((option) => [option.name, option.default ?? '']),
  );
  const meter = celeryRedis.create(
    { ...defaults, url: broker },
    { appToken: 'token', processType: 'worker', now: Date.now },
  );
  const { workers } = meter;
  if (!workers) throw new Error('the meter reaches no workers');
  let worker: Worker | undefined;
  return {
    workers,
    send: async (job) => void (await work.delay(job)),
    end: shop.end,
    began: shop.began,
    startWorker: async () => {
      worker = shop.start(language, 'worker.1');
    },
    freezeWorker: () => void worker?.child.kill('SIGSTOP'),
    killWorker: async () => await worker?.kill(),
    stopService: async () => await server.stop('SIGKILL'),
    stop: async () => {
      await worker?.kill();
      await meter.close?.();
      await app.close();
      await server.stop('SIGKILL');
      folder.remove();
    },
  };
}

describe.skipIf(!has('redisServer'))('celery workers on Redis', () => {
  workersContract({ test, expect, until }, { name: 'celery-redis, ours', scene: () => scene('ours') });

  describe.skipIf(!has('python'))('of Python', () => {
    workersContract({ test, expect, until }, { name: 'celery-redis, Python', scene: () => scene('python') });
  });
});
