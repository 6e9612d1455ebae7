/**
 * Remote control and events beside real Python Celery on one Redis: `celery inspect` and `celery control` on our workers,
 * our control client on both kinds, Python's event receiver on ours.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { receiveEvents } from '../checks/celery.ts';
import { has, type RedisServer, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { controlRound } from '../measure/celery-control.ts';
import { celeryRedis } from '../measure/celery-redis.ts';
import { createApp, type RedisSettings, type TasksApp, type Worker, type WorkerOptions } from './index.ts';

const run = promisify(execFile);

interface Blocker {
  release(): void;
}

describe.skipIf(!has('redisServer'))('remote control on Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  let apps: TasksApp[] = [];
  let workers: { worker: Worker; ended: Promise<void> }[] = [];
  const blocked: Blocker[] = [];

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(async () => void (await redis.flushall()));
  afterEach(async () => {
    for (const one of blocked.splice(0)) one.release();
    await Promise.all(workers.map(({ worker, ended }) => worker.stop({ cold: true }).then(() => ended)));
    await Promise.all(apps.map((app) => app.close()));
    apps = [];
    workers = [];
  });
  const newApp = (settings: RedisSettings = {}): TasksApp => {
    const app = createApp({
      broker: `${server.url}/0`,
      results: `${server.url}/1`,
      redis: settings,
      log: () => {},
    });
    apps.push(app);
    app.task('ts.add', (_context, a: number, b: number) => a + b);
    app.task('ts.wait', ({ signal }, _what?: unknown) => wait(signal));
    app.task('ts.early', ({ signal }) => wait(signal), { ackLate: false });
    return app;
  };
  const wait = (signal: AbortSignal): Promise<string> =>
    new Promise((resolve) => {
      blocked.push({ release: () => resolve('released') });
      signal.addEventListener('abort', () => resolve(String((signal.reason as Error).message)));
    });
  const start = async (app: TasksApp, name: string, options: WorkerOptions = {}): Promise<Worker> => {
    const worker = app.worker({ name: `${name}@here`, concurrency: 2, ...options });
    const ended = worker.run();
    ended.catch(() => {});
    workers.push({ worker, ended });
    await until(async () => (await app.control.ping()).has(`${name}@here`), `${name} to answer`);
    return worker;
  };

  describe('our client, our worker', () => {
    test('ping answers long before the time limit, with everybody there and with nobody', async () => {
      const app = newApp();
      await app.control.ping();
      const before = performance.now();
      expect(await app.control.ask('ping', {}, { timeoutMs: 20_000 })).toEqual({
        answers: new Map(),
        silentCount: 0,
      });
      await start(app, 'one');
      await start(app, 'two');
      expect(await app.control.ask('ping', {}, { timeoutMs: 20_000 })).toEqual({
        answers: new Map([
          ['one@here', { ok: 'pong' }],
          ['two@here', { ok: 'pong' }],
        ]),
        silentCount: 0,
      });
      expect(performance.now() - before).toBeLessThan(20_000);
      expect(await redis.keys('*pidbox*')).toEqual([]);
    });

    test('by name and by pattern; who is not there stays silent', async () => {
      const app = newApp();
      await start(app, 'mail.1');
      await start(app, 'mail.2');
      await start(app, 'web.1');
      const names = async (options: object): Promise<string[]> =>
        [...(await app.control.ping(options)).keys()].sort();
      expect(await names({ destination: ['mail.2@here'] })).toEqual(['mail.2@here']);
      expect(await names({ pattern: 'mail.*' })).toEqual(['mail.1@here', 'mail.2@here']);
      expect(await names({ pattern: 'none*' })).toEqual([]);
      const some = { destination: ['web.1@here', 'gone@here'], timeoutMs: 100 };
      expect(await app.control.ask('ping', {}, some)).toMatchObject({ silentCount: 1 });
    });

    test('a key prefix and another database hold apart', async () => {
      const app = newApp();
      await start(app, 'plain');
      const prefixed = newApp({ keyPrefix: 'mine:' });
      await start(prefixed, 'prefixed');
      expect([...(await prefixed.control.ping()).keys()]).toEqual(['prefixed@here']);
      expect([...(await app.control.ping()).keys()]).toEqual(['plain@here']);
    });

    test('what runs, what is reserved, how much it can, what it takes from', async () => {
      const app = newApp();
      await start(app, 'one', { queues: ['celery', 'other'], concurrency: 1 });
      const running = await app.send('ts.wait', ['x'], { priority: 3 });
      await until(() => blocked.length === 1, 'the job to run');
      const active = (await app.control.active()).get('one@here');
      expect(active).toMatchObject([
        {
          id: running.id,
          name: 'ts.wait',
          args: ['x'],
          hostname: 'one@here',
          acknowledged: false,
          worker_pid: process.pid,
          delivery_info: { exchange: '', routing_key: 'celery', priority: 3, redelivered: false },
        },
      ]);
      expect((await app.control.active({ safe: true })).get('one@here')).toMatchObject([{ args: "('x',)" }]);
      expect((await app.control.stats()).get('one@here')).toMatchObject({
        total: { 'ts.wait': 1 },
        pid: process.pid,
        pool: { 'max-concurrency': 1 },
        prefetch_count: expect.any(Number),
        broker: { hostname: '127.0.0.1', port: server.port, transport: 'redis' },
      });
      expect((await app.control.activeQueues()).get('one@here')).toMatchObject([
        { name: 'celery', routing_key: 'celery', exchange: { name: 'celery', type: 'direct' } },
        { name: 'other' },
      ]);
      expect((await app.control.registered()).get('one@here')).toEqual(['ts.add', 'ts.early', 'ts.wait']);
      expect((await app.control.queryTask([running.id, 'no'])).get('one@here')).toMatchObject({
        [running.id]: ['active', { id: running.id }],
      });
      expect((await app.control.scheduled()).get('one@here')).toEqual([]);
    });

    test('a revoked job does not start, a terminated one ends at once, on every worker', async () => {
      const app = newApp();
      const started: string[] = [];
      app.task('ts.note', ({ id }) => void started.push(id));
      await start(app, 'one');
      const later = await app.send('ts.note', [], { countdown: 0.3 });
      await app.control.revoke([later.id]);
      await expect(later.get()).rejects.toThrow(/REVOKED.*TaskRevokedError: revoked/);
      const running = await app.send('ts.wait');
      await until(() => blocked.length === 1, 'the job to run');
      expect((await app.control.revoke([running.id], { terminate: true })).get('one@here')).toEqual({
        ok: `terminate: ${running.id}`,
      });
      await expect(running.get()).rejects.toThrow(/REVOKED.*terminated/);
      expect(started).toEqual([]);
      expect((await app.control.revoked()).get('one@here')).toEqual([later.id, running.id]);
      await until(async () => (await redis.hlen('unacked')) === 0, 'both to be settled');
      expect(await (await app.send('ts.add', [1, 2])).get()).toBe(3);
    });

    test('a queue that is cancelled gets back what was held, and is taken from again when added', async () => {
      const app = newApp();
      await start(app, 'one', { concurrency: 1 });
      const one = await app.send('ts.wait');
      await until(() => blocked.length === 1, 'the job to run');
      await app.control.cancelConsumer('celery');
      const two = await app.send('ts.add', [20, 22]);
      blocked[0]?.release();
      expect(await one.get()).toBe('released');
      expect((await app.control.activeQueues()).get('one@here')).toEqual([]);
      await until(async () => (await app.depth()).running === 0, 'the first to be settled');
      expect(await app.depth()).toMatchObject({ waiting: 1 });
      await app.control.addConsumer('celery');
      expect(await two.get()).toBe(42);
    });

    test('slots grow and shrink, and never below one', async () => {
      const app = newApp();
      await start(app, 'one', { concurrency: 1 });
      await app.send('ts.wait');
      await app.send('ts.wait');
      await until(() => blocked.length === 1, 'the first');
      expect((await app.control.poolGrow(1)).get('one@here')).toEqual({ ok: 'pool will grow' });
      await until(() => blocked.length === 2, 'the second');
      expect((await app.control.stats()).get('one@here')).toMatchObject({ pool: { 'max-concurrency': 2 } });
      expect((await app.control.poolShrink(1)).get('one@here')).toEqual({ ok: 'pool will shrink' });
      expect((await app.control.poolShrink(1)).get('one@here')).toHaveProperty('error');
    });

    test('rate and time limits of a task', async () => {
      const app = newApp();
      await start(app, 'one');
      expect((await app.control.rateLimit('ts.wait', '1/h')).get('one@here')).toEqual({
        ok: 'new rate limit set successfully',
      });
      await app.send('ts.wait');
      const second = await app.send('ts.wait');
      await until(() => blocked.length === 1, 'the first');
      expect(await (await app.send('ts.add', [1, 1])).get()).toBe(2);
      expect((await app.control.reserved()).get('one@here')).toMatchObject([{ id: second.id }]);
      expect(blocked).toHaveLength(1);
      await app.control.timeLimit('ts.wait', { softSeconds: 0.05 });
      await app.control.rateLimit('ts.wait', null);
      expect(await second.get()).toBe('the job took longer than 0.05 s');
      for (const [task, limit] of [
        ['ts.wait', 'fast'],
        ['nope', '1/s'],
      ] as const)
        expect((await app.control.rateLimit(task, limit)).get('one@here')).toHaveProperty('error');
    });

    test('what nobody knows is an error in the answer, and a stranger’s text harms nobody', async () => {
      const app = newApp();
      await start(app, 'one');
      for (const text of ['', '{', '5', '{}', '{"body":"e30=","properties":5}', '{"body":{"method":1}}'])
        await redis.publish('/0.celery.pidbox', text);
      expect((await app.control.ask('nope')).answers.get('one@here')).toEqual({ error: 'KeyError("nope")' });
      expect((await app.control.ask('constructor')).answers.get('one@here')).toHaveProperty('error');
      expect(await app.control.ping()).toHaveProperty('size', 1);
    });

    test('shutdown is warm', async () => {
      const app = newApp();
      const worker = await start(app, 'one');
      const running = await app.send('ts.wait');
      await until(() => blocked.length === 1, 'the job to run');
      expect((await app.control.shutdown()).get('one@here')).toEqual({ ok: 'stopping' });
      expect((await app.control.active()).get('one@here')).toHaveLength(1);
      expect((await app.control.activeQueues()).get('one@here')).toEqual([]);
      blocked[0]?.release();
      expect(await running.get()).toBe('released');
      await workers[0]?.ended;
      expect(await app.control.ping()).toHaveProperty('size', 0);
      await worker.stop();
    });
  });

  test('the meter of Headcount sees slots and running jobs of ours', async () => {
    const app = newApp();
    await start(app, 'one', { concurrency: 3 });
    await start(app, 'two', { concurrency: 2, queues: ['other', 'celery'] });
    await start(app, 'three', { queues: ['third'] });
    const defaults = celeryRedis.options.map(({ name, default: value }) => [name, value ?? '']);
    const meter = celeryRedis.create(
      { ...Object.fromEntries(defaults), url: server.url, controlTimeoutSeconds: 10 },
      { appToken: 'token', processType: 'worker', now: Date.now },
    );
    const reading = async (): Promise<unknown> => (await meter.read(AbortSignal.timeout(30_000)))[0];
    try {
      expect(await reading()).toMatchObject({ waiting: 0, running: 0, slots: 5 });
      await app.send('ts.early');
      await until(() => blocked.length === 1, 'it to run');
      await until(async () => (await redis.hlen('unacked')) === 0, 'it to be acknowledged');
      expect(await reading()).toMatchObject({ waiting: 0, running: 1, slots: 5 });
    } finally {
      await meter.close?.();
    }
  });

  test('the round of questions of the meter sees a job of late ack as held and running', async () => {
    const app = newApp();
    await start(app, 'one');
    const job = await app.send('ts.wait');
    await until(() => blocked.length === 1, 'it to run');
    const place = { inbox: 'a-meter', keyPrefix: '', separator: '\x06\x16', database: 0 };
    const round = controlRound(place, 10_000, Date.now());
    const pipeline = redis.pipeline();
    round.ask(pipeline);
    const heard = (await pipeline.exec())?.map(([, reply]) => reply) ?? [];
    expect(await round.gather(redis, heard, AbortSignal.timeout(30_000))).toMatchObject([
      {
        queues: ['celery'],
        slots: 2,
        active: [{ id: job.id, exchange: '', routingKey: 'celery', acknowledged: false }],
      },
    ]);
  });

  describe.skipIf(!has('python'))('Python', () => {
    const folder = temporaryFolder('control');
    let celery: ChildProcess | undefined;
    beforeAll(() => {
      writeFileSync(
        join(folder.path, 'probe.py'),
        `import time
from celery import Celery
app = Celery('probe', broker='${server.url}/0', backend='${server.url}/1')
app.conf.worker_send_task_events = True
@app.task(name='py.add')
def add(a, b):
    return a + b
@app.task(name='py.sleep')
def sleep(s):
    time.sleep(s)
`,
      );
    });
    afterAll(() => folder.remove());
    afterEach(async () => {
      if (celery && celery.exitCode === null) {
        const gone = new Promise((resolve) => celery?.once('exit', resolve));
        celery.kill('SIGTERM');
        await gone;
      }
      celery = undefined;
    });
    const command = async (...args: string[]): Promise<Record<string, never>> => {
      const flags = ['-m', 'celery', '-A', 'probe', ...args, '--json', '-t', '5'];
      const { stdout } = await run(inject('servers').python, flags, { cwd: folder.path });
      return JSON.parse(stdout) as Record<string, never>;
    };
    const control = async (...args: string[]): Promise<unknown> => {
      // Python's client waits for as long as it may unless it knows whom it asks.
      const flags = [
        '-m',
        'celery',
        '-A',
        'probe',
        'control',
        '--json',
        '-t',
        '5',
        '-d',
        'one@here',
        ...args,
      ];
      const { stdout } = await run(inject('servers').python, flags, { cwd: folder.path });
      return JSON.parse(stdout) as unknown;
    };

    test('celery inspect and celery status on our worker', async () => {
      const app = newApp();
      await start(app, 'one');
      const running = await app.send('ts.wait', [{ a: 1 }]);
      await until(() => blocked.length === 1, 'the job to run');
      const inspect = async (what: string, ...args: string[]): Promise<unknown> =>
        (await command('inspect', what, '-d', 'one@here', ...args))['one@here'];
      expect(await inspect('ping')).toEqual({ ok: 'pong' });
      expect(await inspect('active')).toMatchObject([{ id: running.id, name: 'ts.wait', args: [{ a: 1 }] }]);
      expect(await inspect('stats')).toMatchObject({ pool: { 'max-concurrency': 2 }, pid: process.pid });
      expect(await inspect('active_queues')).toMatchObject([{ name: 'celery' }]);
      expect(await inspect('registered')).toEqual(['ts.add', 'ts.early', 'ts.wait']);
      expect(await inspect('reserved')).toEqual([]);
      expect(await inspect('scheduled')).toEqual([]);
      expect(await inspect('revoked')).toEqual([]);
      expect(await inspect('conf')).toMatchObject({ worker_concurrency: 2 });
      expect(await inspect('report')).toMatchObject({ ok: expect.stringContaining('headcount-tasks') });
      expect(await inspect('query_task', running.id)).toMatchObject({ [running.id]: ['active', {}] });
      expect(await inspect('clock')).toMatchObject({ clock: expect.any(Number) });
    });

    test('celery control on our worker', async () => {
      const app = newApp();
      await start(app, 'one');
      expect(await control('pool_grow', '3')).toEqual([{ 'one@here': { ok: 'pool will grow' } }]);
      expect(await control('cancel_consumer', 'celery')).toEqual([
        { 'one@here': { ok: 'no longer consuming from celery' } },
      ]);
      expect(await control('add_consumer', 'mail')).toEqual([{ 'one@here': { ok: 'add consumer mail' } }]);
      expect(await control('rate_limit', 'ts.add', '10/m')).toEqual([
        { 'one@here': { ok: 'new rate limit set successfully' } },
      ]);
      expect(await control('time_limit', 'ts.add', '1', '2')).toEqual([
        { 'one@here': { ok: 'time limits set successfully' } },
      ]);
      expect(await control('revoke', 'abc')).toEqual([
        { 'one@here': { ok: 'tasks abc flagged as revoked' } },
      ]);
      expect((await app.control.registered()).get('one@here')).toContain('ts.add [rate_limit=10/m]');
      expect((await app.control.activeQueues()).get('one@here')).toMatchObject([{ name: 'mail' }]);
      expect((await app.control.stats()).get('one@here')).toMatchObject({ pool: { 'max-concurrency': 5 } });
      expect(await control('shutdown')).toEqual([{ 'one@here': { ok: 'stopping' } }]);
      await workers[0]?.ended;
    });

    test('our client asks a Python worker, which learns at its start what we revoked', async () => {
      const app = newApp();
      await start(app, 'one', { queues: ['ours'] });
      await app.control.revoke(['an-id']);
      const flags = ['-A', 'probe', 'worker', '-P', 'threads', '-c', '3', '-n', 'py@here', '-l', 'INFO'];
      celery = spawn(inject('servers').python, ['-m', 'celery', ...flags, '-E'], { cwd: folder.path });
      let heard = '';
      celery.stderr?.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
      });
      await until(() => heard.includes('ready.'), 'the Python worker');
      expect(heard).toMatch(/mingle: sync complete|sync complete/);
      const py = { destination: ['py@here'] };
      expect((await app.control.stats(py)).get('py@here')).toMatchObject({ pool: { 'max-concurrency': 3 } });
      expect((await app.control.revoked(py)).get('py@here')).toEqual(['an-id']);
      expect((await app.control.registered(py)).get('py@here')).toContain('py.add');
      const events: string[] = [];
      const stop = await app.control.events(({ type }) => events.push(type), 'task');
      expect(await (await app.send('py.add', [2, 3])).get()).toBe(5);
      await until(() => events.includes('task-succeeded'), 'its events');
      expect(events).toEqual(['task-received', 'task-started', 'task-succeeded']);
      await stop();
    });

    test('forms of messages go both ways', async () => {
      const app = newApp();
      await start(app, 'one');
      const code = (conf: string, options: string): string => `
import json
from probe import app
app.conf.update(${conf})
r = app.send_task('ts.add', (2, 3)${options})
print(json.dumps(r.get(timeout=10)))`;
      const python = async (text: string): Promise<unknown> => {
        const { stdout } = await run(inject('servers').python, ['-c', text], { cwd: folder.path });
        return JSON.parse(stdout) as unknown;
      };
      expect(await python(code('task_protocol=1', ''))).toBe(5);
      expect(await python(code('', ", compression='gzip'"))).toBe(5);
      const flags = ['-A', 'probe', 'worker', '-P', 'solo', '-l', 'INFO', '-Q', 'py', '--without-mingle'];
      celery = spawn(inject('servers').python, ['-m', 'celery', ...flags], { cwd: folder.path });
      let heard = '';
      celery.stderr?.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
      });
      await until(() => heard.includes('ready.'), 'the Python worker');
      const broker = { broker: `${server.url}/0`, results: `${server.url}/1`, queue: 'py' };
      for (const format of [{ protocol: 1 }, { compression: 'zlib' }, { specialNumbers: true }] as const) {
        const other = createApp({ ...broker, format, sentEvents: true });
        apps.push(other);
        const sent: unknown[] = [];
        const stop = await other.control.events((event) => {
          if (event.type === 'task-sent') sent.push([event.uuid, event.queue]);
        });
        const result = await other.send('py.add', [20, 22]);
        expect(await result.get()).toBe(42);
        await until(() => sent.length > 0, 'the event of the client');
        expect(sent).toEqual([[result.id, 'py']]);
        await stop();
      }
    });

    test('its event receiver hears heartbeats and each step of our jobs', async () => {
      const app = newApp();
      app.task('ts.fail', () => {
        throw new RangeError('on purpose');
      });
      app.task('ts.retry', (context) => (context.retries === 0 ? context.retry({ countdown: 0 }) : 'done'));
      await start(app, 'one');
      const { of, all, stop } = receiveEvents(folder.path);
      try {
        await until(() => of('worker-heartbeat').length > 0, 'a heartbeat');
        expect(of('worker-heartbeat')[0]).toMatchObject({
          hostname: 'one@here',
          freq: 2,
          active: 0,
          processed: 0,
          sw_ident: 'headcount-tasks',
          pid: process.pid,
        });
        // Off by default, as in Celery.
        await (await app.send('ts.add', [1, 1])).get();
        await app.control.enableEvents();
        const added = await app.send('ts.add', [2, 3]);
        const failing = await app.send('ts.fail');
        const retried = await app.send('ts.retry');
        await retried.get();
        await app.control.revoke(['revoked-id']);
        await app.send('ts.add', [1, 1], { id: 'revoked-id' });
        await until(() => of('task-revoked').length > 0, 'the last event');
        expect(of('task-received').find((one) => one.uuid === added.id)).toMatchObject({
          name: 'ts.add',
          args: '(2, 3)',
          kwargs: '{}',
          retries: 0,
          eta: null,
        });
        expect(of('task-succeeded').map((one) => [one.uuid, one.result])).toEqual([
          [added.id, '5'],
          [retried.id, "'done'"],
        ]);
        expect(of('task-failed')).toMatchObject([
          { uuid: failing.id, exception: "RangeError('on purpose')", traceback: expect.any(String) },
        ]);
        expect(of('task-retried')).toMatchObject([{ uuid: retried.id }]);
        expect(of('task-revoked')).toMatchObject([
          { uuid: 'revoked-id', terminated: false, signum: null, expired: false },
        ]);
        const clocks = all().flatMap((one) => (typeof one.clock === 'number' ? [one.clock] : []));
        expect(clocks.every((clock) => Number.isInteger(clock))).toBe(true);
        await workers[0]?.worker.stop();
        await until(() => of('worker-offline').length > 0, 'the last word');
      } finally {
        stop();
      }
    });
  });
});
