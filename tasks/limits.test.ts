/** What keeps a worker and its jobs within bounds: limits of rate and time, retries, refusals, schemas, and an end by itself. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import { z } from 'zod';
import { temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import {
  createApp,
  Ignore,
  Reject,
  type Task,
  type TasksApp,
  type Worker,
  type WorkerOptions,
} from './index.ts';
import { commandFor, matches } from './remote/command.ts';
import { perSecond, rateGate } from './remote/rate.ts';
import { mostRevoked, revokedIds } from './remote/revoked.ts';

describe('rates', () => {
  test.each([
    ['10/s', 10],
    ['30/m', 0.5],
    ['36/h', 0.01],
    ['2', 2],
    [3, 3],
    [null, 0],
    [undefined, 0],
    ['', 0],
    ['0/s', 0],
    ['fast', undefined],
    ['10/d', undefined],
    ['-1/s', undefined],
  ])('%s', (text, rate) => expect(perSecond(text)).toBe(rate));

  test('never more than the rate and one, and all of the rate when there is always work', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.nat(300), { minLength: 1 }),
        (rate, pauses) => {
          const gate = rateGate(rate);
          let now = 1_000_000;
          const begin = now;
          let started = 0;
          for (const pause of pauses) {
            now += pause;
            if (gate.readyMs(now) > now) continue;
            gate.started(now);
            started++;
            expect(started).toBeLessThanOrEqual(1 + ((now - begin) * rate) / 1000 + 1e-6);
            expect(gate.readyMs(now)).toBeLessThanOrEqual(now + 1000 / rate + 1e-6);
          }
        },
      ),
    );
  });
});

test('revoked ids are kept up to a bound, the oldest forgotten first', () => {
  const ids = revokedIds();
  for (let n = 0; n < mostRevoked + 5; n++) ids.add(`id-${n}`, n);
  expect([ids.size, ids.has('id-4'), ids.has('id-5')]).toEqual([mostRevoked, false, true]);
  ids.add('late', 20_000_000);
  expect([...ids.entries()]).toEqual([['late', 20_000_000]]);
});

describe('whom a command is for', () => {
  const sent = (body: object, headers = {}) => ({ headers, body: { method: 'ping', ...body } });
  test.each([
    [{}, true],
    [{ destination: ['a@b'] }, true],
    [{ destination: ['b@b'] }, false],
    [{ destination: [] }, true],
    [{ pattern: 'a*', matcher: 'glob' }, true],
    [{ pattern: 'b*', matcher: 'glob' }, false],
    [{ pattern: 'a', matcher: 'glob' }, false],
    [{ pattern: 'a', matcher: 'pcre' }, true],
    [{ pattern: '[', matcher: 'pcre' }, false],
    [{ pattern: '[!b]@b', matcher: 'glob' }, true],
    [{ pattern: 'a@b', matcher: 'other' }, false],
    [{ pattern: 'x' }, true],
    [{ method: 5 }, false],
  ])('%o', (body, meant) => expect(commandFor('a@b', sent(body), 0) !== undefined).toBe(meant));

  test('what is too old is for nobody', () => {
    expect(commandFor('a', sent({}, { expires: 10 }), 10_001)).toBeUndefined();
    expect(commandFor('a', sent({}, { expires: 10 }), 9_999)).toBeDefined();
    expect(commandFor('a', sent({}, { expires: 0 }), 9_999)).toBeDefined();
  });

  test('no pattern and no command throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.constantFrom('glob', 'pcre'), (name, pattern, matcher) => {
        expect(typeof matches(name, pattern, matcher)).toBe('boolean');
      }),
    );
    fc.assert(
      fc.property(fc.anything(), fc.dictionary(fc.string(), fc.anything()), (body, headers) => {
        commandFor('a', { headers, body }, 0);
      }),
    );
    fc.assert(fc.property(fc.string(), (name) => matches(name, '*', 'glob')));
  });
});

describe('a worker', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let app: TasksApp;
  let logged: string[];
  let running: { worker: Worker; ended: Promise<void> }[];
  beforeEach(() => {
    folder = temporaryFolder('limits');
    logged = [];
    running = [];
    app = createApp({
      broker: `sqlite:${join(folder.path, 'broker.db')}`,
      log: (level, text) => logged.push(`${level} ${text}`),
    });
  });
  afterEach(async () => {
    await Promise.all(running.map(({ worker, ended }) => worker.stop({ cold: true }).then(() => ended)));
    await app.close();
    folder.remove();
  });
  const start = (options: WorkerOptions = {}): { worker: Worker; ended: Promise<void> } => {
    const worker = app.worker(options);
    const one = { worker, ended: worker.run() };
    running.push(one);
    return one;
  };

  test('a rate limit holds its task back and no other', async () => {
    const starts: number[] = [];
    const slow = app.task('slow', () => void starts.push(performance.now()), { rateLimit: '20/s' });
    const quick = app.task('quick', () => 'done');
    start();
    const sentAt = performance.now();
    const all = await slow.delayMany(Array.from({ length: 4 }, () => []));
    expect(await (await quick.delay()).get()).toBe('done');
    await Promise.all(all.map((one) => one.get()));
    // Timers may come a millisecond early; on a busy machine a start may be seen late, and the next one not.
    starts.forEach((at, n) => {
      expect(at - sentAt).toBeGreaterThan(n * 50 - 5);
    });
    expect(starts).toHaveLength(4);
  });

  test('soft and hard time limits of a task; those of a call come first', async () => {
    const reasons: string[] = [];
    const options = { softTimeLimitSeconds: 0.05, timeLimitSeconds: 0.1, maxRetries: 5 };
    const endless = app.task(
      'endless',
      ({ signal }) => {
        signal.addEventListener('abort', () => reasons.push((signal.reason as Error).name), { once: true });
        return new Promise(() => {});
      },
      options,
    );
    start();
    await expect((await endless.delay()).get()).rejects.toThrow(/TimeLimitExceeded: .* 0.1 s/);
    expect(reasons).toEqual(['SoftTimeLimitExceeded']);
    const short = await endless.applyAsync([], { timeLimit: { hardSeconds: 0.01 } });
    await expect(short.get()).rejects.toThrow(/TimeLimitExceeded: .* 0.01 s/);
  });

  test('only the errors that are named are tried again', async () => {
    class Busy extends Error {}
    const tries = new Map<string, number>();
    const handler = (kind: string): never => {
      tries.set(kind, (tries.get(kind) ?? 0) + 1);
      throw kind.startsWith('busy') ? new Busy('busy') : new RangeError('other');
    };
    const retry = { maxRetries: 2, retryBackoffSeconds: 0, retryJitter: false };
    const byClass = app.task('class', (_c, kind: string) => handler(kind), { ...retry, retryFor: [Busy] });
    const byTest = app.task('test', (_c, kind: string) => handler(kind), {
      ...retry,
      retryFor: (error) => error instanceof Busy,
    });
    const broken = app.task('broken', (_c, kind: string) => handler(kind), {
      ...retry,
      retryFor: () => {
        throw new RangeError('the test itself');
      },
    });
    start();
    const sent = [
      await byClass.delay('busy 1'),
      await byClass.delay('other 1'),
      await byTest.delay('busy 2'),
      await byTest.delay('other 2'),
      await broken.delay('busy 3'),
    ];
    for (const one of sent) await expect(one.get()).rejects.toThrow(/TASK_FAILED|ended as FAILURE/);
    expect(Object.fromEntries(tries)).toEqual({
      'busy 1': 3,
      'other 1': 1,
      'busy 2': 3,
      'other 2': 1,
      'busy 3': 1,
    });
  });

  test('Ignore keeps no result, Reject sets aside or sends to the end of the queue', async () => {
    const seen: string[] = [];
    const pick = app.task('pick', (_context, what: string) => {
      seen.push(what);
      if (what === 'ignore') throw new Ignore('not for us');
      if (what === 'reject') throw new Reject('broken input');
      if (what === 'again' && seen.filter((one) => one === 'again').length === 1)
        throw new Reject('not now', { requeue: true });
      return what;
    });
    const [ignored, rejected, again] = await pick.delayMany([['ignore'], ['reject'], ['again'], ['last']]);
    start({ concurrency: 1 });
    expect(await again?.get()).toBe('again');
    expect(seen).toEqual(['ignore', 'reject', 'again', 'last', 'again']);
    const left = async (): Promise<number> => {
      const { waiting, running = 0 } = await app.depth();
      return waiting + running;
    };
    await until(async () => (await left()) === 0, 'all to be settled');
    for (const one of [ignored, rejected])
      await expect(one?.get({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'RESULT_TIMEOUT' });
  });

  test('a schema checks at the door, changes what comes, and gives the types', async () => {
    const tries: unknown[] = [];
    const add = app.task(
      'add',
      (_context, a: number, b: number) => {
        tries.push([a, b]);
        return a + b;
      },
      { schema: z.tuple([z.coerce.number(), z.number().default(10)]), maxRetries: 5 },
    );
    expectTypeOf(add).toEqualTypeOf<Task<[a: number, b: number], number>>();
    // @ts-expect-error the schema answers with other types than the handler takes
    app.task('wrong', (_context, a: string) => a, { schema: z.tuple([z.number()]) });
    start();
    expect(await (await add.delay(1, 2)).get()).toBe(3);
    expect(await (await app.send<number>('add', ['5'])).get()).toBe(15);
    const wrong = await app.send('add', [{ a: 1 }, 'x']);
    await expect(wrong.get()).rejects.toThrow(/"add" has wrong arguments: argument 0: .*; argument 1: /);
    expect(tries).toEqual([
      [1, 2],
      [5, 10],
    ]);
  });

  test('after its number of jobs it stops, warm, and leaves the rest to others', async () => {
    const done: number[] = [];
    const note = app.task('note', (_context, n: number) => void done.push(n));
    await note.delayMany(Array.from({ length: 10 }, (_, n) => [n]));
    const first = start({ maxTasks: 3, concurrency: 2 });
    await first.ended;
    expect(done).toHaveLength(3);
    expect(await app.depth()).toMatchObject({ waiting: 7, running: 0 });
    expect(logged).toContainEqual(expect.stringContaining('fresh process'));
    start();
    await until(() => done.length === 10, 'the rest');
  });

  test('above its memory it stops, and its process ends with a code for the supervisor', async () => {
    const program = join(folder.path, 'worker.mts');
    writeFileSync(
      program,
      `import { createApp } from '${join(import.meta.dirname, 'index.ts')}';
const app = createApp({ broker: 'sqlite:${join(folder.path, 'other.db')}' });
await app.worker({ maxMemoryBytes: 1_000_000 }).run({ handleSignals: true });
await app.close();
`,
    );
    const child = spawn(process.execPath, ['--import', 'tsx', program], {
      cwd: join(import.meta.dirname, '..'),
      stdio: 'ignore',
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect(code).toBe(75);
  });

  test.each([{ rateLimit: 'fast' }, { softTimeLimitSeconds: -1 }, { timeLimitSeconds: NaN }])(
    '%o is refused',
    (options) => {
      expect(() => app.task('t', () => {}, options)).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      );
    },
  );
  test.each([
    { maxTasks: 0 },
    { maxMemoryBytes: 1.5 },
    { concurrency: -1 },
    { concurrency: Number.NaN },
    { concurrency: 10_001 },
    { concurrency: 257, pool: 'threads' as const, taskModule: 'x' },
    { prefetchMultiplier: -1 },
    { prefetchMultiplier: 0.5 },
    { prefetch: 1, prefetchMultiplier: 1 },
    { graceSeconds: Number.POSITIVE_INFINITY },
  ])('%o of a worker is refused', (options) => {
    expect(() => app.worker(options)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });

  test('prefetch and its multiplier together are told apart', () => {
    expect(() => app.worker({ prefetch: 1, prefetchMultiplier: 4 })).toThrow(
      /prefetchMultiplier is 4: it must be left out where prefetch is given/,
    );
  });

  test('a wait without an end is as long as a timer can, and a wrong one is refused', async () => {
    const task = app.task('task', () => 'done');
    start();
    expect(await (await task.delay()).get({ timeoutMs: Number.POSITIVE_INFINITY })).toBe('done');
    expect(await (await task.delay()).get({ timeoutMs: 1e12 })).toBe('done');
    for (const timeoutMs of [-1, Number.NaN])
      await expect((await task.delay()).get({ timeoutMs })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });

  test('a time limit of 0 is none, as for Celery', async () => {
    const task = app.task('task', () => new Promise((resolve) => setImmediate(resolve, 'done')), {
      softTimeLimitSeconds: 0,
      timeLimitSeconds: 0,
    });
    start();
    const limited = { timeLimit: { softSeconds: 0, hardSeconds: 0 } };
    expect(await (await task.applyAsync([], limited)).get()).toBe('done');
  });

  test('a stop ends in its time, whatever the garbage collector does meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const stuck = app.task('stuck', () => new Promise(() => {}));
    const { worker, ended } = start({ graceSeconds: 0.5 });
    await stuck.delay();
    await until(async () => (await app.depth()).running === 1, 'it to run');
    let over = false;
    void ended.then(() => {
      over = true;
    });
    void worker.stop();
    // Node 20 threw the timer of the grace time away, and such a stop never ended.
    await until(() => {
      gc();
      return over;
    }, 'the end');
    expect(await app.depth()).toMatchObject({ waiting: 1, running: 0 });
  });

  test('a clock that is set back holds no job back', async () => {
    const limited = app.task('limited', () => 'done', { rateLimit: '50/s' });
    start();
    expect(await (await limited.delay()).get()).toBe('done');
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      vi.setSystemTime(Date.now() - 3_600_000);
      const all = await limited.delayMany(Array.from({ length: 3 }, () => []));
      expect(await Promise.all(all.map((one) => one.get()))).toEqual(['done', 'done', 'done']);
    } finally {
      vi.useRealTimers();
    }
  });
});
