/**
 * The meter against real Redis and real Celery workers in every state. The truth is counted on its own: the jobs sent are
 * known, each job marks its start with a file and ends when the test says so, and Redis is asked by hand for the rest.
 */
import { type AddressInfo, createServer } from 'node:net';
import { createApp } from '@headcount/tasks';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { type GatedScene, gatedCelery } from '../checks/gated-celery.ts';
import { freePort, until } from '../checks/servers.ts';
import type { JobsReading, Reading } from '../decide/words.ts';
import { limits } from './celery-broker.ts';
import { celeryRedis } from './celery-redis.ts';
import { meterContract, type Situation } from './contract.ts';

const patience = AbortSignal.timeout(600_000);
const defaults = Object.fromEntries(
  celeryRedis.options.map(({ name, default: value }) => [name, value ?? '']),
);

/** One look by a fresh meter. */
async function look(options: Record<string, string | number | boolean>): Promise<Reading | undefined> {
  const meter = celeryRedis.create(
    { ...defaults, ...options },
    { appToken: 'token', processType: 'worker', now: Date.now },
  );
  try {
    return (await meter.read(patience))[0];
  } finally {
    await meter.close?.();
  }
}

/** The numbers of a reading that must be there. */
async function jobs(options: Record<string, string | number | boolean>): Promise<Partial<JobsReading>> {
  const reading = await look(options);
  if (reading?.kind !== 'jobs') throw new Error(`no jobs: ${JSON.stringify(reading)}`);
  const { waiting, running, later, slots, estimated } = reading;
  return JSON.parse(JSON.stringify({ waiting, running, later, slots, estimated }));
}

/** As kombu writes it; `eta` and the times in seconds. */
function message(
  fields: { id?: string; eta?: string; publishedAt?: number; runAt?: string; size?: number } = {},
): object {
  const { id = 'an-id', eta = null, publishedAt, runAt, size = 0 } = fields;
  return {
    body: Buffer.from(`[[${'0,'.repeat(size)}0], {}, {}]`).toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers: { lang: 'py', task: 'a.task', id, eta, run_at: runAt, argsrepr: `"eta": "2999-01-01T00:00:00"` },
    properties: {
      correlation_id: id,
      delivery_info: { exchange: '', routing_key: 'celery' },
      body_encoding: 'base64',
      published_at: publishedAt,
    },
  };
}

const seconds = (ahead: number): number => Date.now() / 1_000 + ahead;
const iso = (ahead: number): string => new Date(Date.now() + ahead * 1_000).toISOString();

