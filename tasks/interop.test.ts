/**
 * Beside Python's Celery on one Redis, in both directions: their client and our worker, our client and their worker,
 * results and failures read across, and messages that one side takes and the other brings back.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { celeryIn, countCases, withCelery } from '../checks/celery.ts';
import { has, type RedisServer, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { createApp, type TasksApp, type Worker } from './index.ts';

/** The lines of the README that give Python's messages a publish time. */
const publishTime = /```py\n([\s\S]*?)```/.exec(
  readFileSync(join(import.meta.dirname, 'README.md'), 'utf8'),
)?.[1];

const celeryApp = (url: string): string => `${publishTime}
import time
from celery import Celery
app = Celery('probe', broker='${url}/0', backend='${url}/1')
app.conf.broker_connection_retry_on_startup = True

@app.task(name='py.add')
def add(a, b, c=0):
    return a + b + c

@app.task(name='py.repr')
def shown(value):
    return repr(value)

@app.task(name='py.odd')
def odd():
    return [2 ** 64 + 1, float('nan'), float('inf'), 7]

@app.task(name='py.fail')
def fail(text):
    raise ValueError(text)

@app.task(name='py.seen', bind=True)
def seen(self):
    r = self.request
    return dict(id=r.id, retries=r.retries, eta=r.eta, expires=r.expires, timelimit=r.timelimit,
                argsrepr=r.argsrepr, root=r.root_id, origin=r.origin, at=time.time())

@app.task(name='py.note')
def note(what):
    app.backend.client.rpush('noted', what)

@app.task(name='py.sleep')
def sleep(seconds):
    time.sleep(seconds)

@app.task(name='both.retry', bind=True, max_retries=5)
def retried(self, n):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return [n, self.request.retries]

@app.task(name='py.retry', bind=True, max_retries=3)
def again(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return self.request.retries
`;

