/** Beside Python's Celery on one RabbitMQ, in both directions. Results are in Redis: RabbitMQ keeps none for us. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import amqp, { type Channel, type ChannelModel } from 'amqplib';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { celeryIn, countCases, withCelery } from '../../checks/celery.ts';
import {
  has,
  type RabbitServer,
  type RedisServer,
  startRabbit,
  startRedis,
  temporaryFolder,
} from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { createApp, type TasksApp, type Worker } from '../index.ts';

/** The lines of the README that give Python's messages a publish time. */
const publishTime = /```py\n([\s\S]*?)```/.exec(
  readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8'),
)?.[1];

const celeryApp = (broker: string, results: string): string => `
import time
from celery import Celery
from kombu import Exchange, Queue
app = Celery('probe', broker='${broker}', backend='${results}')
app.conf.task_queues = [
    Queue('celery', Exchange('celery'), routing_key='celery'),
    Queue('sooner', Exchange('sooner'), routing_key='sooner', queue_arguments={'x-max-priority': 9})]

@app.task(name='both.add')
def add(a, b, c=0):
    return a + b + c

@app.task(name='py.fail')
def fail(text):
    raise ValueError(text)

@app.task(name='both.who')
def who(i):
    return 'py'

@app.task(name='py.note')
def note(what):
    app.backend.client.rpush('noted', what)

@app.task(name='py.when')
def when():
    return time.time()
`;

