/** The round against a worker that misbehaves; real Celery workers are in celery-redis.test.ts. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis } from '../checks/fixtures.ts';
import { controlRound, type Worker } from './celery-control.ts';

const place = { inbox: 'an-inbox', keyPrefix: '', separator: '\x06\x16', database: 0 };
const replies = 'an-inbox.reply.celery.pidbox';
const signal = AbortSignal.timeout(600_000);

interface Request {
  readonly method: string;
  readonly arguments: object;
  readonly ticket: string;
}

describe.skipIf(!has('redisServer'))('a round', () => {
  let server: RedisServer;
  let redis: Redis;
  let worker: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    worker = new Redis(server.url);
    await worker.subscribe('/0.celery.pidbox');
  });
  afterAll(async () => {
    redis.disconnect();
    worker.disconnect();
    await server.stop();
  });

  /** One round in which the worker pushes what `answer` makes of each request. */
  const round = async (
    answer: (request: Request) => string[],
    timeoutMs = 300,
  ): Promise<{ workers: Worker[] | undefined; requests: Request[] }> => {
    const requests: Request[] = [];
    const listener = (_channel: string, text: string): void => {
      const request = JSON.parse(Buffer.from(JSON.parse(text).body, 'base64').toString()) as Request;
      requests.push(request);
      const texts = answer(request);
      if (texts.length > 0) void redis.lpush(replies, ...texts);
    };
    worker.on('message', listener);
    const asked = controlRound(place, timeoutMs, Date.now());
    const pipeline = redis.pipeline();
    asked.ask(pipeline);
    const heard = ((await pipeline.exec()) ?? []).map(([, reply]) => reply);
    const workers = await asked.gather(redis, heard, signal);
    worker.off('message', listener);
    return { workers, requests };
  };
  const reply = (ticket: string, value: unknown): string =>
    JSON.stringify({
      body: Buffer.from(JSON.stringify({ 'a@b': value })).toString('base64'),
      headers: { ticket },
    });
  const proper = (request: Request): string =>
    reply(request.ticket, request.method === 'stats' ? { pool: { 'max-concurrency': 2 } } : []);

  test('ends with the last answer, and asks for cut arguments', async () => {
    const { workers, requests } = await round((request) => [proper(request)], 60_000);
    expect(workers).toEqual([{ node: 'a@b', startedTotal: 0, queues: [], slots: 2, active: [] }]);
    expect(requests.map(({ method }) => method)).toEqual(['active', 'active_queues', 'stats']);
    expect(requests[0]?.arguments).toEqual({ safe: true });
    expect(await redis.keys('*')).toEqual([]);
  });

  test('does not take a late answer of an earlier round for one of its own', async () => {
    const stale = reply('an-old-ticket stats', { pool: { 'max-concurrency': 99 } });
    const { workers } = await round((request) => [stale, stale, proper(request)], 60_000);
    expect(workers).toEqual([{ node: 'a@b', startedTotal: 0, queues: [], slots: 2, active: [] }]);
  });

  test('is incomplete when an answer is missing', async () => {
    const { workers } = await round((request) => (request.method === 'stats' ? [] : [proper(request)]), 50);
    expect(workers).toBeUndefined();
    expect(await redis.keys('*')).toEqual([]);
  });

  test('gives up when the answers are too large, before its time', async () => {
    const huge = 'x'.repeat(17_000_000);
    const { workers } = await round((request) => (request.method === 'active' ? [huge] : []), 60_000);
    expect(workers).toBeUndefined();
  });
});