describe.skipIf(!has('redisServer'))('celery-redis on Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  const fresh = async (): Promise<void> => {
    await redis.flushall();
  };
  const push = async (key: string, ...messages: object[]): Promise<void> => {
    await redis.lpush(key, ...messages.map((one) => JSON.stringify(one)));
  };
  const hold = async (tag: string, held: object, exchange = '', routingKey = 'celery'): Promise<void> => {
    await redis.hset('unacked', tag, JSON.stringify([held, exchange, routingKey]));
  };
  const tcp = async (answer: string | undefined): Promise<Situation> => {
    const sockets = new Set<import('node:net').Socket>();
    const listener = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined).on('data', () => answer && socket.write(answer)));
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return {
      options: { url: `redis://127.0.0.1:${(listener.address() as AddressInfo).port}` },
      stop: () => {
        for (const socket of sockets) socket.destroy();
        listener.close();
      },
    };
  };

  describe('contract', () => {
    meterContract({ test, expect }, celeryRedis, {
      truth: async () => {
        await fresh();
        await push('celery', message(), message());
        await push('celery\x06\x169', message());
        await hold('a-tag', message({ eta: iso(3_600) }));
        const readings = [
          { kind: 'jobs', queue: 'celery', waiting: 3, later: 1, running: 0, slots: 0 } as const,
        ];
        return { options: { url: server.url }, readings };
      },
      down: async () => ({ options: { url: `redis://:a-secret@127.0.0.1:${await freePort()}` } }),
      wrongPassword: async () => {
        const locked = await startRedis({ args: ['--requirepass', 'the-password'] });
        return { options: { url: locked.url.replace('//', '//:not-it@') }, stop: locked.stop };
      },
      garbage: () => tcp('HTTP/1.1 400 Bad Request\r\n\r\n'),
      slow: () => tcp(undefined),
    });
  });

  test('an outage is unknown, and the next look after it counts again', async () => {
    const passing = await startRedis();
    const meter = celeryRedis.create(
      { ...defaults, url: passing.url },
      { appToken: 'token', processType: 'worker', now: Date.now },
    );
    expect(await meter.read(patience)).toMatchObject([{ kind: 'jobs', waiting: 0 }]);
    await passing.stop('SIGKILL');
    for (let look = 0; look < 3; look++)
      expect(await meter.read(patience)).toMatchObject([
        {
          kind: 'unknown',
          why: expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+ (refused|cut) the connection$/),
        },
      ]);
    const back = await startRedis({ port: passing.port });
    expect(await meter.read(patience)).toMatchObject([{ kind: 'jobs', waiting: 0 }]);
    await meter.close?.();
    await back.stop();
  });

  test('each refusal has its own sentence', async () => {
    const why = async (options: Record<string, string>): Promise<string> => {
      const reading = await look(options);
      return reading?.kind === 'unknown' ? reading.why : JSON.stringify(reading);
    };
    const locked = await startRedis({ args: ['--requirepass', 'the-password'] });
    expect(await why({ url: locked.url })).toMatch(/asks for a password, and the url has none$/);
    expect(await why({ url: locked.url.replace('//', '//:not-it@') })).toMatch(/refused the password$/);
    await locked.stop();
    await fresh();
    await redis.set('celery', 'a text');
    expect(await why({ url: server.url })).toContain('something else under a key of this queue');
    expect(await why({ url: 'amqp://guest@localhost' })).toContain('is no address of Redis');
    expect(await why({ url: server.url, prioritySteps: '0,three' })).toContain('"0,three"');
  });

  test('leaves nothing behind', async () => {
    await fresh();
    await look({ url: server.url });
    expect(await redis.keys('*')).toEqual([]);
    await until(
      async () => !String(await redis.client('LIST')).includes('cmd=del'),
      'the end of the connection',
    );
  });

  test('held messages are told apart by exchange and routing key', async () => {
    await fresh();
    await redis.sadd(
      '_kombu.binding.media',
      'media.low\x06\x16\x06\x16celery',
      'media.high\x06\x16\x06\x16high',
    );
    await redis.sadd('_kombu.binding.topics', 'video.*.done\x06\x16^video..*?[^.].done$\x06\x16celery');
    await hold('1', message({ id: '1' }), 'media', 'media.low');
    await hold('2', message({ id: '2' }), 'media', 'media.high');
    await hold('3', message({ id: '3' }), 'topics', 'video.7.done');
    await hold('4', message({ id: '4' }), 'topics', 'video.7.begun');
    await hold('5', message({ id: '5' }), 'evicted', 'celery');
    await hold('6', message({ id: '6' }), '', 'another');
    expect(await jobs({ url: server.url })).toMatchObject({ waiting: 3, later: 0 });
    expect(await jobs({ url: server.url, queue: 'high' })).toMatchObject({ waiting: 1, later: 0 });
    await redis.hset('unacked', '7', 'no JSON');
    expect(await jobs({ url: server.url })).toMatchObject({ waiting: 3, estimated: true });
  });

  test('messages of protocol 1, of another writer and broken ones are counted', async () => {
    await fresh();
    const body = Buffer.from(
      JSON.stringify({ task: 'a', id: '1', args: ['x'.repeat(limits.smallBytes)], eta: iso(600) }),
    ).toString('base64');
    await push('celery', { body, headers: {}, properties: { body_encoding: 'base64' } });
    const big = { ...message({ eta: iso(600) }), body: `"${'x'.repeat(limits.largeBytes)}` };
    await push('celery', big, { ...big, headers: { task: 'a', id: '3', eta: null } });
    await hold('big', big);
    await redis.lpush('celery', 'no JSON', '[]', 'null', '{"headers":7}');
    expect(await jobs({ url: server.url })).toEqual({ waiting: 5, later: 3, running: 0, slots: 0 });
  });

  test('a body of kilobytes, plain or base64, does not hide the headers', async () => {
    await fresh();
    const base64 = message({ runAt: iso(-25), size: limits.largeBytes });
    await push('celery', base64);
    expect(await look({ url: server.url })).toMatchObject({
      waiting: 1,
      oldestSeconds: expect.closeTo(25, 0),
    });
    const plain = JSON.stringify([['x'.repeat(limits.smallBytes)], { '"task"': '"eta"' }, {}]);
    await push('celery', { ...message({ eta: iso(600) }), body: plain });
    expect(await jobs({ url: server.url })).toMatchObject({ waiting: 1, later: 1 });
  });

  test('a body of megabytes is not sent', async () => {
    await fresh();
    for (let tag = 0; tag < 20; tag++) await hold(String(tag), message({ size: 500_000 }));
    const before = await bytesSent(redis);
    expect(await jobs({ url: server.url })).toMatchObject({ waiting: 20 });
    expect((await bytesSent(redis)) - before).toBeLessThan(100_000);
  });

  test('a long list is judged by its ends, and many held ones by a sample', async () => {
    await fresh();
    const many = Array.from({ length: 5_000 }, (_, index) => message({ id: String(index) }));
    await push('celery', ...many);
    expect(await jobs({ url: server.url })).toEqual({ waiting: 5_000, later: 0, running: 0, slots: 0 });
    const distant = message({ eta: iso(3_600) });
    await push('celery', ...Array(5_000).fill(distant));
    expect(await jobs({ url: server.url })).toMatchObject({ waiting: 5_000, later: 5_000, estimated: true });

    await fresh();
    const held = Array.from({ length: 10_000 }, (_, tag) => [
      `tag-${tag}`,
      JSON.stringify([tag % 4 === 0 ? distant : message(), '', tag % 2 === 0 ? 'celery' : 'another']),
    ]);
    await redis.hset('unacked', ...held.flat());
    const reading = await jobs({ url: server.url });
    expect(reading.estimated).toBe(true);
    expect(reading.waiting).toBeGreaterThan(1_700);
    expect(reading.waiting).toBeLessThan(3_300);
    expect(reading.later).toBeGreaterThan(1_700);
    expect(reading.later).toBeLessThan(3_300);
    expect((await jobs({ url: server.url, queue: 'another' })).later).toBe(0);
  });

  describe('the oldest wait', () => {
    const oldest = async (options: Record<string, boolean> = {}): Promise<number | undefined> => {
      const reading = await look({ url: server.url, ...options });
      return reading?.kind === 'jobs' ? reading.oldestSeconds : Number.NaN;
    };
    test('is the longest of all steps and held ones', async () => {
      await fresh();
      expect(await oldest()).toBe(0);
      await push('celery', message({ publishedAt: seconds(-20) }), message({ publishedAt: seconds(-10) }));
      expect(await oldest()).toBeCloseTo(20, 0);
      await push('celery\x06\x163', message({ runAt: iso(-30) }));
      expect(await oldest()).toBeCloseTo(30, 0);
      await hold('1', message({ publishedAt: seconds(-40) }));
      expect(await oldest()).toBeCloseTo(40, 0);
      expect(await oldest({ control: false })).toBeUndefined();
    });
    test('begins when a job is due, and one that is not due yet does not hide the others', async () => {
      await fresh();
      await push('celery', message({ publishedAt: seconds(-500), eta: iso(500) }));
      expect(await oldest()).toBe(0);
      await push('celery', message({ publishedAt: seconds(-90), eta: iso(-15) }));
      expect(await oldest()).toBeCloseTo(15, 0);
    });
    test('is absent where the next job does not say', async () => {
      await fresh();
      await push('celery', message(), message({ publishedAt: seconds(-10) }));
      expect(await oldest()).toBeUndefined();
    });
  });
});

