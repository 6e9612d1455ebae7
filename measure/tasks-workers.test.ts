/** The words to workers through the file of their embedded broker. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { openWorkersScene } from '../checks/workers-scene.ts';
import { tasksSqlite } from './tasks-sqlite.ts';
import { type WorkersScene, workersContract } from './workers-contract.ts';

async function scene(): Promise<WorkersScene> {
  const folder = temporaryFolder('tasks-workers');
  const file = join(folder.path, 'broker.db');
  return await openWorkersScene({
    broker: `sqlite:${file}`,
    kind: tasksSqlite,
    options: { file },
    language: 'ours',
    stopService: async () => {
      for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
    },
    stop: async () => folder.remove(),
  });
}

workersContract(
  { test, expect, until },
  {
    name: 'tasks-sqlite',
    scene,
    stuck: { skip: 'the file keeps what it has in its hands, so nobody has to ask it' },
  },
);
