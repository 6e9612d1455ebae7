/** A failed task on its whole way: heard by a meter, listed, sent again over the API by a click or two, and done by a real worker. */
import { randomUUID } from 'node:crypto';
import { createApp } from '@headcount/tasks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis } from '../checks/fixtures.ts';
import { type Ground, type Inside, localKey, openGround, openInside } from '../checks/inside.ts';
import { freePort, until } from '../checks/servers.ts';
import type { SentAgain, Tasks } from './api-tasks.ts';

let ground: Ground;
let inside: Inside;

beforeAll(async () => {
  ground = await openGround('send-again-api');
  inside = openInside(ground);
  await inside.rounds.start();
});
afterEach(async () => {
  for (const { id, name } of await ground.store.apps.list()) {
    await ground.store.apps.remove(id);
    await inside.rounds.refresh(name);
  }
});
afterAll(async () => {
  await inside?.stop();
  await ground?.close();
});

interface Answer<T> {
  readonly status: number;
  readonly body: T & { readonly code?: string; readonly detail?: string };
  readonly headers: Headers;
}

async function call<T = unknown>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  const response = await inside.http.request(path, {
    method,
    headers: { authorization: `Bearer ${localKey}`, 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    body: (await response.json()) as Answer<T>['body'],
    headers: response.headers,
  };
}

async function addMusic(use: string, options: Record<string, unknown>): Promise<string> {
  expect(
    (await call('POST', '/api/apps', { name: 'music', fleet: { use: 'dry-run', options: {} } })).status,
  ).toBe(201);
  const manager = { processType: 'worker', minimum: 0, maximum: 3, meters: [{ use, options }] };
  const made = await call('POST', '/api/apps/music/managers', manager);
  expect([made.status, made.body.detail]).toEqual([201, undefined]);
  return (await ground.store.apps.get('music'))?.id ?? '';
}

const sendAgain = (id: string, headers?: Record<string, string>): Promise<Answer<SentAgain>> =>
  call('POST', `/api/apps/music/tasks/failures/${encodeURIComponent(id)}/send-again`, {}, headers);

const failure = (id: string) => ({
  at: Date.now(),
  task: 'a',
  queue: 'celery',
  id,
  worker: 'w',
  error: 'no',
});

describe.skipIf(!has('redisServer'))('on Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test('two clicks send it once, it is done, and the audit log says who sent what', async () => {
    const app = createApp({ broker: server.url, log: () => {} });
    let mended = false;
    const ran: number[] = [];
    const load = app.task('music.load', (_context, track: number) => {
      ran.push(track);
      if (!mended) throw new RangeError('no such track');
      return track;
    });
    const worker = app.worker({ events: true });
    const ended = worker.run();
    await addMusic('celery-redis', { url: server.url, events: true });
    // Only who is known to take from this queue alone is heard.
    await until(
      async () => {
        await inside.rounds.checkUp('music');
        return inside.rounds.manager('music', 'worker')?.memory.latest?.slots === 4;
      },
      'the worker',
      60_000,
    );
    const failures = async (): Promise<Tasks['failures']> => {
      await inside.rounds.checkUp('music');
      return (await call<Tasks>('GET', '/api/apps/music/tasks')).body.failures;
    };
    const [first, second] = [await load.delay(7), await load.delay(8)];
    await until(async () => (await failures()).length === 2, 'the failures', 60_000);
    mended = true;

    const clicks = await Promise.all([sendAgain(first.id), sendAgain(first.id)]);
    const [sent, refused] = clicks.toSorted((a, b) => a.status - b.status);
    expect(sent).toMatchObject({ status: 200, body: { task: 'music.load', queue: 'celery' } });
    expect(refused).toMatchObject({ status: 409, body: { code: 'TASK_SENT_BEFORE' } });
    expect(refused?.body.detail).toContain(`sent again before, as ${sent?.body.id}`);
    expect(await app.result(sent?.body.id ?? '').get()).toBe(7);

    const headers = { 'idempotency-key': randomUUID() };
    const once = await sendAgain(second.id, headers);
    const repeated = await sendAgain(second.id, headers);
    expect([once.status, repeated.status]).toEqual([200, 200]);
    expect(repeated.body).toEqual(once.body);
    expect(repeated.headers.get('idempotency-replayed')).toBe('true');
    expect(await app.result(once.body.id).get()).toBe(8);
    await worker.stop();
    await ended;
    await app.close();
    expect(ran.toSorted()).toEqual([7, 7, 8, 8]);

    const log = await call<{ entries: Record<string, unknown>[] }>('GET', '/api/audit');
    const sendings = log.body.entries.filter(({ action }) => String(action).endsWith('/send-again'));
    expect(sendings).toMatchObject([
      {
        subject: `/api/apps/music/tasks/failures/${second.id}/send-again`,
        said: 'Sent the failed task music.load of music again',
        after: once.body,
      },
      { subject: `/api/apps/music/tasks/failures/${first.id}/send-again`, after: sent?.body },
    ]);
  });

  test('what is not listed as a failure of this app is not sent, and what was kept nowhere neither', async () => {
    const id = await addMusic('celery-redis', { url: server.url });
    expect(await sendAgain(randomUUID())).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    await ground.store.tasks.record(id, { parts: [], failures: [failure('a task/of ours')] });
    const { status, body } = await sendAgain('a task/of ours');
    expect([status, body.code]).toEqual([409, 'TASK_NOT_SENT']);
    expect(body.detail).toContain('its arguments were kept nowhere');
    expect(body.detail).toContain('result_extended');
  });
});

test('a broker that does not answer is named, without its password', async () => {
  const port = await freePort();
  const id = await addMusic('celery-redis', { url: `redis://:very-secret@127.0.0.1:${port}/0` });
  await ground.store.tasks.record(id, { parts: [], failures: [failure('1')] });
  const { status, body } = await sendAgain('1');
  expect([status, body.code]).toEqual([503, 'BROKER_UNREACHABLE']);
  expect(body.detail).toContain(`Redis at 127.0.0.1:${port} refused the connection`);
  expect(body.detail).not.toContain('very-secret');
});

test.each([
  ['celery-rabbitmq', { url: 'amqp://guest:guest@127.0.0.1:1', events: true }],
  ['celery-redis', { url: 'redis://127.0.0.1:1/0', queue: 'another' }],
])('without a meter of its queue that can send it is refused: %s', async (use, options) => {
  const id = await addMusic(use, options);
  await ground.store.tasks.record(id, { parts: [], failures: [failure('1')] });
  const { status, body } = await sendAgain('1');
  expect([status, body.code]).toEqual([409, 'TASK_NOT_SENT']);
  expect(body.detail).toContain('no meter of the queue "celery" that is open here can send');
});