describe.skipIf(!has('redisServer') || !has('python'))('with Python Celery on Redis', () => {
  const folder = temporaryFolder('interop');
  countCases('interop', () => withCelery('Redis'));
  let server: RedisServer;
  let redis: Redis;
  let app: TasksApp;
  let worker: { worker: Worker; ended: Promise<void> } | undefined;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    writeFileSync(join(folder.path, 'probe.py'), celeryApp(server.url));
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    folder.remove();
  });
  beforeEach(async () => {
    await redis.flushall();
    app = createApp({ broker: `${server.url}/0`, results: `${server.url}/1`, log: () => {} });
  });
  afterEach(async () => {
    await worker?.worker.stop();
    await worker?.ended;
    worker = undefined;
    await stopWorker();
    await app.close();
  });

  const { python, startWorker: startTheirs, stopWorker } = celeryIn(folder.path);
  const startOurs = (): void => {
    const ours = app.worker();
    worker = { worker: ours, ended: ours.run() };
  };

  describe('their client, our worker', () => {
    test('arguments, keywords and the result', async () => {
      app.task('ts.add', ({ kwargs }, a: number, b: number) => a + b + Number(kwargs.c ?? 0));
      startOurs();
      expect(
        await python(`print(json.dumps([
          app.send_task('ts.add', (2, 3)).get(timeout=10),
          app.send_task('ts.add', (2, 3), {'c': 5}).get(timeout=10)]))`),
      ).toEqual([5, 10]);
      expect(await redis.hlen('unacked')).toBe(0);
    });

    test('their publish time, with the lines of the README', async () => {
      app.task('ts.when', ({ publishedAt }) => publishedAt);
      startOurs();
      const before = Date.now();
      const publishedAt = await python(`print(json.dumps(app.send_task('ts.when').get(timeout=10)))`);
      expect(publishedAt).toBeGreaterThanOrEqual(before);
      expect(publishedAt).toBeLessThanOrEqual(Date.now());
    });

    test('a failure raises there, with its type and text', async () => {
      app.task('ts.fail', () => {
        throw new RangeError('too far');
      });
      startOurs();
      const code = `
result = app.send_task('ts.fail')
try:
    result.get(timeout=10)
except Exception as e:
    print(json.dumps([type(e).__name__, str(e), result.state, 'too far' in result.traceback]))`;
      expect(await python(code)).toEqual(['RangeError', 'too far', 'FAILURE', true]);
    });

    test('countdown, expires and priorities are obeyed', async () => {
      const order: string[] = [];
      app.task('ts.note', (_context, what: string) => {
        order.push(`${what} ${Date.now()}`);
      });
      const sent = Number(
        await python(`
import time
app.send_task('ts.note', ('late',), countdown=1.5)
app.send_task('ts.note', ('expired',), expires=-1)
app.send_task('ts.note', ('last',), priority=9)
app.send_task('ts.note', ('first',), priority=0)
print(json.dumps(time.time() * 1000))`),
      );
      startOurs();
      await until(() => order.length === 3, 'three of four');
      expect(order.map((one) => one.split(' ')[0])).toEqual(['first', 'last', 'late']);
      expect(Number(order[2]?.split(' ')[1])).toBeGreaterThanOrEqual(sent + 1_400);
    });

    test('time limits that they send end our job, and raise there', async () => {
      app.task(
        'ts.hang',
        ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
      );
      app.task('ts.stuck', () => new Promise(() => {}));
      startOurs();
      const code = `
def outcome(name, **limits):
    try:
        return ['ok', str(app.send_task(name, **limits).get(timeout=30) is not None)]
    except Exception as e:
        return [type(e).__name__, str(e)]
print(json.dumps([outcome('ts.hang', soft_time_limit=0.2), outcome('ts.stuck', time_limit=0.3)]))`;
      expect(await python(code)).toEqual([
        ['ok', expect.any(String)],
        ['TimeLimitExceeded', expect.stringContaining('longer than 0.3 s')],
      ]);
    });

    test('a job that they revoke does not start here, and raises there', async () => {
      let runs = 0;
      app.task('ts.add', () => ++runs);
      startOurs();
      await until(async () => (await app.control.ping()).size === 1, 'our worker to listen');
      const code = `
from celery.exceptions import TaskRevokedError
r = app.send_task('ts.add', countdown=1.5)
app.control.revoke(r.id)
try:
    r.get(timeout=30)
except TaskRevokedError as e:
    print(json.dumps([r.state, str(e)]))`;
      expect(await python(code)).toEqual(['REVOKED', 'revoked']);
      expect(runs).toBe(0);
    });

    test('a message that a killed Python worker held is done by ours', async () => {
      app.task('ts.add', (_context, a: number, b: number) => a + b);
      const sent = (await python(`
r = app.send_task('ts.add', (2, 3))
from kombu import Connection
import os, signal
connection = app.connection_for_read()
channel = connection.channel()
message = channel.basic_get('celery')
print(json.dumps([r.id, message.delivery_tag]), flush=True)
os.kill(os.getpid(), signal.SIGTERM)`).catch((error: { stdout?: string }) =>
        JSON.parse(error.stdout ?? ''),
      )) as [string, string];
      expect(await redis.hkeys('unacked')).toEqual([sent[1]]);
      await redis.zadd('unacked_index', Date.now() / 1000 - 4_000, sent[1]);
      startOurs();
      expect(await app.result(sent[0]).get()).toBe(5);
    });
  });

  test('a message of a topic exchange that a killed Python worker held goes back to its queue', async () => {
    app.task('ts.add', (_context, a: number, b: number) => a + b);
    const held = (await python(`
import os, signal
from kombu import Exchange, Queue
queue = Queue('audit', Exchange('logs', type='topic'), routing_key='audit.*.#')
channel = app.connection_for_write().channel()
queue(channel).declare()
sent = [app.send_task('ts.add', (n, 1), exchange='logs', routing_key='audit.eu.login', declare=[queue]) for n in (1, 2)]
message = channel.basic_get('audit')
print(json.dumps([message.delivery_tag, [one.id for one in sent]]), flush=True)
os.kill(os.getpid(), signal.SIGTERM)`).catch((error: { stdout?: string }) =>
      JSON.parse(error.stdout ?? ''),
    )) as [string, string[]];
    expect(await redis.hkeys('unacked')).toEqual([held[0]]);
    await redis.zadd('unacked_index', Date.now() / 1000 - 4_000, held[0]);
    const ours = app.worker({ queues: ['audit'] });
    worker = { worker: ours, ended: ours.run() };
    expect(await Promise.all(held[1].map((id) => app.result(id).get()))).toEqual([2, 3]);
  });

  describe('our client, their worker', () => {
    test('arguments, keywords, results and failures', async () => {
      await startTheirs();
      expect(await (await app.send('py.add', [2, 3])).get()).toBe(5);
      expect(await (await app.send('py.add', [2, 3], { kwargs: { c: 4 } })).get()).toBe(9);
      const failing = await app.send('py.fail', ['on purpose']);
      await expect(failing.get()).rejects.toMatchObject({
        code: 'TASK_FAILED',
        message: expect.stringContaining('ValueError: on purpose'),
      });
      expect(await (await app.send('py.retry')).get()).toBe(2);
    });

    test('they see our headers, wait for our ETA and drop what expired', async () => {
      await startTheirs();
      const due = Date.now() + 1_000;
      const options = { eta: due, expires: 60, timeLimit: { hardSeconds: 20, softSeconds: 10 } };
      const result = await app.send<Record<string, unknown>>('py.seen', [], options);
      const expired = await app.send('py.add', [1, 1], { expires: new Date(Date.now() - 1_000) });
      const seen = await result.get();
      expect(seen).toMatchObject({ id: result.id, retries: 0, timelimit: [20, 10], root: result.id });
      // Celery 5.2 reads no fraction of a second in an ETA (celery/utils/iso8601.py).
      expect(Number(seen.at)).toBeGreaterThanOrEqual(Math.floor(due / 1000));
      await expect(expired.get()).rejects.toThrow(/REVOKED/);
    });

    test('they take our sooner priorities first', async () => {
      for (const [what, priority] of [
        ['last', 9],
        ['second', 3],
        ['first', 0],
      ] as const)
        await app.send('py.note', [what], { priority, ignoreResult: true });
      const store = new Redis(`${server.url}/1`);
      await startTheirs('--prefetch-multiplier', '1', '-c', '1');
      const noted = (): Promise<string[]> => store.lrange('noted', 0, -1);
      await until(async () => (await noted()).length === 3, 'three notes', 60_000);
      expect(await noted()).toEqual(['first', 'second', 'last']);
      store.disconnect();
    });

    test('they obey our time limits and our revocations', async () => {
      await startTheirs('-P', 'prefork', '-c', '1', '-n', 'py@here');
      const long = await app.send('py.sleep', [60], { timeLimit: { hardSeconds: 1 } });
      await expect(long.get({ timeoutMs: 60_000 })).rejects.toThrow('TimeLimitExceeded');
      const later = await app.send('py.add', [1, 1], { countdown: 3 });
      await app.control.revoke([later.id]);
      await expect(later.get({ timeoutMs: 60_000 })).rejects.toThrow('REVOKED');
    });

    test('what our worker puts back, theirs does', async () => {
      const release: (() => void)[] = [];
      app.task('py.add', () => new Promise<void>((resolve) => release.push(resolve)));
      const ours = app.worker({ concurrency: 1, graceSeconds: 0 });
      const ended = ours.run();
      const put = await app.send('py.add', [20, 22]);
      await until(() => release.length === 1, 'our worker to hold it');
      await ours.stop();
      await ended;
      await startTheirs();
      expect(await put.get()).toBe(42);
    });

    test('what our worker holds for later, their own sweep brings back when it is due, not before', async () => {
      startOurs();
      const due = Date.now() + 2_500;
      await app.send('py.add', [1, 2], { eta: due });
      await until(async () => (await redis.zcard('headcount.later')) === 1, 'our worker to hold it');
      await worker?.worker.stop();
      const swept = async (): Promise<unknown> => {
        const size = `channel = app.connection_for_read().channel()
channel.qos.restore_visible()
import time
print(json.dumps([channel._size('celery'), time.time() * 1000]))`;
        return await python(size);
      };
      const [early, at] = (await swept()) as [number, number];
      if (at < due) expect(early).toBe(0);
      await until(async () => ((await swept()) as number[])[0] === 1, 'their sweep');
      expect(Date.now()).toBeGreaterThanOrEqual(due - 1);
    });
  });

  test('values that JavaScript has no number for go through a retry and a chain as they were', async () => {
    const seen: unknown[] = [];
    app.task('ts.pass', (context, values: unknown[]) => {
      seen.push(...values.slice(0, 2));
      if (context.retries === 0) context.retry({ countdown: 0 });
      return values;
    });
    const ours = app.worker({ queues: ['ts'] });
    worker = { worker: ours, ended: ours.run() };
    await startTheirs('-Q', 'celery');
    const sent = `[2 ** 53 + 1, -10 ** 30, 2 ** 63 - 1, 1e400, 1.5, '\\U0001f600 \\ud83d', {'n': 2 ** 60 + 1}]`;
    const shown = await python(`
from celery import chain
values = ${sent}
r = chain(app.signature('ts.pass', (values,), queue='ts'), app.signature('py.repr', queue='celery'))()
print(json.dumps([r.get(timeout=60), repr(values)]))`);
    // A chain hands the result on, and JSON has no Infinity for a result.
    const [got, wanted] = (shown as string[]).map((text) => text.replace(/inf|None/, '?'));
    expect(got).toBe(wanted);
    expect(seen).toEqual([2n ** 53n + 1n, -(10n ** 30n), 2n ** 53n + 1n, -(10n ** 30n)]);
    const result = await app.send<unknown[]>('py.odd', []);
    expect(await result.get({ timeoutMs: 60_000 })).toEqual([2n ** 64n + 1n, NaN, Infinity, 7]);
    const mine = await app.send('py.repr', [[2n ** 70n, 2 ** 60, 1e20]]);
    expect(await mine.get({ timeoutMs: 60_000 })).toBe(
      '[1180591620717411303424, 1.152921504606847e+18, 1e+20]',
    );
  });

  test('ten megabytes and characters of every kind, each way', async () => {
    const text = 'ä\u{1f600}\u0000"\\'.repeat(400_000);
    app.task('ts.length', (_context, one: string, { name }: { name: string }) => [one === text, name]);
    const ours = app.worker({ queues: ['ts: a queue \u{1f600}'] });
    worker = { worker: ours, ended: ours.run() };
    expect(
      await python(`
text = 'ä\\U0001f600\\0"\\\\' * 400000
print(json.dumps(app.send_task('ts.length', (text, {'name': 'self'}), queue='ts: a queue \\U0001f600').get(timeout=60)))`),
    ).toEqual([true, 'self']);
    await startTheirs();
    const result = await app.send<string>('py.add', [text, text], { kwargs: { c: '' } });
    expect((await result.get({ timeoutMs: 60_000 })).length).toBe(2 * text.length);
  });

  test('retries of either kind go to whichever worker takes them, and are counted on', async () => {
    const runs = { ours: 0 };
    app.task(
      'both.retry',
      (context, n: number) => {
        runs.ours++;
        if (context.retries < 2) context.retry({ countdown: 0 });
        return [n, context.retries];
      },
      { maxRetries: 5 },
    );
    await startTheirs();
    startOurs();
    const calls = Array.from({ length: 60 }, (_, n) => n);
    const results = await Promise.all(calls.map((n) => app.send<number[]>('both.retry', [n])));
    const ended = await Promise.all(results.map((one) => one.get({ timeoutMs: 60_000 })));
    expect(ended).toEqual(calls.map((n) => [n, 2]));
    expect(runs.ours).toBeGreaterThan(0);
    await until(async () => (await redis.hlen('unacked')) === 0, 'all to be settled');
  });

  test('a worker of each kind shares one queue: every job is done', async () => {
    app.task('py.add', (_context, a: number, b: number) => a + b);
    await startTheirs();
    startOurs();
    const calls = Array.from({ length: 300 }, (_, n) => n);
    const results = await Promise.all(calls.map((n) => app.send<number>('py.add', [n, 0])));
    expect(await Promise.all(results.map((one) => one.get()))).toEqual(calls);
    await until(async () => (await redis.hlen('unacked')) === 0, 'all to be settled');
  });
});
