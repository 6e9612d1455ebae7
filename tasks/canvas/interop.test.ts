/**
 * Canvas across Python's Celery and ours, on one Redis with a worker of each kind at work: Python's on the queue "py", ours on
 * "ts", tasks routed by their names. Each canvas is sent from either side.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { celeryIn, countCases, withCelery } from '../../checks/celery.ts';
import { has, type RedisServer, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import {
  type AnySignature,
  chain,
  chainOf,
  chord,
  createApp,
  type FailedTask,
  group,
  type Task,
  type TasksApp,
  type Worker,
} from '../index.ts';
import type { Signature } from './typed.ts';

const program = (url: string): string => `
from celery import Celery, chain, chord, group, signature
app = Celery('probe', broker='${url}/0', backend='${url}/1')
app.set_default()
app.conf.task_routes = {'ts.*': {'queue': 'ts'}, 'py.*': {'queue': 'py'}}

@app.task(name='py.add')
def add(a, b): return a + b
@app.task(name='py.sum')
def total(all): return sum(all)
@app.task(name='py.flat')
def flat(*args):
    return sum(flat(*one) if isinstance(one, list) else one for one in args)
@app.task(name='py.fail')
def fail(*args): raise ValueError('on purpose')
@app.task(name='py.note')
def note(*args): app.backend.client.rpush('noted', repr(args))
@app.task(name='py.errback')
def errback(request, exc, traceback):
    app.backend.client.rpush('noted', 'errback %s %s %s' % (request.task, type(exc).__name__, exc))
@app.task(name='py.where', bind=True)
def where(self, *args):
    r = self.request
    return ['py', r.id, r.root_id, r.parent_id, r.group, r.group_index]
@app.task(name='py.retry', bind=True, max_retries=3)
def again(self, a, b):
    if self.request.retries < 1: raise self.retry(countdown=0)
    return a + b

def s(name, *args): return signature(name, args=args)
def i(name, *args): return signature(name, args=args, immutable=True)
`;

interface Ours {
  readonly add: Task<[a: number, b: number], number>;
  readonly sum: Task<[all: number[]], number>;
  readonly fail: Task<[...args: unknown[]], never>;
}

describe.skipIf(!has('redisServer') || !has('python'))('with Python Celery on Redis', () => {
  const folder = temporaryFolder('canvas');
  let server: RedisServer;
  let redis: Redis;
  let store: Redis;
  let app: TasksApp;
  let ours: Ours;
  let worker: { worker: Worker; ended: Promise<void> };
  const { python, startWorker, stopWorker } = celeryIn(folder.path);
  countCases('interop of canvas', () => withCelery('Redis'));
  const noted: string[] = [];
  const logged: string[] = [];

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    store = new Redis(`${server.url}/1`);
    writeFileSync(join(folder.path, 'probe.py'), program(server.url));
    app = createApp({
      broker: `${server.url}/0`,
      results: `${server.url}/1`,
      queue: 'ts',
      routes: { 'py.*': 'py' },
      log: (_level, text) => void logged.push(text),
    });
    ours = define(app, noted);
    const started = app.worker({ concurrency: 8 });
    worker = { worker: started, ended: started.run() };
    await startWorker('-Q', 'py');
  });
  afterAll(async () => {
    await worker.worker.stop();
    await worker.ended;
    await stopWorker();
    await app.close();
    redis.disconnect();
    store.disconnect();
    await server.stop();
    folder.remove();
  });
  beforeEach(async () => {
    noted.length = 0;
    await store.del('noted');
  });

  /** The result of a canvas that Python sends. */
  const theirs = (canvas: string): Promise<unknown> =>
    python(`print(json.dumps((${canvas}).apply_async().get(timeout=20)))`);
  const pyAdd = (...args: number[]): Signature<readonly unknown[], number> =>
    app.signature<number>('py.add', args);
  const pySum = (): Signature<readonly unknown[], number> => app.signature<number>('py.sum');
  const told = async (): Promise<string[]> => await store.lrange('noted', 0, -1);

  describe('chains', () => {
    test('Python, ours, Python; sent by ours', async () => {
      const result = await chain(pyAdd(1, 2), ours.add.s(10), pyAdd(100)).delay();
      expect(await result.get()).toBe(113);
      expect(await result.parent?.get()).toBe(13);
      expect(await result.parent?.parent?.get()).toBe(3);
    });

    test('Python, ours, Python; sent by Python', async () => {
      const code = `
result = chain(s('py.add', 1, 2), s('ts.add', 10), s('py.add', 100)).apply_async()
print(json.dumps([result.get(timeout=20), result.parent.get(), result.parent.parent.get()]))`;
      expect(await python(code)).toEqual([113, 13, 3]);
    });

    test('the ids of root and parent go along on both sides', async () => {
      const first = await chain(
        app.signature('ts.where'),
        app.signature('py.where'),
        app.signature('ts.where'),
      ).delay();
      const rows: unknown[][] = [];
      for (const one of [first.parent?.parent, first.parent, first])
        rows.push((await one?.get()) as unknown[]);
      const [a, b, c] = rows;
      expect(rows.map(([side]) => side)).toEqual(['ts', 'py', 'ts']);
      expect(rows.map((row) => row[2])).toEqual([a?.[1], a?.[1], a?.[1]]);
      expect(rows.map((row) => row[3])).toEqual([null, a?.[1], b?.[1]]);
      expect(c?.[1]).toBe(first.id);
    });

    test('the results know their children, on both sides', async () => {
      const result = await chain(ours.add.s(1, 2), pyAdd(10), ours.add.s(100)).delay();
      await result.get();
      const [next, ...more] = (await result.parent?.parent?.children()) ?? [];
      expect([next?.id, more]).toEqual([result.parent?.id, []]);
      expect((await next?.children())?.map(({ id }) => id)).toEqual([result.id]);
    });

    test('a retry on the way keeps the chain, on either side', async () => {
      const steps = chain(pyAdd(1, 2), app.signature<number>('ts.retry', [10]), pyAdd(100));
      expect(await (await steps.delay()).get()).toBe(113);
      expect(await theirs("chain(s('ts.add', 1, 2), s('py.retry', 10), s('ts.retry', 100))")).toBe(113);
    });

    test('a failure on the way fails the rest', async () => {
      const result = await chain(pyAdd(1, 2), ours.fail.s(), pyAdd(100)).delay();
      await expect(result.get()).rejects.toMatchObject({ code: 'TASK_FAILED', message: /on purpose/ });
      const other = await chain(ours.add.s(1, 2), app.signature<number>('py.fail'), ours.add.s(1)).delay();
      await expect(other.get()).rejects.toMatchObject({
        code: 'TASK_FAILED',
        message: /ValueError: on purpose/,
      });
    });
  });

  describe('groups', () => {
    test('of both kinds, sent by ours', async () => {
      const result = await group([ours.add.s(1, 1), pyAdd(2, 2), ours.add.s(3, 3)]).delay();
      expect(await result.get()).toEqual([2, 4, 6]);
      expect(await Promise.all(result.results.map((one) => one.get()))).toEqual([2, 4, 6]);
      expect([await result.ready(), await result.state(), await result.completedCount()]).toEqual([
        true,
        'SUCCESS',
        3,
      ]);
      await result.save();
      const code = `
from celery.result import GroupResult
found = GroupResult.restore('${result.id}')
print(json.dumps([found.get(timeout=20), found.ready(), found.successful(), found.completed_count()]))`;
      expect(await python(code)).toEqual([[2, 4, 6], true, true, 3]);
    });

    test('of both kinds, sent by Python, and read here', async () => {
      const code = `
result = group(s('ts.add', 1, 1), s('py.add', 2, 2), s('ts.add', 3, 3)).apply_async()
result.save()
print(json.dumps([result.id, result.get(timeout=20)]))`;
      const [id, values] = (await python(code)) as [string, number[]];
      expect(values).toEqual([2, 4, 6]);
      expect(await (await app.groupResult(id))?.get()).toEqual([2, 4, 6]);
    });

    test('a failure in a group is thrown, and the others can be read', async () => {
      const result = await group([ours.add.s(1, 1), app.signature<number>('py.fail'), pyAdd(3, 3)]).delay();
      await expect(result.get()).rejects.toMatchObject({ code: 'TASK_FAILED', message: /on purpose/ });
      expect(await result.results[0]?.get()).toBe(2);
      expect(await result.results[2]?.get()).toBe(6);
    });
  });

  describe('chords', () => {
    const mixed = [
      ['py.sum', 'a body of theirs'],
      ['ts.sum', 'a body of ours'],
    ] as const;
    test.each(mixed)('with both kinds in the header and %s, sent by ours', async (body) => {
      const header = Array.from({ length: 10 }, (_, n) => (n % 2 ? pyAdd(n, n) : ours.add.s(n, n)));
      const result = await chord(header, app.signature<number>(body)).delay();
      expect(await result.get()).toBe(90);
      expect(await result.parent?.get()).toEqual(Array.from({ length: 10 }, (_, n) => 2 * n));
      await until(
        async () => (await store.keys(`celery-taskset-meta-${result.parent?.id}*`)).length === 0,
        'the counters to go',
      );
    });

    test.each(mixed)('with both kinds in the header and %s, sent by Python', async (body) => {
      const header = "[s('py.add' if n % 2 else 'ts.add', n, n) for n in range(10)]";
      expect(await theirs(`chord(${header}, s('${body}'))`)).toBe(90);
    });

    test('of one part only, of either kind, and of none', async () => {
      expect(await (await chord([pyAdd(1, 1)], ours.sum.s()).delay()).get()).toBe(2);
      expect(await (await chord([ours.add.s(1, 1)], pySum()).delay()).get()).toBe(2);
      expect(await (await chord([] as (typeof header)[], pySum()).delay()).get()).toBe(0);
      const header = pyAdd(1, 1);
    });

    test('results come in the order of the header', async () => {
      const header = Array.from({ length: 6 }, (_, n) =>
        app.signature(n % 2 ? 'py.add' : 'ts.slow', [n * 10, 0]),
      );
      const result = await chord(header, app.signature<number[]>('ts.echo')).delay();
      expect(await result.get()).toEqual([0, 10, 20, 30, 40, 50]);
    });

    test.each([
      ['py.fail', 'ts.sum'],
      ['py.fail', 'py.sum'],
      ['ts.fail', 'ts.sum'],
      ['ts.fail', 'py.sum'],
    ])('with %s in the header: %s fails as ChordError, on both sides', async (failing, body) => {
      const errback = app.signature('ts.note', ['errback']);
      const header = [pyAdd(1, 1), app.signature<number>(failing), ours.add.s(1, 1)];
      const result = await chord(header, app.signature<number>(body).linkError(errback)).delay();
      await expect(result.get()).rejects.toMatchObject({
        code: 'TASK_FAILED',
        message: /ChordError: Dependency .* raised .*on purpose/,
      });
      await until(() => noted.length === 1, 'the errback');
      expect(noted[0]).toBe(`note ${result.id} errback`);
      const code = `
from celery.exceptions import ChordError
result = chord([s('ts.add', 1, 1), s('${failing}'), s('py.add', 1, 1)])(s('${body}'))
# Without its parent, whose own error would come first.
try: app.AsyncResult(result.id).get(timeout=20)
except ChordError as e: print(json.dumps(str(e)))`;
      expect(await python(code)).toMatch(/Dependency .* raised .*on purpose/);
    });

    test('a failing header of a chord in a chord fails the outer body', async () => {
      const inner = chord([ours.add.s(1, 1), ours.fail.s()], ours.sum.s());
      const result = await chord([inner, ours.add.s(2, 2)], ours.sum.s()).delay();
      await expect(result.get()).rejects.toMatchObject({ code: 'TASK_FAILED', message: /ChordError/ });
    });

    test('a failing link of a chain in the header fails the body', async () => {
      const header = [chain(ours.add.s(1, 1), app.signature<number>('py.fail'), ours.add.s(1)), pyAdd(1, 1)];
      const result = await chord(header, ours.sum.s()).delay();
      await expect(result.get()).rejects.toMatchObject({ code: 'TASK_FAILED', message: /ChordError/ });
    });
  });

  describe('callbacks', () => {
    test('of either kind, after a task of the other', async () => {
      await pyAdd(1, 2)
        .link(app.signature('ts.note', ['linked']))
        .delay();
      await ours.add
        .s(1, 2)
        .link(app.signature('py.note', ['linked']))
        .link(app.signature('ts.note', ['too']))
        .delay();
      await until(async () => noted.length === 2 && (await told()).length === 1, 'three callbacks');
      expect(noted.toSorted()).toEqual(['note 3 linked', 'note 3 too']);
      expect(await told()).toEqual(["(3, 'linked')"]);
    });

    test('errbacks in both styles, after a task of ours', async () => {
      const failing = ours.fail
        .s(1)
        .linkError(app.signature('ts.errback'))
        .linkError(app.signature('ts.note', ['old']))
        .linkError(app.signature('py.note', ['old']));
      const { id } = await failing.delay();
      await until(async () => noted.length === 2 && (await told()).length === 1, 'three errbacks');
      expect(noted.toSorted()).toEqual(
        [`errback ts.fail ${id} Error on purpose`, `note ${id} old`].toSorted(),
      );
      expect(await told()).toEqual([`('${id}', 'old')`]);
    });

    test('errbacks in both styles, after a task of theirs', async () => {
      const failing = app
        .signature('py.fail')
        .linkError(app.signature('py.errback'))
        .linkError(app.signature('ts.note', ['old']));
      const { id } = await failing.delay();
      await until(async () => noted.length === 1 && (await told()).length === 1, 'two errbacks');
      expect(noted).toEqual([`note ${id} old`]);
      expect(await told()).toEqual(['errback py.fail ValueError on purpose']);
    });
  });

  /** The same canvas on one side only: whoever sends it, whoever runs it, it comes to the same. */
  const large = (side: string): string => `chain(
    s('${side}.add', 1, 2),
    group(s('${side}.add', 10), chain(s('${side}.add', 20), s('${side}.add', 30))),
    s('${side}.sum'),
    chord([s('${side}.add', 1), chord([i('${side}.add', 5, 5), i('${side}.add', 6, 6)], s('${side}.sum'))], s('${side}.sum')),
    s('${side}.add', 1000))`;

  test.each(['py', 'ts'])('a nested canvas of Python runs wholly on %s', async (side) => {
    expect(await theirs(large(side))).toBe(66 + 1 + 22 + 1000);
  });

  test.each(['py', 'ts'])('a nested canvas of ours runs wholly on %s', async (side) => {
    const s = (name: string, ...args: number[]) => app.signature<number>(`${side}.${name}`, args);
    const i = (...args: number[]) => app.signature<number>(`${side}.add`, args, { immutable: true });
    const canvas = chain(
      s('add', 1, 2),
      group([s('add', 10), chain(s('add', 20), s('add', 30))]),
      s('sum'),
      chord([s('add', 1), chord([i(5, 5), i(6, 6)], s('sum'))], s('sum')),
      s('add', 1000),
    );
    expect(await (await canvas.delay()).get()).toBe(66 + 1 + 22 + 1000);
    // A signature is not used up by being sent.
    expect(await (await canvas.delay()).get()).toBe(66 + 1 + 22 + 1000);
  });

  /**
   * Groups at the end of a part of a chord, whose tasks count for that chord, and chords that end in a group and go on. (When
   * Python's Celery 5.2 sends these itself, most of them never end.)
   */
  const p = (n: number): AnySignature => app.signature('py.flat', [n]);
  const t = (n: number): AnySignature => app.signature('ts.flat', [n]);
  const g = (...all: AnySignature[]) => group(all) as unknown as AnySignature;
  const c = (...all: AnySignature[]) => chainOf(all) as AnySignature;
  const d = (...all: AnySignature[]) => chord(all.slice(0, -1), all.at(-1) as never) as AnySignature;
  test.each<[string, () => AnySignature, unknown]>([
    ['a part that is a chord with a group of one', () => d(d(p(1), g(p(3))), t(6), t(4)), 14],
    ['a part that is a chord with a group of two', () => d(d(t(1), g(p(3), t(5))), p(6), p(4)), 20],
    ['a part that is a chain with a group', () => d(c(p(1), g(t(2), p(3))), t(6), t(4)), 17],
    ['a chord in the group of a part', () => d(c(p(1), g(t(2), d(p(3), t(8), p(9)))), t(6), t(4)), 35],
    ['the same in the body of a part', () => d(d(p(1), g(t(2), d(p(3), t(8), p(9)))), t(6), t(4)), 35],
    [
      'a chord that ends in a group, and a chain',
      () => c(d(p(1), g(t(3), p(2))), c(t(6), g(p(4), t(5)))),
      [17, 18],
    ],
    ['a chord that ends in a group, and a group', () => c(d(p(1), g(t(3), p(2))), g(p(4), t(5)), p(7)), 30],
  ])('%s', async (_name, made, wanted) => {
    const result = await (made() as unknown as Signature<readonly unknown[], unknown>).delay();
    expect(await result.get({ timeoutMs: 60_000 })).toEqual(wanted);
  });

  test('map, starmap and chunks: ours by Python, theirs by us', async () => {
    const items = Array.from({ length: 5 }, (_, n) => [n, n] as [number, number]);
    expect(await (await ours.add.starmap(items).set({ queue: 'ts' }).delay()).get()).toEqual([0, 2, 4, 6, 8]);
    expect(await (await ours.sum.map([[1, 2], [3]]).delay()).get()).toEqual([3, 3]);
    expect(await (await ours.add.chunks(items, 2).delay()).get()).toEqual([[0, 2], [4, 6], [8]]);
    const code = `
from celery import chunks, xmap, xstarmap
items = [(n, n) for n in range(5)]
print(json.dumps([
  xstarmap(s('ts.add'), items).set(queue='ts').apply_async(queue='ts').get(timeout=20),
  xmap(s('ts.sum'), [[1, 2], [3]]).apply_async(queue='ts').get(timeout=20),
  chunks(s('ts.add'), items, 2).apply_async(queue='ts').get(timeout=20)]))`;
    expect(await python(code)).toEqual([
      [0, 2, 4, 6, 8],
      [3, 3],
      [[0, 2], [4, 6], [8]],
    ]);
  });

  test('stamps and options are no hindrance to Celery 5.2, and reach our tasks', async () => {
    const steps = chain(pyAdd(1, 2), ours.add.s(10), pyAdd(100)).stamp({ tenant: 'acme' });
    expect(await (await steps.set({ expires: 60 }).delay()).get()).toBe(113);
  });

  test('a task that replaces itself hands its place in the canvas on', async () => {
    const canvas = chord([app.signature<number>('ts.replaced', [3]), pyAdd(1, 1)], ours.sum.s());
    expect(await (await chain(canvas, pyAdd(100)).delay()).get()).toBe(6 + 2 + 100);
  });

  test('nothing is left to settle', async () => {
    await until(async () => (await redis.hlen('unacked')) === 0, 'all to be settled');
    expect(await redis.llen('headcount.set_aside')).toBe(0);
    expect(logged.filter((text) => /lost|could not|cannot/.test(text))).toEqual([]);
  });
});

