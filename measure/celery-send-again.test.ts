/** Failed tasks sent again on a real Redis, of our worker and of Python's, and worked on by either: once, and as they were. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApp, type TasksApp, type Worker } from '@headcount/tasks';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { celeryIn, countCases, withCelery } from '../checks/celery.ts';
import { has, type RedisServer, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { freePort, until } from '../checks/servers.ts';
import { celeryRedis } from './celery-redis.ts';
import type { Meter } from './meter.ts';
import type { SentAgain } from './send-again.ts';

const limitMs = 180_000;

const probe = (url: string): string => `
import os
from celery import Celery
app = Celery('probe', broker='${url}/0', backend='${url}/1')
app.conf.update(result_extended=os.environ.get('EXTENDED') != 'no', broker_connection_retry_on_startup=True)

def note(self, args, kwargs):
    r = self.request
    told = [repr(args), repr(sorted(kwargs.items())), r.id, r.root_id, r.parent_id, r.retries]
    import json
    app.backend.client.rpush('ran', json.dumps(told))

@app.task(name='mixed', bind=True)
def mixed(self, *args, **kwargs):
    note(self, args, kwargs)

@app.task(name='moody', bind=True)
def moody(self, *args, **kwargs):
    note(self, args, kwargs)
    if not app.backend.client.exists('mended'):
        raise ValueError('not mended')
`;

describe.skipIf(!has('redisServer'))('a failed task sent again', { timeout: limitMs }, () => {
  const folder = temporaryFolder('send-again');
  let server: RedisServer;
  let redis: Redis;
  let results: Redis;
  let app: TasksApp;
  let ours: { worker: Worker; ended: Promise<void> } | undefined;
  const meters: Meter[] = [];
  const { python, startWorker, stopWorker } = celeryIn(folder.path);
  if (has('python')) countCases('send again', () => withCelery('Redis'));

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    results = new Redis(`${server.url}/1`);
    writeFileSync(join(folder.path, 'probe.py'), probe(server.url));
  });
  afterAll(async () => {
    redis.disconnect();
    results.disconnect();
    await server.stop();
    folder.remove();
  });
  beforeEach(async () => {
    await redis.flushall();
    app = createApp({ broker: `${server.url}/0`, results: `${server.url}/1`, log: () => {} });
  });
  afterEach(async () => {
    await stopOurs();
    await stopWorker();
    await app.close();
    for (const meter of meters.splice(0)) await meter.close?.();
  });

  const startOurs = (): void => {
    const worker = app.worker();
    ours = { worker, ended: worker.run() };
  };
  const stopOurs = async (): Promise<void> => {
    await ours?.worker.stop();
    await ours?.ended;
    ours = undefined;
  };
  const meterWith = (options: Record<string, string> = {}): Meter => {
    const defaults = celeryRedis.options.map(({ name, default: value }) => [name, value ?? '']);
    const given = { ...Object.fromEntries(defaults), url: server.url, ...options };
    const meter = celeryRedis.create(given, { appToken: 'token', processType: 'worker', now: Date.now });
    meters.push(meter);
    return meter;
  };
  const send = async (
    id: string,
    options: Record<string, string> = { resultsUrl: `${server.url}/1` },
    queues: readonly string[] = ['celery'],
  ): Promise<SentAgain> => {
    const answer = await meterWith(options).again?.send({ id, queues }, AbortSignal.timeout(60_000));
    if (!answer) throw new Error('this meter cannot send');
    return answer;
  };
  const sentId = async (id: string): Promise<string> => {
    const answer = await send(id);
    expect(answer).toEqual({
      kind: 'sent',
      id: expect.any(String),
      task: expect.any(String),
      queue: 'celery',
    });
    expect(answer.kind === 'sent' && answer.id).not.toBe(id);
    return answer.kind === 'sent' ? answer.id : '';
  };

  test('of our worker, by our worker: done once, and what changed its arguments does not count', async () => {
    let mended = false;
    const ran: unknown[] = [];
    const moody = app.task('moody', (context, list: number[]) => {
      ran.push([[...list], context.kwargs, context.id]);
      list.push(0);
      if (!mended) throw new RangeError('not mended');
      return list.length;
    });
    const first = await moody.applyAsync([[1, 2]], { kwargs: { deep: true } });
    startOurs();
    await expect(first.get()).rejects.toThrow('not mended');
    mended = true;
    const id = await sentId(first.id);
    expect(await app.result(id).get()).toBe(3);
    expect(ran).toEqual([
      [[1, 2], { deep: true }, first.id],
      [[1, 2], { deep: true }, id],
    ]);
    expect(await send(first.id)).toEqual({ kind: 'already', id });
    await stopOurs();
    expect(ran).toHaveLength(2);
    expect(await redis.exists('celery', 'unacked', 'headcount.failed', 'headcount.failed_times')).toBe(0);
  });

  test('many who send it at once send one', async () => {
    const fail = app.task('fail', () => {
      throw new RangeError('no');
    });
    const { id, get } = await fail.delay();
    startOurs();
    await expect(get()).rejects.toThrow('no');
    await stopOurs();
    const answers = await Promise.all(Array.from({ length: 12 }, () => send(id)));
    const sent = answers.filter(({ kind }) => kind === 'sent');
    expect(sent).toHaveLength(1);
    expect(new Set(answers.map((answer) => 'id' in answer && answer.id)).size).toBe(1);
    expect(await redis.llen('celery')).toBe(1);
  });

  test('keeps headers, priority and time limits, and neither due time nor expiry nor what was to follow', async () => {
    const fail = app.task('fail', () => {
      throw new RangeError('no');
    });
    const next = app.task('next', (_context, before: unknown) => before);
    const chained = await fail
      .s()
      .set({ priority: 6, countdown: 0, expires: 3_600, timeLimit: { hardSeconds: 60 } });
    const { id } = await chained.link(next.s()).delay();
    startOurs();
    await until(async () => (await redis.hexists('headcount.failed', id)) === 1, 'the failure');
    await until(async () => (await redis.exists('unacked')) === 0, 'its end');
    await stopOurs();
    const again = await sentId(id);
    const [text = ''] = await redis.lrange('celery\x06\x166', 0, -1);
    const { headers, properties, body } = JSON.parse(text);
    expect(Buffer.from(body, 'base64').toString()).toBe(
      '[[], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
    );
    const begun = { id: again, parent_id: id, root_id: id, eta: null, expires: null, retries: 0 };
    expect(headers).toMatchObject({ ...begun, task: 'fail', timelimit: [60, null] });
    expect(properties).toMatchObject({ priority: 6, correlation_id: again });
    expect(properties.expiration).toBeUndefined();
  });

  describe.skipIf(!has('python'))('beside Python', () => {
    const ran = async (): Promise<unknown[][]> =>
      (await results.lrange('ran', 0, -1)).map((text) => JSON.parse(text));
    const failed = async (id: string): Promise<void> =>
      until(
        async () => (await results.get(`celery-task-meta-${id}`))?.includes('"FAILURE"') === true,
        'the failure',
      );

    test('of Python, by Python: numbers stay what they were, and it is done once', async () => {
      const id = await python(
        `print(json.dumps(moody.delay(1.0, 2**70, None, '\\u00fc"[', a=[{}, -0.0]).id))`,
      );
      await startWorker();
      await failed(String(id));
      await results.set('mended', '1');
      const again = await sentId(String(id));
      await until(async () => (await ran()).length === 2, 'the second');
      const shown = [`(1.0, ${2n ** 70n}, None, 'ü"[')`, `[('a', [{}, -0.0])]`];
      expect(await ran()).toEqual([
        [...shown, id, id, null, 0],
        [...shown, again, id, id, 0],
      ]);
      expect(await app.result(again).get()).toBeNull();
      expect(await send(String(id))).toEqual({ kind: 'already', id: again });
      await stopWorker();
      expect(await ran()).toHaveLength(2);
    });

    test('of ours, by Python: it gets what Python had sent, to the letter', async () => {
      app.task('mixed', () => {
        throw new RangeError('not here');
      });
      const id = await python(`print(json.dumps(mixed.delay(1.0, 2**70, float('inf'), b=0.1).id))`);
      startOurs();
      await failed(String(id));
      await stopOurs();
      const again = await sentId(String(id));
      await startWorker();
      await until(async () => (await ran()).length === 1, 'the second');
      expect(await ran()).toEqual([[`(1.0, ${2n ** 70n}, inf)`, `[('b', 0.1)]`, again, id, id, 0]]);
    });

    test('of Python, by ours', async () => {
      const id = await python(`print(json.dumps(moody.delay([1, 'a'], deep=True).id))`);
      await startWorker();
      await failed(String(id));
      await stopWorker();
      app.task('moody', (context, list: unknown[]) => [list, context.kwargs]);
      const again = await sentId(String(id));
      startOurs();
      expect(await app.result(again).get()).toEqual([[1, 'a'], { deep: true }]);
    });

    test('without result_extended nobody has the arguments', async () => {
      process.env.EXTENDED = 'no';
      try {
        await startWorker();
      } finally {
        delete process.env.EXTENDED;
      }
      const id = await python(`print(json.dumps(moody.delay(1).id))`);
      await failed(String(id));
      expect(await send(String(id))).toMatchObject({
        kind: 'refused',
        why: 'its result has no arguments beside it',
        todo: expect.stringContaining('result_extended = True'),
      });
      expect(await redis.llen('celery')).toBe(0);
    });
  });

  describe('is refused', () => {
    const meta = (id: string, change: Record<string, unknown> = {}): Promise<unknown> => {
      const usual = { status: 'FAILURE', name: 'a', args: [1], kwargs: {}, queue: 'celery', task_id: id };
      return redis.set(`celery-task-meta-${id}`, JSON.stringify({ ...usual, ...change }));
    };
    const whyNot = async (id: string, queues?: readonly string[]): Promise<string> => {
      const answer = await send(id, {}, queues);
      return answer.kind === 'refused' ? answer.why : answer.kind;
    };

    test('where its arguments are not to be had in full', async () => {
      expect(await whyNot('gone')).toBe('its arguments were kept nowhere');
      await meta('shown', { args: '(1, 2)' });
      expect(await whyNot('shown')).toBe('its arguments are not there in full');
      await meta('large', { args: ['x'.repeat(1_000_001)] });
      expect(await whyNot('large')).toBe('what was kept of it is too large');
      await redis.hset(
        'headcount.failed',
        'packed',
        JSON.stringify({ queue: 'celery', message: '{"body":"gA=="}' }),
      );
      expect(await whyNot('packed')).toBe('its message is not plain JSON');
      expect(await redis.keys('*celery')).toEqual([]);
    });

    test('where it is done or under way by now', async () => {
      await meta('done', { status: 'SUCCESS' });
      expect(await whyNot('done')).toBe('its result says SUCCESS by now');
      await meta('again', { status: 'RETRY' });
      expect(await whyNot('again')).toBe('its result says RETRY by now');
    });

    test('where its queue is not sure; a single one that its worker takes from is', async () => {
      await meta('routed', { queue: 'media.video' });
      expect(await whyNot('routed', ['video', 'celery'])).toBe('nobody knows from which queue it came');
      expect(await send('routed', {}, ['video'])).toMatchObject({ kind: 'sent', queue: 'video' });
      await meta('known', { queue: 'celery' });
      expect(await send('known', {}, ['video', 'celery'])).toMatchObject({ kind: 'sent', queue: 'celery' });
    });

    test('where Redis does not answer, and it says so', async () => {
      await meta('down');
      const nobody = `redis://127.0.0.1:${await freePort()}`;
      await expect(send('down', { url: nobody })).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
      await expect(send('down', { resultsUrl: nobody })).rejects.toThrow(/refused the connection/);
      expect(await send('down', {})).toMatchObject({ kind: 'sent' });
    });

    test('where the list of the queue is none; then it is not counted as sent', async () => {
      await meta('odd', { queue: 'odd' });
      await redis.set('odd', 'a text');
      await expect(send('odd', {}, ['odd'])).rejects.toThrow(/something else under a key/);
      await redis.del('odd');
      expect(await send('odd', {}, ['odd'])).toMatchObject({ kind: 'sent' });
    });
  });

  test('behind a key prefix', async () => {
    const text = JSON.stringify({ status: 'FAILURE', name: 'a', args: [1], kwargs: {}, queue: 'celery' });
    for (const [id, key] of Object.entries({ one: 'my:', two: 'my:_', three: '' }))
      await redis.set(`${key}celery-task-meta-${id}`, text);
    for (const id of ['one', 'two', 'three'])
      expect(await send(id, { keyPrefix: 'my:' })).toMatchObject({ kind: 'sent' });
    expect(await redis.llen('my:celery')).toBe(3);
  });
});
