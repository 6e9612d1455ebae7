/** The API by Request and Response, on the real embedded store, with a staged fleet and meter. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Ground, type Inside, localKey, openGround, openInside } from '../checks/inside.ts';
import { createStage, jobs, type Stage } from '../checks/stage.ts';
import { realClock } from './clock.ts';
import { shippedKinds } from './kinds.ts';

/** The first checkup of an app comes at once, and not some time within the first second. */
const clock = { ...realClock, random: () => 0 };
let ground: Ground;
let inside: Inside;
let stage: Stage;

beforeAll(async () => {
  ground = await openGround('http');
});
afterAll(() => ground?.close());
beforeEach(async () => {
  stage = createStage(clock, { worker: 1 });
  const kinds = {
    ...shippedKinds,
    meters: [stage.meter, ...shippedKinds.meters],
    fleets: [stage.fleet, ...shippedKinds.fleets],
  };
  inside = openInside(ground, { kinds, clock });
  await inside.rounds.start();
});
afterEach(async () => {
  await inside.stop();
  for (const { id } of await ground.store.apps.list()) await ground.store.apps.remove(id);
});

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await inside.http.request(path, {
    method,
    headers: {
      authorization: `Bearer ${localKey}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, body: type.includes('json') ? JSON.parse(text) : text, response };
}

const staged = { use: 'staged', options: {} };
const music = { name: 'music', url: 'http://127.0.0.1:1/', fleet: staged };
const worker = {
  processType: 'worker',
  minimum: 0,
  maximum: 8,
  meters: [{ use: 'staged', options: { queue: 'tracks', password: 'very secret' } }],
  rules: [{ use: 'queue-size', options: { ratio: 10 } }],
};

/** Its first checkup is over before there is a manager: from then on there are those that a test asks for. */
async function addMusic(): Promise<void> {
  expect((await call('POST', '/api/apps', music)).status).toBe(201);
  await new Promise((resolve) => setTimeout(resolve, 0));
  await inside.rounds.idle();
  expect((await call('POST', '/api/apps/music/managers', worker)).status).toBe(201);
}

describe('apps', () => {
  test('are added with a token, listed, changed and removed', async () => {
    const created = await call('POST', '/api/apps', music);
    expect(created).toMatchObject({
      status: 201,
      body: { name: 'music', url: 'http://127.0.0.1:1', managers: [] },
    });
    expect(created.body.token).toMatch(/^[\w-]{32}$/);
    expect((await call('GET', '/api/apps')).body).toEqual([created.body]);
    expect((await call('PATCH', '/api/apps/music', { url: 'https://music.example.com' })).body.url).toBe(
      'https://music.example.com',
    );
    expect((await call('PATCH', '/api/apps/music', { url: null })).body.url).toBeUndefined();
    const renewed = await call('POST', '/api/apps/music/token');
    expect(renewed.body.token).not.toBe(created.body.token);
    expect((await call('DELETE', '/api/apps/music')).status).toBe(204);
    expect((await call('GET', '/api/apps/music')).status).toBe(404);
  });

  test('a name that is taken', async () => {
    await call('POST', '/api/apps', music);
    expect(await call('POST', '/api/apps', music)).toMatchObject({
      status: 409,
      body: { code: 'NAME_TAKEN' },
    });
  });

  test('a fleet that cannot be opened leaves no app behind, and a change to it leaves the old one', async () => {
    stage.openError = Object.assign(new Error('no'), {});
    expect((await call('POST', '/api/apps', music)).status).toBe(500);
    expect((await call('GET', '/api/apps')).body).toEqual([]);
    delete stage.openError;
    await call('POST', '/api/apps', music);
    const wrong = { fleet: { use: 'local', options: { procfile: '/nowhere/Procfile' } } };
    expect(await call('PATCH', '/api/apps/music', wrong)).toMatchObject({
      status: 422,
      body: { code: 'PROCFILE_UNREADABLE' },
    });
    expect((await call('GET', '/api/apps/music')).body.fleet).toEqual(staged);
  });

  test('an unknown fleet, with the nearest name', async () => {
    const answer = await call('POST', '/api/apps', { ...music, fleet: { use: 'locl', options: {} } });
    expect(answer).toMatchObject({ status: 422, body: { code: 'OPTION_INVALID' } });
    expect(answer.body.detail).toContain('did you mean "local"?');
  });
});

describe('the test of an info endpoint', () => {
  let app: Server;
  let answer: { status: number; body: string };
  beforeEach(async () => {
    app = createServer((request, response) => {
      const known = request.url?.startsWith('/hirefire/');
      response.writeHead(known ? answer.status : 404).end(known ? answer.body : '');
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    const { port } = app.address() as AddressInfo;
    await call('POST', '/api/apps', { name: 'music', url: `http://127.0.0.1:${port}` });
  });
  afterEach(() => new Promise((resolve) => app.close(resolve)));

  test('says what it answers', async () => {
    answer = { status: 200, body: '[{"name":"worker","value":5},{"name":"mailer","value":null}]' };
    expect((await call('POST', '/api/apps/music/test')).body).toMatchObject({
      ok: true,
      status: 200,
      entries: [
        { name: 'worker', value: 5 },
        { name: 'mailer', value: null },
      ],
    });
  });

  test('says what is wrong with it, without showing the token', async () => {
    answer = { status: 500, body: 'oops' };
    const { body } = await call('POST', '/api/apps/music/test');
    const { token } = (await call('GET', '/api/apps/music')).body;
    expect(body).toMatchObject({ ok: false, status: 500, entries: [] });
    expect(body.problem).toContain('500');
    expect(JSON.stringify(body)).not.toContain(token);
  });

  test('an app without an address has nothing to ask', async () => {
    await call('PATCH', '/api/apps/music', { url: null });
    expect((await call('POST', '/api/apps/music/test')).body).toMatchObject({ ok: false, entries: [] });
  });
});