function define(app: TasksApp, noted: string[]): Ours {
  app.task('ts.note', (_context, ...args: unknown[]) => void noted.push(`note ${args.join(' ')}`));
  app.task('ts.errback', (_context, failed: FailedTask, error: Error) => {
    noted.push(`errback ${failed.task} ${failed.id} ${error.name} ${error.message}`);
  });
  app.task('ts.where', ({ id, rootId, parentId }) => ['ts', id, rootId, parentId]);
  const flat = (...args: unknown[]): number =>
    args.reduce<number>((all, one) => all + (Array.isArray(one) ? flat(...one) : Number(one)), 0);
  app.task('ts.flat', (_context, ...args: unknown[]) => flat(...args));
  app.task('ts.echo', (_context, value: unknown) => value);
  app.task('ts.slow', async (_context, a: number, b: number) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return a + b;
  });
  app.task('ts.retry', ({ retries, retry }, a: number, b: number) =>
    retries < 1 ? retry({ countdown: 0 }) : a + b,
  );
  const add = app.task('ts.add', (_context, a: number, b: number) => a + b);
  app.task('ts.replaced', ({ replace }, n: number): number => replace(add.s(n, n)));
  return {
    add,
    sum: app.task('ts.sum', (_context, all: number[]) => all.reduce((a, b) => a + b, 0)),
    fail: app.task('ts.fail', (): never => {
      throw new Error('on purpose');
    }),
  };
}
