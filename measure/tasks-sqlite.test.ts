/** The meter beside the broker that writes the file: real files, real processes, and the count of rows as the truth. */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApp, type TasksApp } from '@headcount/tasks';
import Libsql from 'libsql';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import type { JobsReading, Reading } from '../decide/words.ts';
import { meterContract } from './contract.ts';
import type { Meter } from './meter.ts';
import { tasksSqlite } from './tasks-sqlite.ts';

let folder: ReturnType<typeof temporaryFolder>;
let file: string;
let open: { close(): Promise<void> }[];

beforeEach(() => {
  folder = temporaryFolder('tasks-meter');
  file = join(folder.path, 'broker.db');
  open = [];
});

afterEach(async () => {
  for (const one of open) await one.close();
  folder.remove();
});

function newApp(path = file): TasksApp {
  const app = createApp({ broker: `sqlite:${path}`, queue: 'q', ignoreResult: true, log: () => {} });
  open.push(app);
  return app;
}

function newMeter(path = file): Meter {
  const meter = tasksSqlite.create(
    { file: path, queue: 'q' },
    { appToken: 't', processType: 'worker', now: Date.now },
  );
  open.push({ close: async () => meter.close?.() });
  return meter;
}

async function read(meter: Meter): Promise<Reading> {
  const [reading] = await meter.read(AbortSignal.timeout(10_000));
  if (!reading) throw new Error('no reading');
  return reading;
}

async function readJobs(meter: Meter): Promise<JobsReading> {
  const reading = await read(meter);
  if (reading.kind !== 'jobs') throw new Error(JSON.stringify(reading));
  return reading;
}

meterContract({ test, expect }, tasksSqlite, {
  truth: async () => {
    const app = newApp();
    await app.task('job', (_c, _n: number) => {}).delayMany([[1], [2], [3]]);
    await app.send('job', [4], { countdown: 600 });
    return {
      options: { file, queue: 'q' },
      readings: [{ kind: 'jobs', queue: 'q', waiting: 3, later: 1, running: 0, slots: 0 }],
    };
  },
  down: async () => ({ options: { file: join(folder.path, 'absent.db'), queue: 'q' } }),
  wrongPassword: { skip: 'a file has no password' },
  garbage: async () => {
    writeFileSync(file, 'this is no database, and it is longer than the header of one: '.repeat(100));
    return { options: { file, queue: 'q' } };
  },
  slow: { skip: 'reads of a file in WAL mode wait for nobody and end within the call' },
});

test('numbers are exact: waiting, later, oldest', async () => {
  const app = newApp();
  const job = app.task('job', (_c, _n: number) => {});
  const before = Date.now();
  await job.delayMany([[1], [2]]);
  await job.applyAsync([3], { countdown: 600 });
  await job.applyAsync([4], { eta: before - 5_000, priority: 9 });
  const reading = await readJobs(newMeter());
  expect(reading).toMatchObject({ waiting: 3, later: 1, running: 0, slots: 0, startedTotal: 0 });
  // An ETA in the past does not make a job older than its publishing.
  expect(reading.oldestSeconds).toBeGreaterThanOrEqual(0);
  expect(reading.oldestSeconds).toBeLessThanOrEqual((reading.at - before) / 1000);
});

test('the ages count every waiting job, the oldest first; of a very long queue they are left to be inferred', async () => {
  const app = newApp();
  const job = app.task('job', (_c, _n: number) => {});
  await job.delayMany([[1], [2], [3]]);
  await app.send('job', [], { countdown: 600 });
  const due = Date.now() + 50;
  await app.send('job', [], { eta: due });
  const meter = newMeter();
  await until(async () => (await readJobs(meter)).waiting === 4, 'the delayed job to be due');
  const db = new Libsql(file);
  db.prepare('UPDATE jobs SET due = due - 60000 WHERE id = 1').run();
  const { ages = [], oldestSeconds } = await readJobs(meter);
  expect(ages.reduce((sum, [, jobs]) => sum + jobs, 0)).toBe(4);
  expect(ages[0]).toEqual([oldestSeconds, 1]);
  expect(ages.length).toBeGreaterThanOrEqual(2);
  expect(ages.every(([age], place) => place === 0 || age <= (ages[place - 1]?.[0] ?? 0))).toBe(true);
  db.prepare('UPDATE queues SET ready = 5001').run();
  db.close();
  expect(await readJobs(meter)).not.toHaveProperty('ages');
});

test('a delayed job waits from the moment it is due, without any worker', async () => {
  const app = newApp();
  const due = Date.now() + 300;
  await app.send('job', [], { eta: due });
  const meter = newMeter();
  expect(await readJobs(meter)).toMatchObject({ waiting: 0, later: 1, oldestSeconds: 0 });
  await until(async () => (await readJobs(meter)).waiting === 1, 'the job to be due');
  const reading = await readJobs(meter);
  expect(reading.later).toBe(0);
  expect(reading.oldestSeconds).toBeCloseTo((reading.at - due) / 1000, 3);
});

