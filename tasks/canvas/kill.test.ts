/**
 * Workers killed in the middle of canvases: every chain comes to its end and every chord gets its body, with the right result.
 * What a kill explains may run twice, and then ends in the same result.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { has, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { printed, spawnProgram } from '../../checks/program.ts';
import { until } from '../../checks/servers.ts';
import { chain, chord, createApp, type TasksApp } from '../index.ts';

const workerProgram = `
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createApp } from 'TASKS/index.ts';
const app = createApp({ broker: process.env.BROKER, redis: { leaseSeconds: 1 }, log: () => {} });
const ran = ({ id }) => appendFileSync(process.env.RAN, id + '\\n');
app.task('add', async (context, a, b) => { await pause(5); ran(context); return a + b; });
app.task('sum', (context, all) => { ran(context); return all.reduce((a, b) => a + b, 0); });
const worker = app.worker({ concurrency: 4 });
console.log('started');
await worker.run({ handleSignals: true });
await app.close();
`;

interface Place {
  readonly broker: string;
  readonly folder: string;
  stop(): Promise<void>;
}

const kinds = [
  {
    name: 'a file',
    here: true,
    start: async (): Promise<Place> => {
      const folder = temporaryFolder('canvas-kill');
      const broker = `sqlite:${join(folder.path, 'broker.db')}`;
      return { broker, folder: folder.path, stop: async () => folder.remove() };
    },
  },
  {
    name: 'Redis',
    here: has('redisServer'),
    start: async (): Promise<Place> => {
      const folder = temporaryFolder('canvas-kill');
      const server = await startRedis();
      const stop = async (): Promise<void> => {
        await server.stop();
        folder.remove();
      };
      return { broker: server.url, folder: folder.path, stop };
    },
  },
];

const chainCount = 60;
const chordCount = 15;
const partCount = 6;
const killCount = 3;

describe.each(kinds)('on $name', ({ name, here, start }) => {
  const children: ChildProcess[] = [];
  let app: TasksApp | undefined;
  let place: Place | undefined;
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await app?.close();
    await place?.stop();
  });

  test.skipIf(!here)('every canvas comes to its end although its workers are killed', async () => {
    place = await start();
    const { broker, folder } = place;
    app = createApp({ broker, redis: { leaseSeconds: 1 }, log: () => {} });
    const add = app.task('add', (_context, a: number, b: number) => a + b);
    const sum = app.task('sum', (_context, _all: readonly number[]) => 0);
    const startWorker = async (): Promise<ChildProcess> => {
      const child = spawnProgram(folder, workerProgram, 'pipe', { BROKER: broker, RAN: join(folder, 'ran') });
      children.push(child);
      await printed(child, 'started');
      return child;
    };
    let ended = 0;
    const counted = async <T>(result: { get(options: { timeoutMs: number }): Promise<T> }): Promise<T> => {
      const value = await result.get({ timeoutMs: 100_000 });
      ended++;
      return value;
    };
    const parts = Array.from({ length: partCount }, (_, n) => add.s(n, n));
    const chains = Array.from({ length: chainCount }, (_, n) =>
      chain(add.s(n, 1), add.s(10), add.s(100)).delay(),
    );
    const chords = Array.from({ length: chordCount }, () =>
      chain(chord(parts, sum.s()), add.s(1000)).delay(),
    );
    const values = Promise.all([...(await Promise.all(chains)), ...(await Promise.all(chords))].map(counted));
    let victim = await startWorker();
    for (let kill = 1; kill <= killCount; kill++) {
      const enough = (chainCount * kill) / (killCount + 2);
      await until(() => ended >= enough, 'some to end', 60_000);
      const gone = new Promise((resolve) => victim.once('exit', resolve));
      victim.kill('SIGKILL');
      await gone;
      victim = await startWorker();
    }
    const expected = [
      ...Array.from({ length: chainCount }, (_, n) => n + 111),
      ...Array.from({ length: chordCount }, () => partCount * (partCount - 1) + 1000),
    ];
    expect(await values).toEqual(expected);
    const runs = readFileSync(join(folder, 'ran'), 'utf8').trim().split('\n');
    const twice = runs.length - new Set(runs).size;
    process.stdout.write(
      `kills on ${name}: ${expected.length} canvases of ${new Set(runs).size} jobs, ${killCount} kills, 0 lost, ${twice} duplicates\n`,
    );
    expect(new Set(runs).size).toBe(3 * chainCount + (partCount + 2) * chordCount);
  });
});