describe('managers', () => {
  test('are added, shown, changed, held and removed', async () => {
    await addMusic();
    const path = '/api/apps/music/managers/worker';
    expect((await call('GET', path)).body).toMatchObject({
      processType: 'worker',
      minimum: 0,
      maximum: 8,
      limits: [],
    });
    expect((await call('PATCH', path, { maximum: 5, paused: true })).body).toMatchObject({
      maximum: 5,
      paused: true,
    });
    expect((await call('PATCH', path, { combine: 'queue-size * 2' })).body.combine).toBe('queue-size * 2');
    expect((await call('PATCH', path, { maximum: 6 })).body.combine).toBe('queue-size * 2');
    expect(await call('PATCH', path, { combine: 'queue-siez' })).toMatchObject({ status: 422 });
    // Without the rule that it names the formula means nothing.
    expect(await call('PATCH', path, { rules: [] })).toMatchObject({ status: 422 });
    expect((await call('PATCH', path, { combine: null })).body).not.toHaveProperty('combine');
    const until = Date.now() + 60_000;
    expect((await call('PUT', `${path}/hold`, { count: 3, until })).body.hold).toEqual({
      count: 3,
      until,
      by: 'local',
    });
    expect((await call('PUT', `${path}/hold`, { count: 3, until: 1 })).status).toBe(422);
    expect((await call('DELETE', `${path}/hold`)).body.hold).toBeUndefined();
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
  });

  test('without rules but with meters gets the goal of a wait', async () => {
    await call('POST', '/api/apps', music);
    const { rules: _, ...bare } = worker;
    expect((await call('POST', '/api/apps/music/managers', bare)).body.rules).toEqual([
      { use: 'wait-goal', options: {} },
    ]);
  });

  test('all that is wrong with one is said at once', async () => {
    await call('POST', '/api/apps', music);
    const answer = await call('POST', '/api/apps/music/managers', {
      ...worker,
      minimum: 9,
      rules: [{ use: 'queue-size', options: { raito: 10 } }],
      meters: [{ use: 'stagd', options: {} }],
    });
    expect(answer).toMatchObject({
      status: 422,
      type: 'application/problem+json',
      body: { code: 'OPTION_INVALID' },
    });
    expect(answer.body.detail).toContain('did you mean "ratio"?');
    expect(answer.body.detail).toContain('did you mean "staged"?');
    expect(answer.body.detail).toContain('the minimum (9) is above the maximum (8)');
  });

  test('a secret option never leaves, and stays when its dots come back', async () => {
    await addMusic();
    const path = '/api/apps/music/managers/worker';
    const shown = (await call('GET', path)).body.meters;
    expect(shown).toEqual([{ use: 'staged', options: { queue: 'tracks', password: '••••••' } }]);
    const stored = async () => {
      const app = await ground.store.apps.get('music');
      return (await ground.store.managers.get(app!.id, 'worker'))!.meters[0]!.options;
    };
    shown[0].options.queue = 'albums';
    await call('PATCH', path, { meters: shown });
    expect(await stored()).toEqual({ queue: 'albums', password: 'very secret' });
    await call('PATCH', path, { meters: [{ use: 'staged', options: { password: 'another' } }] });
    expect(await stored()).toEqual({ password: 'another' });
    expect((await call('GET', '/api/apps')).response.status).toBe(200);
    expect(JSON.stringify((await call('GET', '/api/apps')).body)).not.toContain('another');
  });

  test('an evaluation measures and decides, and changes nothing', async () => {
    await addMusic();
    stage.read = async () => [jobs(Date.now(), 35)];
    const { body } = await call('POST', '/api/apps/music/managers/worker/evaluate');
    expect(body).toMatchObject({
      app: 'music',
      processType: 'worker',
      current: 1,
      desired: 4,
      unknown: false,
    });
    expect(body.readings).toMatchObject([{ kind: 'jobs', waiting: 35 }]);
    expect(body.sentence).toMatch(/^worker: 4 instead of 1 because /);
    expect(stage.scaled).toEqual([]);
  });
});

