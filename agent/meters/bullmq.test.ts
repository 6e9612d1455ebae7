import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { bullmq, createAgent, type JobsReading, oldestWait } from '../index.ts';

const patience = AbortSignal.timeout(600_000);

describe.skipIf(!has('redisServer'))('BullMQ on Redis', () => {
  let redis: RedisServer;
  const closing: { close(): Promise<unknown> }[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    for (const one of closing.reverse()) await one.close();
    await redis.stop();
  });
  const connection = () => ({ host: '127.0.0.1', port: redis.port });
  const queueOf = (name: string): Queue => {
    const queue = new Queue(name, { connection: connection() });
    queue.on('error', () => undefined);
    closing.push(queue);
    return queue;
  };
  const read = async (queue: Queue, now = Date.now): Promise<JobsReading> => {
    const [reading] = await bullmq({ queues: [queue], now }).read(patience);
    if (reading?.kind !== 'jobs') throw new Error(JSON.stringify(reading));
    return reading;
  };

  test('waiting, running, later, due, with a priority, paused: each in its place', async () => {
    const queue = queueOf('media');
    expect(await read(queue)).toMatchObject({ waiting: 0, running: 0, later: 0, oldestSeconds: 0 });

    const started: string[] = [];
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const worker = new Worker(
      'media',
      async (job) => {
        started.push(String(job.id));
        await finished;
      },
      { connection: connection(), concurrency: 2 },
    );
    closing.push(worker);
    for (let n = 0; n < 5; n++) await queue.add('encode', { n });
    await until(async () => started.length === 2, 'two jobs to run');
    await queue.add('encode', {}, { delay: 3_600_000 });
    await queue.add('encode', {}, { delay: 7_200_000 });
    await queue.add('encode', {}, { priority: 5 });
    const now = Date.now();
    const reading = await read(queue, () => now);
    expect(reading).toMatchObject({ queue: 'media', at: now, waiting: 4, running: 2, later: 2 });
    const first = await queue.getJobs(['wait'], 0, 0, true);
    expect(reading.oldestSeconds).toBe((now - (first[0]?.timestamp ?? 0)) / 1_000);

    // In an hour and a half one of the two is due, although no worker has moved it yet.
    const soon = now + 5_400_000;
    expect(await read(queue, () => soon)).toMatchObject({ waiting: 5, running: 2, later: 1 });
    // BullMQ before 6.7 cannot be asked so; its client can.
    const { name } = queue;
    const client = new Redis(redis.url);
    closing.push({ close: () => client.quit() });
    const earlier = {
      name,
      client: Promise.resolve(client),
      toKey: (type: string) => queue.toKey(type),
      getJobCounts: queue.getJobCounts.bind(queue),
      getJobs: queue.getJobs.bind(queue),
      getDelayedCount: () => queue.getDelayedCount(),
    };
    expect(await bullmq({ queues: [earlier], now: () => soon }).read(patience)).toMatchObject([
      { waiting: 5, running: 2, later: 1 },
    ]);

    await queue.pause();
    await until(async () => (await read(queue)).waiting <= 4, 'the pause to be seen');
    await queue.resume();
    finish();
    await until(
      async () => (await read(queue)).waiting + ((await read(queue)).running ?? 1) === 0,
      'all to be done',
    );
    expect(await read(queue)).toMatchObject({ waiting: 0, running: 0, later: 2, oldestSeconds: 0 });
  });

  test("the same JSON as HireFire's library for Node: wait + active + due", async () => {
    const [one, two] = [queueOf('one'), queueOf('two')];
    await one.addBulk(Array.from({ length: 3 }, () => ({ name: 'a', data: {} })));
    await two.add('b', {});
    await two.add('b', {}, { delay: 3_600_000 });
    const agent = createAgent({
      token: 't',
      env: {},
      processTypes: { worker: bullmq({ queues: [one, two] }), slow: oldestWait(bullmq({ queues: [one] })) },
    });
    const request = { method: 'GET', url: '/hirefire/t/info', headers: {} };
    const body = (await agent.handle(request))?.body ?? '';
    const [worker, slow] = JSON.parse(body) as { name: string; value: number }[];
    expect(JSON.stringify(worker)).toBe('{"name":"worker","value":4}');
    expect(slow?.value).toBeGreaterThan(0);
    expect(slow?.value).toBeLessThan(60);
  });

  test('a retried job waits since its last attempt', async () => {
    const queue = queueOf('retried');
    const worker = new Worker(
      'retried',
      async () => {
        throw new Error('no');
      },
      { connection: connection() },
    );
    closing.push(worker);
    const long = Date.now() - 3_600_000;
    await queue.add('a', {}, { timestamp: long, attempts: 2, backoff: { type: 'fixed', delay: 600_000 } });
    await until(async () => (await read(queue)).later === 1, 'the retry to be planned');
    expect(await read(queue)).toMatchObject({ waiting: 0, oldestSeconds: 0 });
    const due = Date.now() + 900_000;
    const reading = await read(queue, () => due);
    expect(reading).toMatchObject({ waiting: 1, later: 0 });
    expect(reading.oldestSeconds).toBeLessThan(1_800);
  });
});

test('a queue that cannot be reached is unknown, and answers within the time limit of the agent', async () => {
  const queue = {
    name: 'q',
    getJobCounts: () => Promise.reject(new TypeError('connect ECONNREFUSED')),
    getJobs: async () => [],
    getDelayedCount: async () => 0,
    toKey: (type: string) => type,
  };
  const meter = bullmq({ queues: [queue], now: () => 7 });
  expect(await meter.read(patience)).toEqual([
    { kind: 'unknown', at: 7, why: 'bullmq q: connect ECONNREFUSED' },
  ]);
  const hanging = bullmq({ queues: [{ ...queue, getJobCounts: () => new Promise(() => undefined) }] });
  const abort = new AbortController();
  const reading = hanging.read(abort.signal);
  abort.abort(new DOMException('enough', 'AbortError'));
  await expect(reading).rejects.toBe(abort.signal.reason);
});
