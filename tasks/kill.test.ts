/**
 * Real worker processes, killed and stopped in the middle of their work. Each job appends its number to a file when it
 * ends, so what was done is counted outside of the broker.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { has, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { printed, spawnProgram } from '../checks/program.ts';
import { until } from '../checks/servers.ts';
import { createApp, type TasksApp } from './index.ts';

interface Place {
  readonly broker: string;
  readonly folder: string;
  stop(): Promise<void>;
}

const kinds = [
  {
    name: 'sqlite',
    here: true,
    start: async (): Promise<Place> => {
      const folder = temporaryFolder('kill');
      return {
        broker: `sqlite:${join(folder.path, 'broker.db')}`,
        folder: folder.path,
        stop: async () => folder.remove(),
      };
    },
  },
  {
    name: 'redis',
    here: has('redisServer'),
    start: async (): Promise<Place> => {
      const folder = temporaryFolder('kill');
      const server = await startRedis();
      return {
        broker: server.url,
        folder: folder.path,
        stop: async () => {
          await server.stop();
          folder.remove();
        },
      };
    },
  },
];

/** Works on jobs of a few milliseconds; "hold" ends only when the file "go" exists. */
const workerProgram = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createApp } from 'TASKS/index.ts';
const app = createApp({ broker: process.env.BROKER, ignoreResult: true, redis: { leaseSeconds: 1 },
  log: (_level, text) => console.log(text.split(':')[0]) });
app.task('count', async (_context, n) => {
  await pause(2);
  appendFileSync(process.env.DONE, n + '\\n');
});
app.task('hold', async (_context, n) => {
  while (!existsSync(process.env.GO)) await pause(5);
  appendFileSync(process.env.DONE, n + '\\n');
});
const worker = app.worker({ concurrency: 4, graceSeconds: Number(process.env.GRACE) });
console.log('started');
await worker.run({ handleSignals: true });
await app.close();
`;

describe.each(kinds)('on $name', ({ name, here, start }) => {
  let place: Place;
  let app: TasksApp;
  let children: ChildProcess[];

  beforeEach(async () => {
    children = [];
    if (!here) return;
    place = await start();
    app = createApp({ broker: place.broker, ignoreResult: true });
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    if (!here) return;
    await app.close();
    await place.stop();
  });
  const on = test.skipIf(!here);

  const path = (file: string): string => join(place.folder, file);
  const done = (): string[] =>
    existsSync(path('done')) ? readFileSync(path('done'), 'utf8').trim().split('\n').filter(Boolean) : [];
  const startWorker = async (graceSeconds = 30, stdio: 'pipe' | 'ipc' = 'pipe'): Promise<ChildProcess> => {
    const env = { BROKER: place.broker, DONE: path('done'), GO: path('go'), GRACE: String(graceSeconds) };
    const child = spawnProgram(place.folder, workerProgram, stdio, env);
    children.push(child);
    await printed(child, 'started');
    return child;
  };
  const exit = (child: ChildProcess): Promise<number | null> =>
    new Promise((resolve) => child.once('exit', (code) => resolve(code)));

  on(
    'SIGKILL in the middle: every job is done, and only what the dead worker held is done twice',
    async () => {
      const count = 1_500;
      const victim = await startWorker();
      await app
        .task('count', (_context, _n: number) => {})
        .delayMany(Array.from({ length: count }, (_, n) => [n] as const));
      await until(() => done().length > 100, 'the first hundred');
      const gone = exit(victim);
      victim.kill('SIGKILL');
      await gone;
      expect(new Set(done()).size).toBeLessThan(count);
      await startWorker();
      await until(() => new Set(done()).size === count, 'every job', 60_000);
      const lost = count - new Set(done()).size;
      const twice = done().length - new Set(done()).size;
      process.stdout.write(`kills on ${name}: ${count} jobs, 1 kill, ${lost} lost, ${twice} duplicates\n`);
      // At most its slots and what it had finished within the last exchange or two.
      expect(done().length - count).toBeLessThan(210);
    },
  );

  on('SIGTERM: reserved jobs go back at once, running ones finish, exit 0, nothing stays taken', async () => {
    const worker = await startWorker();
    const quick = app.task('count', (_context, _n: number) => {});
    const hold = app.task('hold', (_context, _n: number) => {});
    // A quick pace first, so that the worker reserves some of the slow ones.
    await quick.delayMany(Array.from({ length: 300 }, () => [-1] as const));
    await hold.delayMany(Array.from({ length: 10 }, (_, n) => [n] as const));
    await until(async () => done().length === 300 && (await app.depth()).waiting <= 6, 'the slow ones');
    const ended = exit(worker);
    const stopping = printed(worker, 'SIGTERM');
    worker.kill('SIGTERM');
    await stopping;
    await until(async () => (await app.depth()).waiting === 6, 'the others to be back');
    writeFileSync(path('go'), '');
    expect(await ended).toBe(0);
    expect(done()).toHaveLength(304);
    expect(await app.depth()).toMatchObject({ waiting: 6, running: 0, later: 0 });
  });

  on('a second SIGTERM ends it at once, and its jobs are back', async () => {
    const worker = await startWorker();
    const hold = app.task('hold', (_context, _n: number) => {});
    await hold.delayMany([[1], [2]]);
    await until(async () => (await app.depth()).running === 2, 'two running jobs');
    const ended = exit(worker);
    // Two signals that wait to be delivered are one.
    const stopping = printed(worker, 'SIGTERM');
    worker.kill('SIGTERM');
    await stopping;
    worker.kill('SIGTERM');
    await ended;
    expect(await app.depth()).toMatchObject({ waiting: 2, running: 0 });
    expect(done()).toEqual([]);
  });

  on('it tells its parent when it is up, busy and idle', async () => {
    const heard: unknown[] = [];
    const worker = await startWorker(30, 'ipc');
    worker.on('message', (message) => heard.push(message));
    const says = (running: number): Promise<void> =>
      until(
        () => JSON.stringify(heard.at(-1)) === JSON.stringify({ headcount: { running, slots: 4 } }),
        `running ${running}`,
      );
    await says(0);
    await app.task('hold', (_context, _n: number) => {}).delay(1);
    await says(1);
    writeFileSync(path('go'), '');
    await says(0);
    expect(heard).toHaveLength(3);
    const ended = exit(worker);
    worker.disconnect();
    worker.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});

test.skipIf(!has('redisServer'))('SIGTERM while Redis is away ends a worker all the same', async () => {
  const folder = temporaryFolder('kill');
  const server = await startRedis();
  const file = (name: string): string => join(folder.path, name);
  const env = { BROKER: server.url, DONE: file('done'), GO: file('go'), GRACE: '1' };
  const worker = spawnProgram(folder.path, workerProgram, 'pipe', env);
  const ended = new Promise((resolve) => worker.once('exit', (code) => resolve(code)));
  const app = createApp({ broker: server.url, ignoreResult: true, log: () => {} });
  try {
    await printed(worker, 'started');
    await app.send('hold', [1]);
    await until(async () => (await app.depth()).running === 1, 'it to run');
    await server.stop('SIGKILL');
    // Its handler is through, and what became of it cannot be told any more.
    writeFileSync(file('go'), '');
    await until(() => existsSync(file('done')), 'its end');
    worker.kill('SIGTERM');
    expect(await ended).toBe(0);
  } finally {
    worker.kill('SIGKILL');
    await app.close();
    folder.remove();
  }
});
