/** The words to Celery workers on a real RabbitMQ, Python's and ours. */
import { join } from 'node:path';
import { createApp } from '@headcount/tasks';
import { afterAll, describe, expect, test } from 'vitest';
import { has, type RabbitServer, startRabbit, temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { type Language, openShop, type Worker } from '../checks/shop.ts';
import { celeryRabbitmq } from './celery-rabbitmq.ts';
import { type WorkersScene, workersContract } from './workers-contract.ts';

// One for all scenes but those that stop it: it takes seconds to start.
let shared: RabbitServer | undefined;
afterAll(async () => await shared?.stop());

async function scene(language: Language): Promise<WorkersScene> {
  const folder = temporaryFolder('rabbit-workers');
  shared ??= await startRabbit();
  const server = shared;
  const broker = server.url;
  const shop = openShop(join(folder.path, 'shop'), broker, { late: true });
  const app = createApp({ broker, ignoreResult: true, log: () => {} });
  const work = app.task<[string], void>('shop.work', async () => {});
  const defaults = Object.fromEntries(
    celeryRabbitmq.options.map((option) => [option.name, option.default ?? '']),
  );
  const meter = celeryRabbitmq.create(
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
    stopService: async () => {
      shared = undefined;
      await server.stop('SIGKILL');
    },
    stop: async () => {
      await worker?.kill();
      await meter.close?.();
      await app.close();
      folder.remove();
    },
  };
}

describe.skipIf(!has('rabbitmq'))('celery workers on RabbitMQ', () => {
  workersContract({ test, expect, until }, { name: 'celery-rabbitmq, ours', scene: () => scene('ours') });

  describe.skipIf(!has('python'))('of Python', () => {
    workersContract(
      { test, expect, until },
      { name: 'celery-rabbitmq, Python', scene: () => scene('python') },
    );
  });
});
