/**
 * Remote control, events, forms of messages and rpc:// results beside real Python Celery on one RabbitMQ: `celery inspect`
 * and `celery control` on our workers, our control client on both kinds, Python's event receiver on ours.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import amqp, { type Channel, type ChannelModel } from 'amqplib';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { receiveEvents } from '../../checks/celery.ts';
import { cuttable } from '../../checks/cuttable.ts';
import { has, type RabbitServer, startRabbit, temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { type AppOptions, createApp, type TasksApp, type Worker, type WorkerOptions } from '../index.ts';
import { adjustClock } from '../remote/events.ts';

const run = promisify(execFile);

describe.skipIf(!has('rabbitmq'))('remote control on RabbitMQ', () => {
  let server: RabbitServer;
  let connection: ChannelModel;
  let channel: Channel;
  let apps: TasksApp[] = [];
  let workers: { worker: Worker; ended: Promise<void> }[] = [];
  const blocked: (() => void)[] = [];

  beforeAll(async () => {
    server = await startRabbit();
    connection = await amqp.connect(server.url);
    channel = await connection.createChannel();
  }, 90_000);
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });
  afterEach(async () => {
    for (const release of blocked.splice(0)) release();
    await Promise.all(workers.map(({ worker, ended }) => worker.stop({ cold: true }).then(() => ended)));
    await Promise.all(apps.map((app) => app.close()));
    apps = [];
    workers = [];
    await channel.deleteQueue('celery');
  });
  const newApp = (options: Partial<AppOptions> = {}): TasksApp => {
    const app = createApp({ broker: server.url, results: 'rpc://', log: () => {}, ...options });
    apps.push(app);
    app.task('ts.add', (_context, a: number, b: number) => a + b);
    app.task('ts.wait', () => new Promise((resolve) => blocked.push(() => resolve('released'))));
    return app;
  };
  const start = async (app: TasksApp, name: string, options: WorkerOptions = {}): Promise<Worker> => {
    const worker = app.worker({ name: `${name}@here`, concurrency: 2, ...options });
    const ended = worker.run();
    ended.catch(() => {});
    workers.push({ worker, ended });
    const asked = { destination: [`${name}@here`] };
    await until(async () => (await app.control.ping(asked)).size === 1, `${name} to answer`);
    return worker;
  };

  test('by name the answer comes long before the time limit, and with nobody there at once', async () => {
    const app = newApp();
    const before = performance.now();
    const nobody = await app.control.ask('ping', {}, { timeoutMs: 60_000 });
    expect(nobody).toEqual({ answers: new Map(), silentCount: 0 });
    await start(app, 'one');
    await start(app, 'two');
    const both = { destination: ['one@here', 'two@here'], timeoutMs: 60_000 };
    expect([...(await app.control.ping(both)).keys()].sort()).toEqual(['one@here', 'two@here']);
    expect(performance.now() - before).toBeLessThan(60_000);
    // A fanout does not say who heard it: all are asked for the whole time, and nobody claims to know who is silent.
    const all = await app.control.ask('ping', {}, { timeoutMs: 3_000 });
    expect([...all.answers.keys()].sort()).toEqual(['one@here', 'two@here']);
    expect(all).not.toHaveProperty('silentCount');
    expect([...(await app.control.ping({ pattern: 't*', timeoutMs: 3_000 })).keys()]).toEqual(['two@here']);
    const some = { destination: ['one@here', 'gone@here'], timeoutMs: 500 };
    expect(await app.control.ask('ping', {}, some)).toMatchObject({ silentCount: 1 });
  });

  test('exchanges and queues are exactly those of Celery', async () => {
    const app = newApp();
    await start(app, 'one');
    await app.control.ping({ destination: ['one@here'] });
    const stop = await app.control.events(() => {});
    const probe = await connection.createChannel();
    // A declaration with other properties would be refused.
    await probe.assertExchange('celery.pidbox', 'fanout', { durable: false });
    await probe.assertExchange('reply.celery.pidbox', 'direct', { durable: false });
    await probe.assertExchange('celeryev', 'topic', { durable: true });
    await probe.assertQueue('one@here.celery.pidbox', {
      durable: false,
      autoDelete: true,
      arguments: { 'x-message-ttl': 300_000, 'x-expires': 10_000 },
    });
    await probe.close();
    await stop();
  });

  test('a queue that is cancelled gets back what was held, and is taken from again when added', async () => {
    const app = newApp();
    await start(app, 'one', { concurrency: 1 });
    const asked = { destination: ['one@here'] };
    const first = await app.send('ts.wait');
    await until(() => blocked.length === 1, 'the job to run');
    const later = await app.send('ts.add', [1, 1], { countdown: 2 });
    await app.control.cancelConsumer('celery', asked);
    const second = await app.send('ts.add', [20, 22]);
    blocked[0]?.();
    expect(await first.get()).toBe('released');
    expect((await app.control.activeQueues(asked)).get('one@here')).toEqual([]);
    await until(async () => (await app.depth()).waiting === 2, 'both to be back in the queue');
    await app.control.addConsumer('celery', asked);
    expect(await Promise.all([second.get(), later.get()])).toEqual([42, 2]);
    await app.control.addConsumer('another', asked);
    expect(await (await app.send('ts.add', [2, 2], { queue: 'another' })).get()).toBe(4);
    await channel.deleteQueue('another');
  });

  test('a worker hears again after a cut, and so does who listens to events', async () => {
    const way = await cuttable(server.port);
    const app = newApp({ broker: `amqp://127.0.0.1:${way.port}` });
    await start(app, 'one');
    const beats: number[] = [];
    const stop = await app.control.events(({ timestamp }) => beats.push(timestamp), 'worker');
    await until(() => beats.length > 0, 'a heartbeat');
    way.cut();
    const cutAt = Date.now() / 1000;
    const asked = { destination: ['one@here'], timeoutMs: 500 };
    await until(
      async () => (await app.control.ping(asked).catch(() => new Map())).size === 1,
      'it to answer again',
    );
    await until(() => beats.some((at) => at > cutAt), 'a heartbeat after the cut');
    await stop();
    await workers[0]?.worker.stop();
    workers = [];
    await Promise.all(apps.map((one) => one.close()));
    apps = [];
    way.close();
  });

  test('a stranger’s text harms nobody', async () => {
    const app = newApp();
    await start(app, 'one');
    for (const text of ['', '{', '5', 'null', '{}', '{"method":1}', '\u0000'])
      channel.publish('celery.pidbox', '', Buffer.from(text));
    const asked = { destination: ['one@here'] };
    const { answers } = await app.control.ask('nope', {}, asked);
    expect(answers.get('one@here')).toEqual({ error: 'KeyError("nope")' });
  });

  test('forms of messages between our own apps', async () => {
    const forms = [
      { serializer: 'msgpack' },
      { compression: 'brotli' },
      { serializer: 'msgpack', compression: 'zlib' },
      { protocol: 1 },
    ] as const;
    const taker = newApp({ format: { accept: ['json', 'msgpack'] } });
    await start(taker, 'one');
    for (const format of forms) {
      const app = newApp({ format });
      expect(await (await app.send('ts.add', [2, 3])).get()).toBe(5);
      const later = await app.send('ts.add', [2, 4], { countdown: 0.2 });
      expect(await later.get()).toBe(6);
    }
  });

  describe.skipIf(!has('python'))('Python', () => {
    const folder = temporaryFolder('rabbit-control');
    let celery: ChildProcess | undefined;
    beforeAll(() => {
      writeFileSync(
        join(folder.path, 'probe.py'),
        `import json, time
from celery import Celery
app = Celery('probe', broker='${server.url}', backend='rpc://')
app.conf.worker_send_task_events = True
@app.task(name='py.add')
def add(a, b):
    return a + b
@app.task(name='py.fail')
def fail(text):
    raise ValueError(text)
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
    const python = async (code: string): Promise<unknown> => {
      const { stdout } = await run(inject('servers').python, ['-c', `from probe import *\n${code}`], {
        cwd: folder.path,
      });
      return JSON.parse(stdout) as unknown;
    };
    const command = async (...args: string[]): Promise<unknown> => {
      const named = ['--json', '-t', '20', '-d', 'one@here'];
      const [kind = '', ...rest] = args;
      const flags = ['-m', 'celery', '-A', 'probe', kind, ...named, ...rest];
      const { stdout } = await run(inject('servers').python, flags, { cwd: folder.path });
      return JSON.parse(stdout) as unknown;
    };
    const startTheirs = async (...args: string[]): Promise<void> => {
      const flags = ['-m', 'celery', '-A', 'probe', 'worker', '-n', 'py@here', '-l', 'INFO', ...args];
      celery = spawn(inject('servers').python, flags, { cwd: folder.path });
      let heard = '';
      celery.stderr?.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
      });
      await until(() => heard.includes('ready.'), 'the Python worker', 60_000);
    };

    test('Python reads our answers whatever the clock says', async () => {
      const app = newApp();
      await start(app, 'one');
      // In the form that amqplib chooses for these, the connection of who asked would end.
      for (const clock of [300, 700, 20_000, 40_000]) {
        adjustClock(clock);
        expect(
          await python(`print(json.dumps(app.control.broadcast('clock', destination=['one@here'], reply=True,
  timeout=20, limit=1)))`),
        ).toEqual([{ 'one@here': { clock: expect.any(Number) } }]);
      }
    });

    test('celery inspect and celery control on our worker', async () => {
      const app = newApp();
      await start(app, 'one');
      const running = await app.send('ts.wait', [{ a: 1 }]);
      await until(() => blocked.length === 1, 'the job to run');
      const inspect = async (what: string): Promise<unknown> =>
        ((await command('inspect', what)) as Record<string, unknown>)['one@here'];
      expect(await inspect('ping')).toEqual({ ok: 'pong' });
      expect(await inspect('active')).toMatchObject([{ id: running.id, name: 'ts.wait', args: [{ a: 1 }] }]);
      expect(await inspect('stats')).toMatchObject({
        pool: { 'max-concurrency': 2 },
        broker: { transport: 'amqp', port: server.port },
      });
      expect(await inspect('active_queues')).toMatchObject([{ name: 'celery' }]);
      expect(await inspect('registered')).toEqual(expect.arrayContaining(['ts.add', 'ts.wait']));
      expect(await command('control', 'cancel_consumer', 'celery')).toEqual([
        { 'one@here': { ok: 'no longer consuming from celery' } },
      ]);
      expect(await command('control', 'add_consumer', 'celery')).toEqual([
        { 'one@here': { ok: 'add consumer celery' } },
      ]);
      expect(await command('control', 'shutdown')).toEqual([{ 'one@here': { ok: 'stopping' } }]);
      blocked[0]?.();
      await workers[0]?.ended;
    });

    test('our client asks a Python worker, which learns at its start what we revoked', async () => {
      const app = newApp();
      await start(app, 'one', { queues: ['ours'] });
      await app.control.revoke(['an-id'], { destination: ['one@here'] });
      await startTheirs('-P', 'threads', '-c', '3', '-E');
      const py = { destination: ['py@here'], timeoutMs: 20_000 };
      expect((await app.control.stats(py)).get('py@here')).toMatchObject({ pool: { 'max-concurrency': 3 } });
      expect((await app.control.revoked(py)).get('py@here')).toEqual(['an-id']);
      expect((await app.control.registered(py)).get('py@here')).toContain('py.add');
      const events: string[] = [];
      const stop = await app.control.events(({ type }) => events.push(type), 'task');
      expect(await (await app.send('py.add', [2, 3])).get()).toBe(5);
      await until(() => events.includes('task-succeeded'), 'its events');
      expect(events).toEqual(['task-received', 'task-started', 'task-succeeded']);
      await stop();
      await channel.deleteQueue('ours');
    });

    test('rpc:// both ways: values and failures', async () => {
      const app = newApp();
      app.task('ts.fail', () => {
        throw new RangeError('too far');
      });
      await start(app, 'one');
      expect(
        await python(`
r = app.send_task('ts.fail')
try:
    r.get(timeout=30)
except Exception as e:
    failure = [type(e).__name__, str(e)]
print(json.dumps([app.send_task('ts.add', (2, 3)).get(timeout=30), failure, r.state]))`),
      ).toEqual([5, ['RangeError', 'too far'], 'FAILURE']);
      await workers[0]?.worker.stop();
      await startTheirs('-P', 'solo', '--without-mingle');
      expect(await (await app.send('py.add', [20, 22])).get()).toBe(42);
      await expect((await app.send('py.fail', ['no'])).get()).rejects.toThrow('ValueError: no');
      const many = await Promise.all(
        Array.from({ length: 50 }, (_, i) => app.send<number>('py.add', [i, 1])),
      );
      expect(await Promise.all(many.map((one) => one.get()))).toEqual(many.map((_, i) => i + 1));
    });

    test('forms of messages go both ways', async () => {
      await start(newApp(), 'one');
      const sending = (conf: string, options: string): string =>
        `app.conf.update(${conf})\nprint(json.dumps(app.send_task('ts.add', (2, 3)${options}).get(timeout=30)))`;
      expect(await python(sending('task_protocol=1', ''))).toBe(5);
      expect(await python(sending('', ", compression='gzip'"))).toBe(5);
      await startTheirs('-P', 'solo', '-Q', 'py', '--without-mingle');
      for (const format of [{ protocol: 1 }, { compression: 'zlib' }, { specialNumbers: true }] as const) {
        const other = newApp({ format, queue: 'py' });
        expect(await (await other.send('py.add', [20, 22])).get()).toBe(42);
      }
      await channel.deleteQueue('py');
    });

    test('its event receiver hears heartbeats and each step of our jobs', async () => {
      const app = newApp();
      await start(app, 'one');
      const { of, stop } = receiveEvents(folder.path);
      try {
        await until(() => of('worker-heartbeat').length > 0, 'a heartbeat');
        expect(of('worker-heartbeat')[0]).toMatchObject({
          hostname: 'one@here',
          sw_ident: 'headcount-tasks',
        });
        await app.control.enableEvents({ destination: ['one@here'] });
        const added = await app.send('ts.add', [2, 3]);
        await until(() => of('task-succeeded').length > 0, 'the end of the job');
        expect(of('task-received')).toMatchObject([{ uuid: added.id, name: 'ts.add', args: '(2, 3)' }]);
        expect(of('task-started')).toMatchObject([{ uuid: added.id }]);
        expect(of('task-succeeded')).toMatchObject([{ uuid: added.id, result: '5' }]);
        await workers[0]?.worker.stop();
        await until(() => of('worker-offline').length > 0, 'the last word');
      } finally {
        stop();
      }
    });
  });
});
