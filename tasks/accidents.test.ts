/**
 * Workers in processes of their own whose handlers throw where nobody catches, forget promises, or end the process: what
 * happens to the other jobs, what is said, and with which code it ends.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { printed, spawnProgram } from '../checks/program.ts';
import { until } from '../checks/servers.ts';
import { crashedCode } from './accidents.ts';
import { createApp, type TasksApp } from './index.ts';

const program = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createApp } from 'TASKS/index.ts';
const app = createApp({ broker: process.env.BROKER, log: (level, text) => console.log(level, text) });
const note = (text) => appendFileSync(process.env.DONE, text + '\\n');
app.task('hold', async (_context, n) => {
  note('begun ' + n);
  while (!existsSync(process.env.GO)) await pause(5);
  note('done ' + n);
  return n;
});
app.task('forgets', () => { void Promise.reject(new Error('forgotten')); return 'done'; });
app.task('throws later', () => { setTimeout(() => { throw new TypeError('from a timer'); }); return 'done'; });
app.task('never', () => { note('never'); return new Promise(() => setTimeout(() => { throw new TypeError('again'); })); });
app.task('exits', () => { if (!existsSync(process.env.GO)) process.exit(3); return 'stayed'; });
if (process.env.OWN) process.on('uncaughtException', (error) => console.log('own', error.message));
const worker = app.worker({ concurrency: 4, graceSeconds: Number(process.env.GRACE) });
console.log('started');
await worker.run({ handleSignals: true });
await app.close();
`;

let folder: ReturnType<typeof temporaryFolder>;
let app: TasksApp;
let children: ChildProcess[];

beforeEach(() => {
  folder = temporaryFolder('accidents');
  children = [];
  app = createApp({ broker: `sqlite:${join(folder.path, 'broker.db')}`, log: () => {} });
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await app.close();
  folder.remove();
});

const path = (file: string): string => join(folder.path, file);
const notes = (): string => (existsSync(path('done')) ? readFileSync(path('done'), 'utf8') : '');
const go = (): void => writeFileSync(path('go'), '');

interface Started {
  readonly child: ChildProcess;
  readonly code: Promise<number | null>;
  heard(): string;
}

async function startWorker(env: Record<string, string> = {}): Promise<Started> {
  const child = spawnProgram(folder.path, program, 'pipe', {
    BROKER: `sqlite:${path('broker.db')}`,
    DONE: path('done'),
    GO: path('go'),
    GRACE: '60',
    ...env,
  });
  children.push(child);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const code = new Promise<number | null>((resolve) => child.once('exit', (one) => resolve(one)));
  await printed(child, 'started');
  return { child, code, heard: () => text };
}

test('a promise that a handler forgot is told, with what ran, and the work goes on', async () => {
  const worker = await startWorker();
  const held = await app.send('hold', [1]);
  await until(() => notes().includes('begun 1'), 'the other job');
  expect(await (await app.send('forgets')).get()).toBe('done');
  await until(() => worker.heard().includes('forgotten'), 'the worker to say so');
  expect(worker.heard()).toMatch(/error A promise that nobody waits for .*goes on.*hold\[/);
  expect(worker.heard()).toContain(held.id);
  go();
  expect(await held.get()).toBe(1);
  worker.child.kill('SIGTERM');
  expect(await worker.code).toBe(0);
});

test('an exception that nobody catches is told, and stops the worker warm: what runs ends, the rest goes back', async () => {
  const worker = await startWorker();
  const held = await app.send('hold', [1]);
  await until(() => notes().includes('begun 1'), 'the other job');
  expect(await (await app.send('throws later')).get()).toBe('done');
  await until(() => worker.heard().includes('from a timer'), 'the worker to say so');
  const rest = await app.send('hold', [2]);
  expect(worker.heard()).toMatch(/error An exception that nobody catches.*hold\[/);
  go();
  expect(await held.get()).toBe(1);
  expect(await worker.code).toBe(crashedCode);
  expect(notes()).not.toContain('begun 2');
  await startWorker();
  expect(await rest.get()).toBe(2);
});

test('a job that does so again and again without an end fails after ten workers, and no other job with it', async () => {
  const never = await app.send('never');
  const failed = never.get({ timeoutMs: 200_000 }).catch((error: unknown) => String(error));
  for (let over = false; !over; ) {
    const { code } = await startWorker({ GRACE: '0.1' });
    over = typeof (await Promise.race([failed, code])) === 'string';
  }
  expect(await failed).toMatch(/WorkerLostError: ended 10 workers/);
  expect(notes().split('never').length - 1).toBe(10);
  await until(async () => (await app.depth()).waiting === 0, 'an empty queue');
}, 240_000);

test('a handler that ends the process is told of, and every job comes back', async () => {
  const worker = await startWorker();
  const held = await app.send('hold', [1]);
  await until(() => notes().includes('begun 1'), 'the other job');
  const exits = await app.send('exits');
  expect(await worker.code).toBe(3);
  expect(worker.heard()).toMatch(/error the process was ended with code 3 while hold\[.*exits\[/);
  go();
  await startWorker();
  expect(await held.get()).toBe(1);
  expect(await exits.get()).toBe('stayed');
});

test('a program with a listener of its own keeps the word', async () => {
  const worker = await startWorker({ OWN: '1' });
  expect(await (await app.send('throws later')).get()).toBe('done');
  await until(() => worker.heard().includes('own from a timer'), 'its own listener');
  go();
  expect(await (await app.send('hold', [1])).get()).toBe(1);
  expect(worker.heard()).not.toContain('nobody catches');
  worker.child.kill('SIGTERM');
  expect(await worker.code).toBe(0);
});