describe.skipIf(!has('redisServer'))('celery-redis with workers of @headcount/tasks', () => {
  test('running is told by remote control', async () => {
    const server = await startRedis();
    const app = createApp({ broker: server.url, queue: 'tracks', ignoreResult: true });
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let began = 0;
    let finished = 0;
    const task = app.task('probe.block', async () => {
      began++;
      await gate;
      finished++;
    });
    await task.delayMany(Array.from({ length: 50 }, () => []));
    for (let job = 0; job < 3; job++) await task.applyAsync([], { countdown: 3_600 });
    const options = { url: server.url, queue: 'tracks' };
    expect(await jobs(options)).toEqual({ waiting: 50, later: 3, running: 0, slots: 0 });
    expect(await look(options)).toMatchObject({ oldestSeconds: expect.closeTo(0, -1) });

    const redis = new Redis(server.url);
    const worker = app.worker({ queues: ['tracks'], concurrency: 2 });
    const ended = worker.run({ handleSignals: false });
    await until(() => began === 2, 'the first jobs');
    await until(async () => (await jobs(options)).slots === 2, 'its answer');
    expect(await jobs(options)).toEqual({ waiting: 48, running: 2, later: 3, slots: 2 });
    expect(await jobs({ ...options, control: false })).toEqual({ waiting: 50, later: 3 });
    expect(await jobs({ ...options, queue: 'another' })).toMatchObject({ running: 0, slots: 0 });
    open();
    await until(() => finished === 50, 'the jobs');
    await until(async () => (await jobs(options)).waiting === 0, 'the last acknowledgement');
    expect(await jobs(options)).toMatchObject({ waiting: 0, running: 0, later: 3 });
    worker.stop();
    await ended;
    redis.disconnect();
    await app.close();
    await server.stop();
  });
});