describe('history', () => {
  test('tasks by name: totals, a series and the last failures', async () => {
    await addMusic();
    const { id } = (await ground.store.apps.get('music')) ?? { id: '' };
    const minute = Math.floor(Date.now() / 60_000) * 60_000 - 60_000;
    const load = {
      task: 'music.load',
      queue: 'tracks',
      at: minute,
      received: 5,
      succeeded: 3,
      failed: 1,
      retried: 1,
      revoked: 0,
      runMs: [[100, 3] as const, [4_000, 1] as const],
      runMsSum: 4_250,
      waitMs: [[20, 4] as const],
    };
    const quick = {
      ...load,
      task: 'music.ping',
      runMs: [],
      runMsSum: 0,
      waitMs: [],
      failed: 0,
      succeeded: 0,
    };
    const failure = {
      at: minute,
      task: 'music.load',
      queue: 'tracks',
      id: 'x',
      worker: 'w@h',
      error: 'No()',
    };
    await ground.store.tasks.record(id, {
      parts: [quick, load, { ...load, at: minute - 60_000 }],
      failures: [failure],
    });
    const { body } = await call('GET', '/api/apps/music/tasks');
    const { runMs: _, runMsSum: __, waitMs: ___, at: ____, ...doubled } = load;
    for (const name of ['received', 'succeeded', 'failed', 'retried'] as const) doubled[name] *= 2;
    expect(body).toEqual({
      grain: 'minute',
      from: expect.any(Number),
      to: expect.any(Number),
      satisfiedMs: 1_000,
      tasks: [
        {
          ...doubled,
          perSecond: 8 / 3_600,
          // Six of eight are quick and two tolerated; then two of the eight failed.
          apdex: (7 / 8) * (6 / 8),
          runMs: { count: 8, p50: 100, p95: 4_000, p99: 4_000, mean: 8_500 / 8 },
          waitMs: { count: 8, p50: 20, p95: 20, p99: 20 },
        },
        expect.objectContaining({ task: 'music.ping', perSecond: 0, received: 5 }),
      ],
      failures: [failure],
    });
    expect(body.tasks[1]).not.toHaveProperty('runMs');
    expect(body.tasks[1]).not.toHaveProperty('apdex');
    const patient = await call('GET', '/api/apps/music/tasks?satisfiedMs=4000');
    expect(patient.body.tasks[0]).toMatchObject({ apdex: 6 / 8 });
    const series = await call('GET', '/api/apps/music/tasks/series?task=music.load&queue=tracks');
    expect(series.body.points.map(({ at, failed }: { at: number; failed: number }) => [at, failed])).toEqual([
      [minute - 60_000, 1],
      [minute, 1],
    ]);
    const all = await call('GET', `/api/apps/music/tasks/series?from=${minute}`);
    expect(all.body.points).toMatchObject([{ at: minute, received: 10 }]);
    expect((await call('GET', '/api/apps/none/tasks')).status).toBe(404);
  });

  test('series and decisions of what checkups recorded, in pages', async () => {
    await addMusic();
    for (const count of [35, 55, 75]) {
      stage.read = async () => [jobs(Date.now(), count)];
      await inside.rounds.checkUp('music');
    }
    const path = '/api/apps/music/managers/worker';
    const { body: series } = await call('GET', `${path}/series`);
    expect(series.grain).toBe('raw');
    expect(series.points.map((point: { waiting: number }) => point.waiting)).toEqual([35, 55, 75]);
    expect((await call('GET', `${path}/series?from=0&to=1`)).body.points).toEqual([]);
    const { body: first } = await call('GET', `${path}/decisions?limit=2`);
    expect(first.decisions.map((decision: { desired: number }) => decision.desired)).toEqual([8, 6]);
    const { body: rest } = await call('GET', `${path}/decisions?limit=2&before=${first.next}`);
    expect(rest).toMatchObject({ decisions: [{ desired: 4, outcome: 'scaled' }] });
    expect(rest.next).toBeUndefined();
    expect((await call('GET', '/api/apps/music')).body.managers[0].latest).toMatchObject({
      waiting: 75,
      desired: 8,
    });
  });

  test('for whom a smaller number waits is told with the manager and to who listens, and what the fleet says with the app', async () => {
    let inHand = 2;
    let quiet = false;
    stage.workers = {
      queue: 'celery',
      ask: async () => ({
        nodes: [{ node: 'worker.1@host', queues: quiet ? [] : ['celery'], quiet, jobs: inHand }],
        silentCount: 0,
      }),
      quiet: async () => {
        quiet = true;
      },
      resume: async () => {},
    };
    stage.warnings = ['somebody set worker to 1'];
    await addMusic();
    const response = await inside.http.request('/api/live', {
      headers: { authorization: `Bearer ${localKey}` },
    });
    await inside.rounds.checkUp('music');
    const waits = expect.stringMatching(/^waiting for worker\.1: 2 running, [\d.]+ m?s$/);
    expect((await call('GET', '/api/apps/music/managers/worker')).body.draining).toEqual(waits);
    const { body: app } = await call('GET', '/api/apps/music');
    expect(app).toMatchObject({ warnings: stage.warnings, managers: [{ draining: waits }] });
    inHand = 0;
    stage.warnings = [];
    await inside.rounds.checkUp('music');
    expect(stage.formation).toEqual({ worker: 0 });
    const { body: after } = await call('GET', '/api/apps/music');
    expect(after).not.toHaveProperty('warnings');
    expect(after.managers[0]).not.toHaveProperty('draining');
    inside.live.close();
    const events = [...(await response.text()).matchAll(/event: checkup\ndata: (.*)/g)].map(
      ([, data]) => JSON.parse(data ?? '').draining,
    );
    expect(events).toEqual([waits, undefined]);
  });

  test.each(['series?from=yesterday', 'decisions?limit=0', 'decisions?limit=many', "decisions?before=';--"])(
    '%s is refused',
    async (query) => {
      await addMusic();
      expect(await call('GET', `/api/apps/music/managers/worker/${query}`)).toMatchObject({
        status: 422,
        body: { code: 'BODY_INVALID' },
      });
    },
  );

  test('live: a checkup reaches whoever listens', async () => {
    await addMusic();
    const response = await inside.http.request('/api/live', {
      headers: { authorization: `Bearer ${localKey}` },
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    await inside.rounds.checkUp('music');
    inside.live.close();
    const text = await response.text();
    const [, event, data] = text.split('\n\n').flatMap((message) => message.split('\n'));
    expect(event).toBe('event: checkup');
    expect(JSON.parse(data!.replace('data: ', ''))).toMatchObject({ app: 'music', processType: 'worker' });
  });
});

describe('what every request meets', () => {
  test('adapters with their options', async () => {
    const { body } = await call('GET', '/api/adapters');
    const uses = (side: { use: string }[]) => side.map(({ use }) => use);
    expect(uses(body.meters)).toEqual(expect.arrayContaining(['http-info', 'celery-redis', 'tasks-sqlite']));
    expect(uses(body.fleets)).toEqual(expect.arrayContaining(['local', 'dry-run']));
    expect(uses(body.rules)).toContain('wait-goal');
    expect(uses(body.limits)).not.toContain('bounds');
  });

  test('the API document is OpenAPI 3.1 and names every path', async () => {
    const { body } = await call('GET', '/api/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/api/apps',
        '/api/apps/{app}',
        '/api/apps/{app}/token',
        '/api/apps/{app}/test',
        '/api/apps/{app}/managers',
        '/api/apps/{app}/managers/{processType}',
        '/api/apps/{app}/managers/{processType}/hold',
        '/api/apps/{app}/managers/{processType}/series',
        '/api/apps/{app}/managers/{processType}/decisions',
        '/api/apps/{app}/managers/{processType}/evaluate',
        '/api/adapters',
        '/api/me',
        '/api/live',
        '/api/setup',
      ]),
    );
    expect(Object.keys(body.components.schemas)).toEqual(
      expect.arrayContaining(['App', 'Manager', 'CheckupEvent']),
    );
  });

  test.each([
    ['not JSON', '{"name":', 422, 'BODY_INVALID'],
    ['a wrong name', { ...music, name: 'No Good' }, 422, 'BODY_INVALID'],
    ['too much', { ...music, url: 'x'.repeat(1_100_000) }, 413, 'BODY_TOO_LARGE'],
  ])('a body that is %s', async (_, body, status, code) => {
    expect(await call('POST', '/api/apps', body)).toMatchObject({
      status,
      type: 'application/problem+json',
      body: { status, code },
    });
  });

  test('a body of another type', async () => {
    const answer = await call('POST', '/api/apps', 'name=music', { 'content-type': 'text/plain' });
    expect(answer.body).toMatchObject({ code: 'BODY_INVALID' });
  });

  test('an unknown address below /api is a problem; others are the page', async () => {
    expect(await call('GET', '/api/nowhere')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect((await call('GET', '/apps/music')).body).toContain('The dashboard is not built');
    expect((await call('GET', '/favicon.ico')).status).toBe(404);
    expect((await call('GET', '/..%2f..%2fetc/passwd')).body).not.toContain('root:');
  });

  test('health, readiness, and headers that protect the page', async () => {
    expect(await call('GET', '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
    const { status, response } = await call('GET', '/readyz');
    expect(status).toBe(200);
    const policy = response.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy.match(/script-src[^;]*unsafe-inline|default-src[^;]*unsafe-inline/)).toBeNull();
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('an error inside says nothing of the inside', async () => {
    stage.openError = new Error('password=hunter2');
    const { status, body } = await call('POST', '/api/apps', music);
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });
});
