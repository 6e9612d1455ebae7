/** What a worker on Redis keeps of jobs that failed for good: bounded, as it came, and nothing where it is told so. */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { createApp, type TasksApp, type Worker } from '../index.ts';
import type { WorkerOptions } from '../worker.ts';

const weekSeconds = 7 * 86_400;

describe.skipIf(!has('redisServer'))('messages of jobs that failed for good', () => {
  let server: RedisServer;
  let redis: Redis;
  let app: TasksApp;
  let running: { worker: Worker; ended: Promise<void> } | undefined;
  const logged: string[] = [];
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await redis.flushall();
    logged.length = 0;
    app = createApp({ broker: server.url, log: (_level, text) => logged.push(text) });
  });
  afterEach(async () => {
    await running?.worker.stop();
    await running?.ended;
    running = undefined;
    await app.close();
  });
  const start = (options: WorkerOptions = {}): void => {
    const worker = app.worker(options);
    running = { worker, ended: worker.run() };
  };
  const kept = async (id: string): Promise<Record<string, unknown> | undefined> => {
    const text = await redis.hget('headcount.failed', id);
    return text === null ? undefined : (JSON.parse(text) as Record<string, unknown>);
  };

  test.each([true, false])('is the message as it came, with late ack %s', async (ackLate) => {
    const task = app.task(
      'spoil',
      (_context, list: number[]) => {
        list.push(7);
        throw new RangeError('no such track');
      },
      { ackLate },
    );
    const { id } = await task.delay([1]);
    const sent = await redis.lindex('celery', 0);
    start();
    await expect(app.result(id).get()).rejects.toThrow('no such track');
    await until(async () => (await kept(id)) !== undefined, 'the message');
    const entry = await kept(id);
    expect(entry).toEqual({ queue: 'celery', error: 'no such track', at: expect.any(Number), message: sent });
    expect(await redis.zrange('headcount.failed_times', '0', '-1')).toEqual([id]);
    for (const key of ['headcount.failed', 'headcount.failed_times']) {
      expect(await redis.ttl(key)).toBeGreaterThan(weekSeconds - 600);
      expect(await redis.ttl(key)).toBeLessThanOrEqual(weekSeconds);
    }
  });

  test('a retry is not the end, and what ended well is not kept', async () => {
    let attempts = 0;
    const task = app.task(
      'second',
      () => {
        if (++attempts === 1) throw new RangeError('not yet');
        return 'done';
      },
      { maxRetries: 1, retryBackoffSeconds: 0 },
    );
    start();
    expect(await (await task.delay()).get()).toBe('done');
    expect(await redis.exists('headcount.failed', 'headcount.failed_times')).toBe(0);
  });

  test('the newest of so many, none that is too large, and of the old ones none', async () => {
    await redis.zadd('headcount.failed_times', Date.now() - (weekSeconds + 60) * 1000, 'old');
    await redis.hset('headcount.failed', 'old', '{}');
    const task = app.task('fail', (_context, _text: string) => {
      throw new RangeError('no');
    });
    start({ keepFailed: 2, concurrency: 1 });
    const ids: string[] = [];
    for (const text of ['a', 'b', 'x'.repeat(70_000), 'c']) {
      const { id, get } = await task.delay(text);
      ids.push(id);
      await expect(get()).rejects.toThrow('no');
    }
    const [, second, , last] = ids;
    await until(async () => (await kept(last ?? '')) !== undefined, 'the last');
    expect((await redis.hkeys('headcount.failed')).sort()).toEqual([second, last].sort());
    expect(await redis.zrange('headcount.failed_times', '0', '-1')).toEqual([second, last]);
    expect(logged.filter((text) => text.includes('too large to be kept'))).toHaveLength(1);
  });

  test('none with keepFailed: 0', async () => {
    const task = app.task('fail', () => {
      throw new RangeError('no');
    });
    start({ keepFailed: 0 });
    await expect((await task.delay()).get()).rejects.toThrow('no');
    await running?.worker.stop();
    expect(await redis.exists('headcount.failed', 'headcount.failed_times')).toBe(0);
    expect(() => app.worker({ keepFailed: -1 })).toThrow('keepFailed');
  });
});
