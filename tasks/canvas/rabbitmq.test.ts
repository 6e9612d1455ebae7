/** Canvas across Python's Celery and ours on RabbitMQ, results in Redis: each canvas is sent from either side. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { celeryIn, countCases, withCelery } from '../../checks/celery.ts';
import {
  has,
  type RabbitServer,
  type RedisServer,
  startRabbit,
  startRedis,
  temporaryFolder,
} from '../../checks/fixtures.ts';
import { chain, chord, createApp, group, type TasksApp, type Worker } from '../index.ts';

const program = (broker: string, results: string): string => `
from celery import Celery, chain, chord, group, signature
app = Celery('probe', broker='${broker}', backend='${results}')
app.set_default()
app.conf.task_routes = {'ts.*': {'queue': 'ts'}, 'py.*': {'queue': 'py'}}

@app.task(name='py.add')
def add(a, b): return a + b
@app.task(name='py.sum')
def total(all): return sum(all)
@app.task(name='py.fail')
def fail(*args): raise ValueError('on purpose')

def s(name, *args): return signature(name, args=args)
`;

const available = has('rabbitmq') && has('redisServer') && has('python');

describe.skipIf(!available)('with Python Celery on RabbitMQ', () => {
  const folder = temporaryFolder('canvas-rabbit');
  const { python, startWorker, stopWorker } = celeryIn(folder.path);
  countCases('interop of canvas', () => withCelery('RabbitMQ'));
  let rabbit: RabbitServer;
  let redis: RedisServer;
  let app: TasksApp;
  let ours: ReturnType<typeof define>;
  let worker: { worker: Worker; ended: Promise<void> };

  beforeAll(async () => {
    [rabbit, redis] = await Promise.all([startRabbit(), startRedis()]);
    writeFileSync(join(folder.path, 'probe.py'), program(rabbit.url, redis.url));
    app = createApp({
      broker: rabbit.url,
      results: redis.url,
      queue: 'ts',
      routes: { 'py.*': 'py' },
      log: () => {},
    });
    ours = define(app);
    const started = app.worker({ concurrency: 8 });
    worker = { worker: started, ended: started.run() };
    await startWorker('-Q', 'py');
  }, 120_000);
  afterAll(async () => {
    await worker.worker.stop();
    await worker.ended;
    await stopWorker();
    await app.close();
    await Promise.all([rabbit.stop(), redis.stop()]);
    folder.remove();
  });

  const theirs = (canvas: string): Promise<unknown> =>
    python(`print(json.dumps((${canvas}).apply_async().get(timeout=60)))`);
  const pyAdd = (...args: number[]) => app.signature<number>('py.add', args);
  const pySum = () => app.signature<number>('py.sum');

  test('a chain goes from worker to worker', async () => {
    const result = await chain(pyAdd(1, 2), ours.add.s(10), pyAdd(100)).delay();
    expect(await result.get({ timeoutMs: 60_000 })).toBe(113);
    expect(await theirs("chain(s('py.add', 1, 2), s('ts.add', 10), s('py.add', 100))")).toBe(113);
  });

  test('a group has parts of both kinds', async () => {
    const both = await group([pyAdd(1, 1), ours.add.s(2, 2)]).delay();
    expect(await both.get({ timeoutMs: 60_000 })).toEqual([2, 4]);
    expect(await theirs("group(s('py.add', 1, 1), s('ts.add', 2, 2))")).toEqual([2, 4]);
  });

  test('a chord: header of both kinds, body of either', async () => {
    const header = [pyAdd(1, 1), ours.add.s(2, 2), pyAdd(3, 3), ours.add.s(4, 4)];
    expect(await (await chord(header, ours.sum.s()).delay()).get({ timeoutMs: 60_000 })).toBe(20);
    expect(await (await chord(header, pySum()).delay()).get({ timeoutMs: 60_000 })).toBe(20);
    const parts = "[s('py.add', 1, 1), s('ts.add', 2, 2), s('py.add', 3, 3), s('ts.add', 4, 4)]";
    expect(await theirs(`chord(${parts}, s('ts.sum'))`)).toBe(20);
    expect(await theirs(`chord(${parts}, s('py.sum'))`)).toBe(20);
  });

  test('a chord over a store that cannot count is looked after, and over rpc:// it is refused', async () => {
    const file = `sqlite:${join(folder.path, 'results.db')}`;
    const polled = createApp({ broker: rabbit.url, results: file, queue: 'polled', log: () => {} });
    const { add, sum } = define(polled);
    const working = polled.worker({ concurrency: 8 });
    const ended = working.run();
    const inner = chord([add.s(1, 1), add.s(2, 2)], sum.s());
    const result = await chain(chord([inner, add.s(3, 3)], sum.s()), add.s(100)).delay();
    expect(await result.get({ timeoutMs: 60_000 })).toBe(112);
    await working.stop();
    await ended;
    await polled.close();
    const answering = createApp({ broker: rabbit.url, results: 'rpc://', queue: 'polled', log: () => {} });
    const tasks = define(answering);
    await expect(chord([tasks.add.s(1, 1)], tasks.sum.s()).delay()).rejects.toMatchObject({
      code: 'CHORD_NEEDS_RESULTS',
    });
    expect((await answering.depth('polled')).waiting).toBe(0);
    await answering.close();
  });

  test('a failure in a header fails the body, whichever side it is on', async () => {
    const failure = { code: 'TASK_FAILED', message: /on purpose/ };
    const byThem = await chord([ours.add.s(1, 1), app.signature<number>('py.fail')], ours.sum.s()).delay();
    await expect(byThem.get({ timeoutMs: 60_000 })).rejects.toMatchObject(failure);
    const byUs = await chord([pyAdd(1, 1), ours.fail.s()], pySum()).delay();
    await expect(byUs.get({ timeoutMs: 60_000 })).rejects.toMatchObject(failure);
  });
});

function define(app: TasksApp) {
  return {
    add: app.task('ts.add', (_context, a: number, b: number) => a + b),
    sum: app.task('ts.sum', (_context, all: readonly number[]) => all.reduce((a, b) => a + b, 0)),
    fail: app.task('ts.fail', (): number => {
      throw new Error('on purpose');
    }),
  };
}
