/**
 * Chords in stores that cannot count, with a worker of Python beside ours whose results lie in its own store (files, as
 * Celery looks after chords there as it does in a database): what works, and what is refused because it never could.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { celeryIn, countCases, withCelery } from '../../checks/celery.ts';
import { has, type RedisServer, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { chain, chord, createApp, group, type Task, type TasksApp, type Worker } from '../index.ts';

const program = (url: string, folder: string): string => `
import redis
from celery import Celery, chord, signature
app = Celery('probe', broker='${url}/0', backend='file://${folder}')
app.set_default()
app.conf.task_routes = {'ts.*': {'queue': 'ts'}, 'py.*': {'queue': 'py'}, 'celery.chord_unlock': {'queue': 'py'}}

@app.task(name='py.add')
def add(a, b): return a + b
@app.task(name='py.sum')
def total(all): return sum(all)
@app.task(name='py.note')
def note(all): redis.Redis.from_url('${url}/1').rpush('noted', repr(all))

def s(name, *args): return signature(name, args=args)
`;

describe.skipIf(!has('redisServer') || !has('python'))('chords in a file beside Python Celery', () => {
  const folder = temporaryFolder('canvas-polled');
  const { python, startWorker, stopWorker } = celeryIn(folder.path);
  countCases('interop of polled chords', () => withCelery('Redis'));
  let server: RedisServer;
  let store: Redis;
  let app: TasksApp;
  let add: Task<[a: number, b: number], number>;
  let sum: Task<[all: readonly number[]], number>;
  let worker: Worker;
  let ended: Promise<void>;
  const logged: string[] = [];

  beforeAll(async () => {
    server = await startRedis();
    store = new Redis(`${server.url}/1`);
    const theirs = join(folder.path, 'results');
    mkdirSync(theirs);
    writeFileSync(join(folder.path, 'probe.py'), program(server.url, theirs));
    app = createApp({
      broker: `${server.url}/0`,
      results: `sqlite:${join(folder.path, 'results.db')}`,
      queue: 'ts',
      routes: { 'py.*': 'py' },
      log: (_level, text) => void logged.push(text),
    });
    add = app.task('ts.add', (_context, a: number, b: number) => a + b);
    sum = app.task('ts.sum', (_context, all: readonly number[]) => all.reduce((a, b) => a + b, 0));
    worker = app.worker();
    ended = worker.run();
    await startWorker('-Q', 'py');
  }, 120_000);
  afterAll(async () => {
    await worker.stop();
    await ended;
    await stopWorker();
    await app.close();
    store.disconnect();
    await server.stop();
    folder.remove();
  });

  test('a chord of our tasks comes to its end, whichever side has the body', async () => {
    const header = [add.s(1, 1), add.s(2, 2)];
    expect(await (await chord(header, sum.s()).delay()).get({ timeoutMs: 60_000 })).toBe(6);
    await chord(header, app.signature('py.note')).delay();
    await until(async () => (await store.lrange('noted', 0, -1)).includes('[2, 4]'), 'the body', 60_000);
  });

  test('a chord over a task that Python has is refused when it is sent, wherever it stands', async () => {
    const refused = { code: 'CHORD_NEEDS_RESULTS', message: /cannot wait for "py.add"/ };
    const foreign = app.signature<number>('py.add', [1, 1]);
    await expect(chord([add.s(1, 1), foreign], sum.s()).delay()).rejects.toMatchObject(refused);
    const later = chain(add.s(1, 1), group([add.s(1), app.signature<number>('py.add', [1])]), sum.s());
    await expect(later.delay()).rejects.toMatchObject(refused);
    const atTheEnd = chord([chain(add.s(1, 1), app.signature<number>('py.add', [1]))], sum.s());
    await expect(atTheEnd.delay()).rejects.toMatchObject(refused);
  });

  test('a chord of Python with its own store comes to its end beside us', async () => {
    const parts = "[s('py.add', 1, 1), s('py.add', 2, 2)]";
    expect(
      await python(`print(json.dumps(chord(${parts}, s('py.sum')).apply_async().get(timeout=60)))`),
    ).toBe(6);
  });

  test('a chord of Python that is given to us to look after fails in words, and does not go round for ever', async () => {
    const parts = "[s('py.add', 1, 1), s('py.add', 2, 2)]";
    await python(`chord(${parts}, s('ts.sum').set(queue='ts')).apply_async(); print('null')`);
    await until(
      () => logged.some((text) => text.includes('Python began it, and keeps its results')),
      'the refusal',
      60_000,
    );
    await until(async () => (await app.depth('ts')).waiting === 0, 'nothing left', 60_000);
  });
});
