/** The whole package through its front door, on both brokers: what a user defines, sends and gets back. */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { freePort, until } from '../checks/servers.ts';
import { type AppOptions, createApp, type TasksApp, type Worker, type WorkerOptions } from './index.ts';

interface Place {
  address(): string;
  reset(): Promise<void>;
  stop(): Promise<void>;
}

async function sqlitePlace(): Promise<Place> {
  let folder = temporaryFolder('worker');
  return {
    address: () => `sqlite:${join(folder.path, 'broker.db')}`,
    reset: async () => {
      folder.remove();
      folder = temporaryFolder('worker');
    },
    stop: async () => folder.remove(),
  };
}

async function redisPlace(): Promise<Place> {
  const server: RedisServer = await startRedis();
  const redis = new Redis(server.url);
  return {
    address: () => `${server.url}/0`,
    reset: async () => void (await redis.flushall()),
    stop: async () => {
      redis.disconnect();
      await server.stop();
    },
  };
}

let apps: TasksApp[] = [];
let running: { worker: Worker; ended: Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(running.map(({ worker, ended }) => worker.stop({ cold: true }).then(() => ended)));
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
  running = [];
});

function start(app: TasksApp, options: WorkerOptions = {}): { worker: Worker; ended: Promise<void> } {
  const worker = app.worker(options);
  const ended = worker.run();
  ended.catch(() => {});
  running.push({ worker, ended });
  return { worker, ended };
}

async function empty(app: TasksApp): Promise<void> {
  await until(async () => {
    const { waiting, running, later } = await app.depth();
    return waiting === 0 && running === 0 && later === 0;
  }, 'an empty queue');
}

const kinds = [
  { name: 'sqlite', here: true, make: sqlitePlace },
  { name: 'redis', here: has('redisServer'), make: redisPlace },
];

