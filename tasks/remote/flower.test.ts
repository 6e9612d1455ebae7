/**
 * What Flower (2.0.1) asks of a worker and reads of its events, sent by Python's own Celery word for word as Flower sends
 * it. Flower itself is not in Debian; it was run beside these workers by hand.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { type EventReceiver, receiveEvents } from '../../checks/celery.ts';
import { has, type RedisServer, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { createApp, type TasksApp, type Worker } from '../index.ts';

const run = promisify(execFile);

const probe = (url: string): string => `import json
from celery import Celery
app = Celery('probe', broker='${url}/0', backend='${url}/1')
def ask(method, **arguments):
    heard = app.control.broadcast(method, arguments=arguments, destination=['one@here'],
                                  reply=True, timeout=20, limit=1)
    return heard[0]['one@here']
`;

describe.skipIf(!has('redisServer') || !has('python'))('what Flower asks and reads', () => {
  const folder = temporaryFolder('flower');
  let server: RedisServer;
  let redis: Redis;
  let app: TasksApp;
  let worker: Worker;
  let ended: Promise<void>;
  let release: (() => void)[] = [];
  let events: EventReceiver | undefined;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    writeFileSync(join(folder.path, 'probe.py'), probe(server.url));
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    folder.remove();
  });
  beforeEach(async () => {
    await redis.flushall();
    release = [];
    app = createApp({ broker: `${server.url}/0`, results: `${server.url}/1`, log: () => {} });
    app.task('ts.add', (_context, a: number, b: number) => a + b);
    app.task('ts.wait', () => new Promise((resolve) => release.push(() => resolve('released'))));
    app.task('ts.limited', () => 1, { rateLimit: '10/h', timeLimitSeconds: 9, maxRetries: 2 });
    app.task('ts.again', ({ retries, retry }) => (retries === 0 ? retry({ countdown: 0 }) : 'done'));
    worker = app.worker({ name: 'one@here', concurrency: 2, events: true });
    ended = worker.run();
    ended.catch(() => {});
    await until(async () => (await app.control.ping()).has('one@here'), 'the worker to answer');
  });
  afterEach(async () => {
    events?.stop();
    events = undefined;
    for (const one of release) one();
    await worker.stop({ cold: true });
    await ended;
    await app.close();
  });

  const python = async (code: string): Promise<unknown> => {
    const text = `from probe import *\n${code}`;
    const { stdout } = await run(inject('servers').python, ['-c', text], { cwd: folder.path });
    return JSON.parse(stdout) as unknown;
  };
  const listen = async (): Promise<EventReceiver> => {
    const heard = receiveEvents(folder.path);
    events = heard;
    await until(() => heard.of('worker-heartbeat').length > 0, 'a heartbeat');
    return heard;
  };

  test('each button has its answer, and what this worker cannot do says why', async () => {
    const said = await python(`print(json.dumps([
  ask('pool_grow', n=2), ask('pool_shrink', n=1), ask('pool_shrink', n=100),
  ask('pool_restart', reload=False), ask('autoscale', min=2, max=5), ask('objgraph'),
  ask('add_consumer', queue='extra'), ask('cancel_consumer', queue='extra'),
  ask('add_consumer', queue='extra', exchange='other', exchange_type='topic', routing_key='a.#'),
  ask('add_consumer', queue='extra', exchange=None, exchange_type='direct', routing_key=None),
  ask('add_consumer'), ask('cancel_consumer', queue=''),
  ask('time_limit', task_name='ts.add', hard=None, soft=30.0), ask('time_limit', task_name='nope', hard=1.0, soft=None),
  ask('rate_limit', task_name='ts.add', rate_limit='5'), ask('rate_limit', task_name='ts.add', rate_limit='fast'),
  ask('revoke_by_stamped_headers', headers=['tenant=acme', 'odd']),
  ask('revoke_by_stamped_headers', headers=['tenant=acme']),
  ask('terminate', signal='SIGNONE', task_id=['x']), ask('terminate', signal='KILL', task_id=['x']),
  ask('memsample'), ask('memdump', samples=10)]))`);
    const error = (text: string) => ({ error: expect.stringContaining(text) });
    expect(said).toEqual([
      { ok: 'pool will grow' },
      { ok: 'pool will shrink' },
      error('slots'),
      error('Pool restarts not enabled'),
      error('Autoscale not enabled'),
      error('objgraph'),
      { ok: 'add consumer extra' },
      { ok: 'no longer consuming from extra' },
      error('direct exchange of their name'),
      { ok: 'add consumer extra' },
      error('no queue is named'),
      error('no queue is named'),
      { ok: 'time limits set successfully' },
      { error: 'unknown task' },
      { ok: 'new rate limit set successfully' },
      error('Invalid rate limit string'),
      error('"odd" is no stamp'),
      { ok: 'headers tenant=acme flagged as revoked, but not terminated' },
      error('no signal is called "SIGNONE"'),
      { ok: 'terminate: tasks unknown' },
      expect.stringMatching(/^\d+MB$/),
      expect.stringMatching(/^- rss \(sample\):\n(- {4}> \d+MB,\n)+- rss \(end\): \d+MB\.\n$/),
    ]);
    expect((await app.control.activeQueues()).get('one@here')).toMatchObject([
      { name: 'celery' },
      { name: 'extra' },
    ]);
    expect(await (await app.send('ts.add', [1, 2])).get()).toBe(3);
  });

  test('its button Terminate says 1 and not true, and the signal is told as a number', async () => {
    const heard = await listen();
    const running = await app.send('ts.wait');
    await until(() => release.length === 1, 'the job to run');
    await python(`app.control.revoke('${running.id}', terminate=1, signal='SIGTERM')\nprint(1)`);
    await expect(running.get()).rejects.toThrow(/REVOKED.*terminated/);
    await until(() => heard.of('task-revoked').length > 0, 'the event');
    expect(heard.of('task-revoked')).toMatchObject([
      { uuid: running.id, terminated: true, signum: 15, expired: false },
    ]);
  });

  test('an unknown task fails, and a job that took no time has taken some', async () => {
    const heard = await listen();
    const unknown = await app.send('ts.nope', [1]);
    await expect(unknown.get()).rejects.toThrow(/NotRegistered/);
    await Promise.all(
      (await Promise.all([1, 2, 3, 4, 5].map((n) => app.send('ts.add', [n, n])))).map((r) => r.get()),
    );
    await until(
      () => heard.of('task-failed').length > 0 && heard.of('task-succeeded').length === 5,
      'all events',
    );
    expect(heard.of('task-failed')).toMatchObject([
      { uuid: unknown.id, name: 'ts.nope', exception: "NotRegistered('ts.nope')", traceback: null },
    ]);
    // Flower counts a job as prefetched from received to started, so that one would stay for ever.
    expect(heard.of('task-received').map((one) => one.uuid)).not.toContain(unknown.id);
    expect(heard.of('task-rejected')).toEqual([]);
    for (const { runtime } of heard.of('task-succeeded')) expect(runtime).toBeGreaterThan(0);
  });

  test('a job that waits behind a rate limit is received, and not started', async () => {
    const heard = await listen();
    await (await app.send('ts.limited')).get();
    const second = await app.send('ts.limited');
    const of = (type: string): unknown[] => heard.of(type).map(({ uuid }) => uuid);
    await until(() => of('task-received').includes(second.id), 'the second to be received');
    expect(of('task-received')).toHaveLength(2);
    expect(of('task-started')).not.toContain(second.id);
  });

  test('arguments that a sender hides stay hidden, through a retry too', async () => {
    const heard = await listen();
    const sent = await python(`hidden = dict(argsrepr='(secret)', kwargsrepr="{'card': '*'}", shadow='pay')
a = app.send_task('ts.wait', ('4242',), {'card': '4242'}, **hidden)
b = app.send_task('ts.again', ('4242',), {'card': '4242'}, **hidden)
print(json.dumps([a.id, b.id, b.get(timeout=20)]))`);
    await until(() => release.length === 1, 'the job to run');
    expect(sent).toMatchObject({ 2: 'done' });
    const [waiting, again] = sent as [string, string];
    const shown = { name: 'pay', args: '(secret)', kwargs: "{'card': '*'}" };
    expect((await app.control.active({ safe: true })).get('one@here')).toMatchObject([
      { ...shown, type: 'ts.wait' },
    ]);
    await until(() => heard.of('task-received').length === 3, 'three events');
    const received = heard.of('task-received');
    expect(received.filter(({ uuid }) => uuid === waiting)).toMatchObject([shown]);
    expect(received.filter(({ uuid }) => uuid === again)).toMatchObject([shown, { ...shown, retries: 1 }]);
    expect(JSON.stringify(received)).not.toContain('4242');
  });

  test('an integer that JavaScript cannot count is answered all the same', async () => {
    const running = await python(`print(json.dumps(app.send_task('ts.wait', (2**70, [float('nan')])).id))`);
    await until(() => release.length === 1, 'the job to run');
    expect(await python(`print(json.dumps(ask('active', safe=True)))`)).toMatchObject([{ id: running }]);
    expect(await python(`print(json.dumps(ask('query_task', ids=['${String(running)}'])))`)).toHaveProperty(
      String(running),
    );
  });

  test('the page of a worker has every row that it has for one of Python’s', async () => {
    const page = (await python(`print(json.dumps({m: ask(m) for m in
  ('stats', 'active_queues', 'registered', 'scheduled', 'active', 'reserved', 'revoked', 'conf')}))`)) as Record<
      string,
      Record<string, Record<string, unknown>>
    >;
    const { stats } = page;
    expect(Object.keys(stats ?? {})).toEqual(
      expect.arrayContaining([
        'total',
        'pid',
        'clock',
        'uptime',
        'pool',
        'prefetch_count',
        'broker',
        'rusage',
      ]),
    );
    expect(stats?.pool).toMatchObject({ 'max-concurrency': 2, processes: [process.pid] });
    expect(stats?.broker).toEqual({
      hostname: '127.0.0.1',
      userid: null,
      virtual_host: '0',
      port: server.port,
      ssl: false,
      transport: 'redis',
      alternates: [],
    });
    const usage =
      'utime stime maxrss ixrss idrss isrss minflt majflt nswap inblock oublock msgsnd msgrcv nsignals nvcsw nivcsw';
    expect(Object.keys(stats?.rusage ?? {})).toEqual(usage.split(' '));
    expect(page.registered).toEqual(['ts.add', 'ts.again', 'ts.limited [rate_limit=10/h]', 'ts.wait']);
    expect(page.conf).toMatchObject({ worker_concurrency: 2, worker_send_task_events: true });
    expect(
      await python(
        `print(json.dumps(ask('registered', taskinfoitems=['time_limit', 'max_retries', 'none'])))`,
      ),
    ).toEqual([
      'ts.add [max_retries=0]',
      'ts.again [max_retries=0]',
      'ts.limited [time_limit=9 max_retries=2]',
      'ts.wait [max_retries=0]',
    ]);
    expect(await python(`print(json.dumps(ask('registered', builtins=True)))`)).toContain(
      'celery.chord_unlock',
    );
  });
});