describe.skipIf(!has('rabbitmq') || !has('redisServer') || !has('python'))('with Python on RabbitMQ', () => {
  const folder = temporaryFolder('rabbit-interop');
  countCases('interop', () => withCelery('RabbitMQ'));
  let rabbit: RabbitServer;
  let redis: RedisServer;
  let connection: ChannelModel;
  let channel: Channel;
  let app: TasksApp;
  let worker: { worker: Worker; ended: Promise<void> } | undefined;

  beforeAll(async () => {
    [rabbit, redis] = await Promise.all([startRabbit(), startRedis()]);
    connection = await amqp.connect(rabbit.url);
    channel = await connection.createChannel();
    writeFileSync(join(folder.path, 'probe.py'), celeryApp(rabbit.url, redis.url));
  }, 90_000);
  afterAll(async () => {
    await connection.close();
    await Promise.all([rabbit.stop(), redis.stop()]);
    folder.remove();
  });
  beforeEach(async () => {
    await channel.deleteQueue('celery');
    app = createApp({ broker: rabbit.url, results: redis.url, log: () => {} });
  });
  afterEach(async () => {
    await worker?.worker.stop();
    worker = undefined;
    await stopWorker();
    await app.close();
  });

  const { python, startWorker: startTheirs, stopWorker } = celeryIn(folder.path);
  const startOurs = (): void => {
    const ours = app.worker();
    worker = { worker: ours, ended: ours.run() };
  };

  test('their client, our worker: arguments, keywords, results and failures', async () => {
    app.task('both.add', ({ kwargs }, a: number, b: number) => a + b + Number(kwargs.c ?? 0));
    app.task('ts.fail', () => {
      throw new RangeError('too far');
    });
    startOurs();
    expect(
      await python(`
r = app.send_task('ts.fail')
try:
    r.get(timeout=20)
except Exception as e:
    failure = [type(e).__name__, str(e)]
print(json.dumps([
  app.send_task('both.add', (2, 3)).get(timeout=20),
  app.send_task('both.add', (2, 3), {'c': 5}).get(timeout=20), failure]))`),
    ).toEqual([5, 10, ['RangeError', 'too far']]);
  });

  test('their client, our worker: countdown and expires are obeyed', async () => {
    const seen: [string, number][] = [];
    app.task('ts.note', (_context, what: string) => {
      seen.push([what, Date.now()]);
    });
    const sent = Number(
      await python(`
start = time.time()
app.send_task('ts.note', ('late',), countdown=1.5)
app.send_task('ts.note', ('expired',), expires=-1)
app.send_task('ts.note', ('now',))
print(json.dumps(start * 1000))`),
    );
    startOurs();
    await until(() => seen.length === 2, 'two of three');
    expect(seen.map(([what]) => what)).toEqual(['now', 'late']);
    expect(seen[1]?.[1]).toBeGreaterThanOrEqual(sent + 1_499);
  });

  test('their publish time, with the lines of the README, and what comes by exchanges of every kind', async () => {
    const seen = new Map<string, number | undefined>();
    app.task('ts.by', ({ publishedAt, retries, retry }, how: string) => {
      if (retries === 0) retry({ countdown: 0 });
      seen.set(how, publishedAt);
    });
    const before = Date.now();
    await python(`${publishTime}
from kombu import Exchange, Queue
with app.connection_for_write() as connection:
    channel = connection.channel()
    for exchange, key in (('ex.direct', 'ex.direct'), ('ex.topic', 'mail.#'), ('ex.fanout', '')):
        kind = exchange.split('.')[1]
        Queue('by exchange', Exchange(exchange, type=kind), routing_key=key, queue_arguments={'x-max-priority': 10})(channel).declare()
send = lambda how, **options: app.send_task('ts.by', (how,), ignore_result=True, priority=10, **options)
send('direct', exchange='ex.direct', routing_key='ex.direct')
send('topic', exchange='ex.topic', routing_key='mail.eu.login')
send('fanout', exchange='ex.fanout', routing_key='any')
print('null')`);
    const ours = app.worker({ queues: ['by exchange'] });
    worker = { worker: ours, ended: ours.run() };
    await until(() => seen.size === 3, 'all three');
    for (const [how, publishedAt] of seen) {
      expect([how, publishedAt]).toEqual([how, expect.any(Number)]);
      expect(publishedAt).toBeGreaterThanOrEqual(before);
    }
  });

  test('our client, their worker: one, many, a failure, an ETA', async () => {
    const add = app.task('both.add', (_context, a: number, b: number) => a + b);
    await startTheirs();
    expect(await (await add.delay(2, 3)).get()).toBe(5);
    const many = await add.delayMany(Array.from({ length: 30 }, (_, i) => [i, 1] as const));
    expect(await Promise.all(many.map((one) => one.get()))).toEqual(many.map((_, i) => i + 1));
    await expect((await app.send('py.fail', ['no'])).get()).rejects.toThrow('ValueError: no');
    const due = Date.now() + 2_500;
    // Its timers are up to a second early.
    const when = await app.send<number>('py.when', [], { eta: due });
    expect(Number(await when.get()) * 1000).toBeGreaterThanOrEqual(due - 1_000);
  });

  test('numbers in headers are the same to both, of every size', async () => {
    await startTheirs();
    // amqplib's own form of the first two would end the Python worker.
    for (const seconds of [300, 30_000, 5, 40_000])
      expect(
        await (
          await app.send('both.add', [seconds, 1], {
            timeLimit: { softSeconds: seconds, hardSeconds: seconds + 1_000 },
          })
        ).get(),
      ).toBe(seconds + 1);
    await stopWorker();
    app.task('ts.limits', () => 'done');
    startOurs();
    // What py-amqp writes of the numbers that are large would end our connection, again and again.
    expect(
      await python(`
numbers = {'at_ms': 1764000000123, 'less': -5, 'more': 300, 'deep': {'list': [2**40, 'L', -2**40, 1.5, True, None]}}
r = app.send_task('ts.limits', headers=numbers)
print(json.dumps([r.get(timeout=20), app.send_task('ts.limits').get(timeout=20)]))`),
    ).toEqual(['done', 'done']);
  });

  test('priorities, each way, on a queue that has them', async () => {
    await channel.assertQueue('sooner', { durable: true, arguments: { 'x-max-priority': 9 } });
    const sent = [
      ['last', 0],
      ['second', 4],
      ['first', 9],
    ] as const;
    // A queue of RabbitMQ sorts what waits in it, so the workers come afterwards, and take one at a time.
    for (const [what, priority] of sent)
      await app.send('py.note', [what], { queue: 'sooner', priority, ignoreResult: true });
    await until(async () => (await app.depth('sooner')).waiting === 3, 'three messages');
    const store = new Redis(redis.url);
    await startTheirs('-Q', 'sooner', '--prefetch-multiplier', '1', '-c', '1');
    await until(async () => (await store.llen('noted')) === 3, 'three notes', 60_000);
    expect(await store.lrange('noted', 0, -1)).toEqual(['first', 'second', 'last']);
    store.disconnect();
    await stopWorker();
    const seen: string[] = [];
    app.task('ts.note', (_context, what: string) => void seen.push(what));
    await python(`
for what, priority in (('last', 0), ('second', 4), ('first', 9)): app.send_task('ts.note', (what,), queue='sooner', priority=priority)
print('null')`);
    await until(async () => (await app.depth('sooner')).waiting === 3, 'three messages');
    const ours = app.worker({ queues: ['sooner'], concurrency: 1, prefetch: 0 });
    worker = { worker: ours, ended: ours.run() };
    await until(() => seen.length === 3, 'three runs');
    expect(seen).toEqual(['first', 'second', 'last']);
  });

  test('both workers on one queue: everything is done once', async () => {
    let ours = 0;
    const who = app.task('both.who', (_context, _i: number) => {
      ours++;
      return 'ts';
    });
    await startTheirs();
    startOurs();
    const calls = await who.delayMany(Array.from({ length: 300 }, (_, i) => [i] as const));
    const answers = await Promise.all(calls.map((one) => one.get()));
    expect(answers.filter((answer) => answer === 'ts')).toHaveLength(ours);
    expect(ours).toBeGreaterThan(0);
    expect(answers.every((answer) => answer === 'ts' || answer === 'py')).toBe(true);
    await until(async () => (await app.depth()).waiting === 0, 'an empty queue');
  });
});
