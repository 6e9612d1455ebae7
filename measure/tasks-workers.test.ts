/** The words to workers through the file of their embedded broker. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createApp } from '@headcount/tasks';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { openShop, type Worker } from '../checks/shop.ts';
import { tasksSqlite } from './tasks-sqlite.ts';
import { type WorkersScene, workersContract } from './workers-contract.ts';

async function scene(): Promise<WorkersScene> {
  const folder = temporaryFolder('tasks-workers');
  const file = join(folder.path, 'broker.db');
  const broker = `sqlite:${file}`;
  const shop = openShop(join(folder.path, 'shop'), broker, { late: true });
  const app = createApp({ broker, ignoreResult: true, log: () => {} });
  const work = app.task<[string], void>('shop.work', async () => {});
  // The first publisher makes the file.
  await app.send('shop.nothing', [], { queue: 'elsewhere' });
  const meter = tasksSqlite.create(
    { file, queue: 'celery' },
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
      worker = shop.start('ours', 'worker.1');
    },
    freezeWorker: () => void worker?.child.kill('SIGSTOP'),
    killWorker: async () => await worker?.kill(),
    stopService: async () => {
      for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
    },
    stop: async () => {
      await worker?.kill();
      await meter.close?.();
      await app.close();
      folder.remove();
    },
  };
}

workersContract(
  { test, expect, until },
  {
    name: 'tasks-sqlite',
    scene,
    stuck: { skip: 'the file keeps what it has in its hands, so nobody has to ask it' },
  },
);