describe.each(kinds)('on $name', ({ here, make }) => {
  let place: Place;
  let logged: string[];
  beforeAll(async () => {
    if (here) place = await make();
  });
  beforeEach(async () => {
    logged = [];
    if (here) await place.reset();
  });
  afterAll(async () => {
    if (here) await place.stop();
  });
  const newApp = (options: Partial<AppOptions> = {}): TasksApp => {
    const app = createApp({
      broker: place.address(),
      log: (level, text) => logged.push(`${level} ${text}`),
      ...options,
    });
    apps.push(app);
    return app;
  };
  const on = test.skipIf(!here);

  on('arguments arrive, the result comes back, types flow', async () => {
    const app = newApp();
    const add = app.task('add', async (_context, a: number, b: number) => ({ sum: a + b }));
    start(app);
    const result = await add.delay(2, 3);
    const value: { sum: number } = await result.get();
    expect(value).toEqual({ sum: 5 });
    // @ts-expect-error arguments are checked against the definition
    const wrong = (): Promise<unknown> => add.delay('2');
    expect(wrong).toBeTypeOf('function');
  });

  on('the context says who, how often and where', async () => {
    const app = newApp();
    const who = app.task('who', ({ id, name, retries, queue, publishedAt, redelivered, kwargs }) => {
      return { id, name, retries, queue, published: typeof publishedAt, redelivered, kwargs };
    });
    start(app, { queues: ['special'] });
    const result = await who.applyAsync([], { queue: 'special', kwargs: { a: 1 } });
    expect(await result.get()).toEqual({
      id: result.id,
      name: 'who',
      retries: 0,
      queue: 'special',
      published: 'number',
      redelivered: false,
      kwargs: { a: 1 },
    });
  });

  on('delayMany sends all of them', async () => {
    const app = newApp();
    const square = app.task('square', (_context, n: number) => n * n);
    start(app);
    const results = await square.delayMany([[1], [2], [3]]);
    expect(await Promise.all(results.map((one) => one.get()))).toEqual([1, 4, 9]);
  });

  on('a handler that throws anything fails its job and nothing else', async () => {
    const app = newApp();
    const unshowable = {
      toString() {
        throw new Error('no');
      },
    };
    const thrown: unknown[] = [
      new Error('plain'),
      'text',
      5,
      null,
      undefined,
      unshowable,
      Object.create(null),
    ];
    const bad = app.task('bad', (_context, which: number) => {
      throw thrown[which];
    });
    const rejecting = app.task('rejecting', () => Promise.reject());
    const circular = app.task('circular', () => {
      const value: Record<string, unknown> = {};
      value.self = value;
      return value;
    });
    const fine = app.task('fine', () => 'fine');
    start(app, { concurrency: 2 });
    const failing = [
      ...(await bad.delayMany(thrown.map((_, which) => [which] as const))),
      await rejecting.delay(),
      await circular.delay(),
    ];
    for (const one of failing) await expect(one.get()).rejects.toMatchObject({ code: 'TASK_FAILED' });
    expect(await (await fine.delay()).get()).toBe('fine');
    await empty(app);
  });

  on('a failed attempt is tried again with the same id, up to its limit', async () => {
    const app = newApp();
    const seen: string[] = [];
    const flaky = app.task(
      'flaky',
      ({ id, retries }, succeedAt: number) => {
        seen.push(`${id} ${retries}`);
        if (retries < succeedAt) throw new Error(`attempt ${retries}`);
        return retries;
      },
      { maxRetries: 2, retryBackoffSeconds: 0.01 },
    );
    start(app);
    const good = await flaky.delay(2);
    expect(await good.get()).toBe(2);
    expect(seen).toEqual([0, 1, 2].map((retries) => `${good.id} ${retries}`));
    const bad = await flaky.delay(3);
    await expect(bad.get()).rejects.toThrow(/attempt 2/);
    expect(seen.filter((one) => one.startsWith(bad.id))).toHaveLength(3);
  });

  on('context.retry sends the job again when it says, with early ack too', async () => {
    const app = newApp();
    for (const ackLate of [true, false]) {
      const times: number[] = [];
      const again = app.task(
        `again ${ackLate}`,
        (context) => {
          times.push(Date.now());
          if (context.retries === 0) context.retry({ countdown: 0.3 });
          return context.retries;
        },
        { ackLate },
      );
      if (ackLate) start(app);
      expect(await (await again.delay()).get()).toBe(1);
      expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(300);
    }
  });

  on('an expired job is not started, and says so', async () => {
    const app = newApp();
    let calls = 0;
    const late = app.task('late', () => calls++);
    const result = await late.applyAsync([], { expires: new Date(Date.now() - 1) });
    start(app);
    await expect(result.get()).rejects.toThrow(/REVOKED/);
    await empty(app);
    expect(calls).toBe(0);
  });

  on('an unknown task is set aside with a failure, and others go on', async () => {
    const app = newApp();
    const known = app.task('known', () => 1);
    start(app);
    const lost = await app.send('nobody.knows', [1]);
    await expect(lost.get()).rejects.toThrow(/NotRegistered/);
    expect(await (await known.delay()).get()).toBe(1);
    expect(logged.join()).toContain('no task "nobody.knows"');
  });

  on('a success is never overwritten', async () => {
    const app = newApp();
    let first = true;
    const once = app.task('once', () => {
      if (!first) throw new Error('second time');
      first = false;
      return 'kept';
    });
    start(app);
    const { id } = await once.applyAsync([], { id: 'the-same' });
    expect(await app.result(id).get()).toBe('kept');
    await once.applyAsync([], { id });
    await until(() => logged.join().includes('second time'), 'the second run');
    await empty(app);
    expect(await app.result(id).get()).toBe('kept');
  });

  on('ignored results are not kept, failures are', async () => {
    const app = newApp({ ignoreResult: true });
    const task = app.task('task', (_context, fail: boolean) => {
      if (fail) throw new Error('kept');
    });
    const asked = app.task('asked', () => 1, { ignoreResult: false });
    start(app);
    const ignored = await task.delay(false);
    await expect(ignored.get()).rejects.toMatchObject({ code: 'RESULT_IGNORED' });
    const failed = await task.delay(true);
    await expect(app.result(failed.id).get()).rejects.toThrow(/kept/);
    expect(await (await asked.delay()).get()).toBe(1);
    const once = await asked.applyAsync([], { ignoreResult: true });
    await expect(once.get()).rejects.toMatchObject({ code: 'RESULT_IGNORED' });
    expect(await (await task.applyAsync([false], { ignoreResult: false })).get()).toBe(null);
    await expect(app.result(once.id).get({ timeoutMs: 50 })).rejects.toMatchObject({
      code: 'RESULT_TIMEOUT',
    });
    await expect(app.result(ignored.id).get({ timeoutMs: 50 })).rejects.toMatchObject({
      code: 'RESULT_TIMEOUT',
    });
  });

  on('no more than the concurrency run at once', async () => {
    const app = newApp();
    let now = 0;
    let most = 0;
    const task = app.task('task', async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
    });
    start(app, { concurrency: 3 });
    const results = await task.delayMany(Array.from({ length: 200 }, () => []));
    await Promise.all(results.map((one) => one.get()));
    expect(most).toBe(3);
  });

  on('a warm stop puts reserved jobs back, lets running ones finish, and leaves nothing taken', async () => {
    const app = newApp();
    const release: (() => void)[] = [];
    const task = app.task('task', () => new Promise<void>((resolve) => release.push(resolve)));
    const quick = app.task('quick', () => {});
    const { worker, ended } = start(app, { concurrency: 2 });
    // A quick pace first, so that the worker reserves some.
    await Promise.all((await quick.delayMany(Array.from({ length: 100 }, () => []))).map((one) => one.get()));
    await task.delayMany(Array.from({ length: 30 }, () => []));
    await until(() => release.length === 2, 'two running jobs');
    const stopped = worker.stop();
    await until(async () => (await app.depth()).waiting === 28, 'the reserved jobs to be back');
    for (const one of release) one();
    await stopped;
    await ended;
    expect(await app.depth()).toMatchObject({ waiting: 28, running: 0 });
  });

  on('what exceeds the grace time is asked to end, then goes back', async () => {
    const app = newApp();
    let aborted = 0;
    const stuck = app.task('stuck', async ({ signal }) => {
      signal.addEventListener('abort', () => aborted++);
      await new Promise(() => {});
    });
    const { worker, ended } = start(app, { graceSeconds: 0.2 });
    await stuck.delay();
    await until(async () => (await app.depth()).running === 1, 'it to run');
    await worker.stop();
    await ended;
    expect(aborted).toBe(1);
    expect(await app.depth()).toMatchObject({ waiting: 1, running: 0 });
    expect(logged.join()).toContain('is put back');
  });

  on('a worker that stops offers no slots but those in use', async () => {
    const app = newApp();
    let release = (): void => {};
    const task = app.task('task', () => new Promise<void>((resolve) => (release = resolve)));
    const { worker } = start(app, { concurrency: 4 });
    await task.delay();
    await until(async () => (await app.depth()).running === 1, 'it to run');
    const stopped = worker.stop();
    // Redis does not know about slots.
    await until(async () => ((await app.depth()).slots ?? 1) === 1, 'one slot');
    release();
    await stopped;
    expect((await app.depth()).slots ?? 0).toBe(0);
  });

  on('a second stop ends the grace time', async () => {
    const app = newApp();
    const stuck = app.task('stuck', () => new Promise(() => {}));
    const { worker, ended } = start(app, { graceSeconds: 3_600 });
    await stuck.delay();
    await until(async () => (await app.depth()).running === 1, 'it to run');
    void worker.stop();
    await worker.stop();
    await ended;
    expect(await app.depth()).toMatchObject({ waiting: 1, running: 0 });
  });

  on('with early ack a job is gone when it starts', async () => {
    const app = newApp();
    let begun = false;
    const task = app.task(
      'task',
      () => {
        begun = true;
        return new Promise(() => {});
      },
      { ackLate: false },
    );
    const { worker, ended } = start(app, { graceSeconds: 0 });
    await task.delay();
    await until(() => begun, 'the start');
    await worker.stop();
    await ended;
    expect(await app.depth()).toMatchObject({ waiting: 0, running: 0 });
    expect(logged.join()).toContain('is lost');
  });

  on('jobs that turned slow are given back to others', async () => {
    const app = newApp();
    const release: (() => void)[] = [];
    const task = app.task('task', (_context, slow: boolean) =>
      slow ? new Promise<void>((resolve) => release.push(resolve)) : undefined,
    );
    start(app, { concurrency: 1 });
    await task.delayMany(Array.from({ length: 2_000 }, () => [false] as const));
    await task.delayMany(Array.from({ length: 50 }, () => [true] as const));
    await until(() => release.length === 1, 'a slow job');
    await until(async () => {
      const { waiting, running } = await app.depth();
      return (running ?? 0) <= 2 && waiting >= 48;
    }, 'the surplus to be back');
    for (const one of release) one();
  });

  on('soft and hard time limits end an attempt', async () => {
    const app = newApp();
    const events: string[] = [];
    app.task('slow', async ({ signal }) => {
      signal.addEventListener('abort', () => events.push((signal.reason as Error).name));
      await new Promise(() => {});
    });
    start(app);
    const result = await app.send('slow', [], { timeLimit: { hardSeconds: 0.2, softSeconds: 0.1 } });
    await expect(result.get()).rejects.toThrow(/TimeLimitExceeded/);
    expect(events).toEqual(['SoftTimeLimitExceeded']);
  });
});