test('running, slots and totals come from live workers', async () => {
  const app = newApp();
  const release: (() => void)[] = [];
  const job = app.task('job', () => new Promise<void>((resolve) => release.push(resolve)));
  const worker = app.worker({ concurrency: 3, prefetch: 0 });
  const ended = worker.run();
  const meter = newMeter();
  await job.delayMany([[], [], [], [], []]);
  await until(async () => (await readJobs(meter)).running === 3, 'three running jobs');
  expect(await readJobs(meter)).toMatchObject({ waiting: 2, running: 3, slots: 3, startedTotal: 3 });
  while (release.length > 0) release.shift()?.();
  await until(async () => (await readJobs(meter)).startedTotal === 5, 'the other two to start');
  while (release.length > 0) release.shift()?.();
  await until(async () => (await readJobs(meter)).finishedTotal === 5, 'all to finish');
  const reading = await readJobs(meter);
  expect(reading).toMatchObject({ waiting: 0, running: 0, slots: 3, startedTotal: 5 });
  expect(reading.busySecondsTotal).toBeGreaterThan(0);
  await worker.stop();
  await ended;
  expect(await readJobs(meter)).toMatchObject({ slots: 0, finishedTotal: 5 });
});

test('jobs of a killed worker wait again at once, and its slots are gone', async () => {
  const app = newApp();
  await app.task('job', (_c, _n: number) => {}).delayMany([[1], [2], [3]]);
  // A consumer whose process has ended, as a SIGKILL leaves it.
  const gone = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => gone.once('exit', resolve));
  const db = new Libsql(file);
  const host = await hostOf(db, app);
  db.exec(`INSERT INTO consumers (id, queue, name, pid, host, born, slots, running, reserved, seen)
    VALUES (77, 'q', 'w', ${gone.pid}, '${host}', '1', 4, 2, 0, ${Date.now()});
    UPDATE jobs SET state = 2, consumer = 77 WHERE id <= 2; UPDATE queues SET ready = ready - 2`);
  db.close();
  const reading = await readJobs(newMeter());
  expect(reading).toMatchObject({ waiting: 3, running: 0, slots: 0 });
  expect(reading.ages?.reduce((sum, [, jobs]) => sum + jobs, 0)).toBe(3);
  expect(reading.oldestSeconds).toBeGreaterThan(0);
});

/** The host as a consumer of this process writes it. */
async function hostOf(db: Libsql.Database, app: TasksApp): Promise<string> {
  const worker = app.worker({ queues: ['elsewhere'] });
  const ended = worker.run();
  const find = (): { host: string } | undefined =>
    db.prepare("SELECT host FROM consumers WHERE queue = 'elsewhere'").get() as { host: string } | undefined;
  await until(() => find() !== undefined, 'a consumer');
  const host = find()?.host ?? '';
  await worker.stop();
  await ended;
  return host;
}

test('an absent file is unknown and is not made; a file that comes later is read', async () => {
  const meter = newMeter();
  expect(await read(meter)).toMatchObject({
    kind: 'unknown',
    why: expect.stringContaining('no such file yet'),
  });
  expect(await read(meter)).toMatchObject({ kind: 'unknown' });
  await newApp().send('job');
  expect(await readJobs(meter)).toMatchObject({ waiting: 1 });
});

test('a file without our tables, of a newer version, or a folder is unknown with the reason', async () => {
  const db = new Libsql(file);
  db.exec('CREATE TABLE something (a)');
  expect(await read(newMeter())).toMatchObject({ why: expect.stringContaining('no tables of a broker') });
  db.exec('PRAGMA user_version = 99');
  db.close();
  expect(await read(newMeter())).toMatchObject({ why: expect.stringContaining('version 99') });
  const place = join(folder.path, 'place');
  mkdirSync(place);
  expect(await read(newMeter(place))).toMatchObject({ kind: 'unknown' });
});

test('a file that was deleted and made anew is read anew', async () => {
  const first = newApp();
  await first.task('job', (_c, _n: number) => {}).delayMany([[1], [2]]);
  const meter = newMeter();
  expect(await readJobs(meter)).toMatchObject({ waiting: 2 });
  await first.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  expect(await read(meter)).toMatchObject({ kind: 'unknown' });
  await newApp().send('job');
  expect(await readJobs(meter)).toMatchObject({ waiting: 1 });
});

test('a look costs index steps, not rows', async () => {
  const app = newApp();
  await app.send('job');
  const db = new Libsql(file);
  const plan = (sql: string): string =>
    (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[])
      .map((row) => row.detail)
      .join('; ');
  expect(plan("SELECT min(due) FROM jobs WHERE queue = 'q' AND state = 0 AND priority = 3")).toMatch(
    /SEARCH jobs USING COVERING INDEX jobs_ready \(queue=\? AND priority=\?\)/,
  );
  expect(plan("SELECT count(*), min(due) FROM jobs WHERE queue = 'q' AND state = 1 AND due <= 5")).toMatch(
    /SEARCH jobs USING COVERING INDEX jobs_later \(queue=\? AND due<\?\)/,
  );
  expect(plan("SELECT due FROM jobs WHERE queue = 'q' AND state = 0")).toMatch(/COVERING INDEX jobs_ready/);
  db.close();
});
