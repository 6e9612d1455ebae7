/** Beside Python's Celery on one RabbitMQ, in both directions. Results are in Redis: RabbitMQ keeps none for us. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import amqp, { type Channel, type ChannelModel } from 'amqplib';
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

const celeryApp = (broker: string, results: string): string => `
import time
from celery import Celery
app = Celery('probe', broker='${broker}', backend='${results}')

@app.task(name='both.add')
def add(a, b, c=0):
    return a + b + c

@app.task(name='py.fail')
def fail(text):
    raise ValueError(text)

@app.task(name='both.who')
def who(i):
    return 'py'

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