describe('what is wrong with what a user wrote', () => {
  const folder = temporaryFolder('wrong');
  afterAll(() => folder.remove());
  const app = createApp({ broker: `sqlite:${join(folder.path, 'broker.db')}` });
  const task = app.task('task', (_context, _value: unknown) => {});
  afterAll(() => app.close());

  test.each([
    '',
    'mysql://x',
    'redis',
    'sqlite:',
    'sqlite::memory:',
    'redis://user:secret@',
    'http://user:secret@host',
  ])('address "%s"', (broker) => {
    expect(() => createApp({ broker })).toThrow(expect.objectContaining({ code: 'BROKER_URL_INVALID' }));
    expect(() => createApp({ broker })).not.toThrow(/secret/);
  });

  test.each([
    { priority: 10 },
    { priority: 1.5 },
    { countdown: -1 },
    { countdown: Number.NaN },
    { countdown: 1, eta: 5 },
    { eta: new Date('nonsense') },
    { eta: 1e18 },
    { expires: -5 },
    { queue: '' },
    { queue: 'a\x06\x16b' },
  ])('options of a call: %o', async (options) => {
    await expect(task.applyAsync([1], options)).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });

  test('a name twice, an empty name, a bad worker', () => {
    expect(() => app.task('task', () => {})).toThrow(expect.objectContaining({ code: 'TASK_NAME_TAKEN' }));
    expect(() => app.task(' ', () => {})).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
    for (const options of [{ concurrency: 0 }, { prefetch: -1 }, { graceSeconds: -1 }, { queues: [] }])
      expect(() => app.worker(options)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });

  test('arguments that JSON cannot hold', async () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await expect(task.delay(circular)).rejects.toMatchObject({ code: 'ARGUMENTS_INVALID' });
    expect(await app.depth()).toMatchObject({ waiting: 0 });
  });
});

describe.skipIf(!has('redisServer'))('outages of Redis', () => {
  test('a worker that starts before Redis, and lives through its restart, works on; it says so once', async () => {
    const port = await freePort();
    const logged: string[] = [];
    const app = createApp({ broker: `redis://127.0.0.1:${port}`, log: (_level, text) => logged.push(text) });
    apps.push(app);
    const add = app.task('add', (_context, a: number, b: number) => a + b);
    start(app);
    await until(() => logged.length > 0, 'the trouble to be told');
    const sum = async (): Promise<number> => (await add.delay(1, 2)).get();
    let server = await startRedis({ port });
    let last = 0;
    await until(async () => {
      last = await sum().catch(() => 0);
      return last === 3;
    }, 'a result');
    await server.stop('SIGKILL');
    await until(() => logged.length > 2, 'the second trouble');
    server = await startRedis({ port });
    await until(async () => (await sum().catch(() => 0)) === 3, 'another result');
    expect(logged.filter((text) => text.includes('keeps trying'))).toHaveLength(2);
    await Promise.all(running.map(({ worker }) => worker.stop()));
    await server.stop();
  });
});
