import { createApp } from '@headcount/tasks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { tasks } from '../index.ts';

const patience = AbortSignal.timeout(600_000);

describe.skipIf(!has('redisServer'))('our tasks on Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  test('waiting, running and later, as the broker counts them', async () => {
    const app = createApp({ broker: redis.url });
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const encode = app.task('encode', async () => await finished);
    for (let n = 0; n < 4; n++) await encode.delay();
    await app.send('encode', [], { countdown: 3_600 });
    const meter = tasks({ app, queues: ['celery'] });
    const worker = app.worker({ concurrency: 1 });
    const running = worker.run({ handleSignals: false });
    const seen = { kind: 'jobs', queue: 'celery', waiting: 3, running: 1, later: 1 };
    await until(async () => {
      const [reading] = await meter.read(patience);
      return Object.entries(seen).every(([key, value]) => Object(reading)[key] === value);
    }, 'three to wait, one to run, one for later');
    finish();
    await until(async () => {
      const [reading] = await meter.read(patience);
      return reading?.kind === 'jobs' && reading.waiting + (reading.running ?? 1) === 0;
    }, 'all to be done');
    await worker.stop();
    await running;
    await app.close();
  });
});

test('a broker that cannot count is unknown, with its own words', async () => {
  const app = { depth: () => Promise.reject(new TypeError('The depth of a queue cannot be told')) };
  expect(await tasks({ app, queues: ['a', 'b'], now: () => 1 }).read(patience)).toEqual([
    { kind: 'unknown', at: 1, why: 'tasks a: The depth of a queue cannot be told' },
    { kind: 'unknown', at: 1, why: 'tasks b: The depth of a queue cannot be told' },
  ]);
});