async function bytesSent(redis: Redis): Promise<number> {
  return Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
}

describe.skipIf(!has('redisServer') || !has('python'))('celery-redis with real workers', () => {
  const folder = temporaryFolder('celery');
  let server: RedisServer;
  let redis: Redis;
  const celery = gatedCelery(folder.path);
  const { kill } = celery;
  const clients: Redis[] = [];
  let scene = 0;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    await celery.killAll();
    for (const client of [redis, ...clients]) client.disconnect();
    await server.stop();
    folder.remove();
  });

  /** A database of its own, with a gate that holds every job that starts. */
  const open = (settings: object = {}): GatedScene & { readonly url: string; readonly keys: Redis } => {
    const number = scene++;
    const url = `${server.url}/${number}`;
    const keys = new Redis(url);
    clients.push(keys);
    return { url, keys, ...celery.scene(`scene-${number}`, url, { bound: 'low', settings }) };
  };

  test('no worker: all priorities wait, a countdown is later, another queue is another', async () => {
    const { url, send } = open();
    for (const priority of [0, 2, 3, 8, 9]) await send(2, { priority });
    await send(3, { countdown: 3_600 });
    await send(4, { queue: 'another' });
    expect(await jobs({ url })).toEqual({ waiting: 10, later: 3, running: 0, slots: 0 });
    expect(await jobs({ url, queue: 'another' })).toEqual({ waiting: 4, later: 0, running: 0, slots: 0 });
  });

  for (const late of [false, true])
    test(`a worker that acknowledges ${late ? 'late' : 'early'}: running, reserved, due later; then it dies`, async () => {
      const { url, keys, send, worker, started, finished, openGate } = open({ task_acks_late: late });
      const running = worker('-c', '2', '-n', `late-${late}@here`);
      await send(5, { countdown: 3_600 });
      await send(20);
      // prefetch 2 x 4, one more for each of the 5 that are due later; early, the 2 running ones are no longer held
      const held = 13;
      await until(async () => started() === 2 && (await keys.hlen('unacked')) === held, 'the state');
      expect(await keys.llen('celery')).toBe(20 - 8 - (late ? 0 : 2));
      expect(await jobs({ url })).toEqual({ waiting: 18, running: 2, later: 5, slots: 2 });
      expect(await jobs({ url, control: false })).toEqual({ waiting: late ? 20 : 18, later: 5 });

      await kill(running);
      await until(async () => (await pidbox(keys, url)) === 0, 'the end of the worker');
      expect(await jobs({ url })).toEqual({ waiting: late ? 20 : 18, running: 0, later: 5, slots: 0 });

      openGate();
      const second = worker('-c', '4', '-n', 'second@here');
      await until(() => finished() === 20 - held + 5 - (late ? 0 : 2), 'the rest of the list');
      await until(async () => (await jobs({ url })).running === 0, 'the last acknowledgement');
      expect(await jobs({ url })).toEqual({ waiting: 8, running: 0, later: 5, slots: 4 });
      await kill(second);
    });

  test('two workers, one name; and a worker of another queue counts for that one', async () => {
    const { url, keys, send, worker, started } = open({ worker_prefetch_multiplier: 1 });
    const workers = [
      worker('-c', '2', '-n', 'same@here'),
      worker('-c', '3', '-n', 'same@here'),
      worker('-c', '1', '-n', 'other@here', '-Q', 'another'),
    ];
    await until(async () => (await pidbox(keys, url)) === 3, 'the workers');
    await send(30);
    await send(4, { queue: 'another' });
    await until(() => started() === 6, 'the jobs');
    expect(await jobs({ url })).toEqual({ waiting: 25, running: 5, later: 0, slots: 5 });
    expect(await jobs({ url, queue: 'another' })).toEqual({ waiting: 3, running: 1, later: 0, slots: 1 });
    await Promise.all(workers.map(kill));
  });

  test('a worker that is too busy to answer: nothing is said about running and slots', async () => {
    const { url, keys, send, worker, started, finished, openGate } = open();
    const solo = worker('-P', 'solo', '-n', 'solo@here');
    await send(6);
    await until(() => started() === 1, 'the job');
    const options = { url, controlTimeoutSeconds: 0.2 };
    // a solo worker gives its acknowledgement only after the job, so the running one is still held
    expect(await jobs(options)).toEqual({ waiting: 6, later: 0 });
    openGate();
    await until(() => finished() === 6, 'the jobs');
    await until(async () => (await jobs(options)).slots === 1, 'an answer');
    expect(await jobs(options)).toEqual({ waiting: 0, running: 0, later: 0, slots: 1 });
    expect(await keys.keys('*reply*')).toEqual([]);
    await kill(solo);
  });

  test('a key prefix and an exchange of its own', async () => {
    const { url, keys, send, worker, started } = open({
      broker_transport_options: { global_keyprefix: 'music:' },
      exchange: 'media',
      worker_prefetch_multiplier: 1,
    });
    const one = worker('-c', '1', '-n', 'prefixed@here', '-Q', 'low');
    await until(async () => (await keys.exists('music:_kombu.binding.media')) === 1, 'the binding');
    await send(5, { exchange: 'media', routing_key: 'media.low', priority: 6 });
    await until(async () => started() === 1 && (await keys.hlen('music:unacked')) === 1, 'the state');
    const [held] = await keys.hvals('music:unacked');
    expect(JSON.parse(held ?? '[]').slice(1)).toEqual(['media', 'media.low']);
    expect(await jobs({ url, queue: 'low', keyPrefix: 'music:' })).toEqual({
      waiting: 4,
      running: 1,
      later: 0,
      slots: 1,
    });
    await kill(one);
  });
});

/** How many workers listen to remote control, by the connections that Redis has. */
async function pidbox(keys: Redis, url: string): Promise<number> {
  const database = new URL(url).pathname.slice(1);
  const clients = String(await keys.client('LIST', 'TYPE', 'PUBSUB')).split('\n');
  return clients.filter((client) => client.includes(` db=${database} `)).length;
}
