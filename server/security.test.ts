/**
 * Nobody gets in who does not belong, in process, without sockets: every route of the API document without a login, with a role
 * that is too low, with a foreign organisation's names, from a foreign page, with bodies that are too large or no JSON.
 */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ground, type Inside, localKey, openGround, openInside } from '../checks/inside.ts';
import type { Role } from '../store/store.ts';
import { failuresMaximum } from './access/doors.ts';
import { atLeast, leastFor, leastRoles } from './access/table.ts';
import { createGuard } from './guard.ts';
import { createOutreach } from './reach.ts';

const own = 'http://headcount.test';
const secrets = ['very-secret-password', 'smtp-secret'];
const password = 'correct horse battery';
const logged: string[] = [];
const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });

let ground: Ground;
let inside: Inside;
/** Sessions of people of the first organisation by role, and of the owner of another one. */
const cookies: Record<string, string> = {};
const people: Record<string, string> = {};
let foreignId = '';
let routes: Route[] = [];

interface Route {
  readonly method: string;
  readonly path: string;
  /** As the table names it. */
  readonly name: string;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly body: Record<string, unknown> & { code?: string };
  readonly headers: Headers;
}

let visitor = 0;

async function ask(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: unknown,
): Promise<Answer> {
  visitor += 1;
  const response = await inside.http.request(`${own}${path}`, {
    method,
    headers: {
      'x-forwarded-for': `10.2.${Math.floor(visitor / 250)}.${visitor % 250}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const type = response.headers.get('content-type') ?? '';
  if (type.includes('event-stream')) {
    await response.body?.cancel();
    return { status: response.status, type, text: '', body: {}, headers: response.headers };
  }
  const text = await response.text();
  const body_ = type.includes('json') && text ? JSON.parse(text) : {};
  return { status: response.status, type, text, body: body_, headers: response.headers };
}

const local = { authorization: `Bearer ${localKey}` };
const as = (who: string): Record<string, string> => ({ cookie: cookies[who] ?? '', origin: own });
const cookieOf = (headers: Headers): string =>
  headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');

/** A path with names that exist, of the first organisation or the foreign one. */
function filled(path: string, side: 'own' | 'foreign'): string {
  const names: Record<string, string> =
    side === 'own'
      ? { app: 'music', processType: 'worker', organisation: '1', id: '1', person: people.member ?? '' }
      : {
          app: 'video',
          processType: 'worker',
          organisation: foreignId,
          id: '2',
          person: people.foreign ?? '',
        };
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? '1');
}

beforeAll(async () => {
  ground = await openGround('security', { log, publicUrl: own });
  inside = openInside(ground, { log, publicUrl: own, outreach: createOutreach(createGuard([])) });
  for (const who of ['owner', 'admin', 'member', 'read-only', 'foreign', 'nobody']) await addPerson(who);
  foreignId = (await ground.store.organisations.create('Zebra Ltd', people.foreign ?? '', 1)).id;
  await ground.store.organisations.rename('1', 'First');
  const meters = [
    { use: 'celery-redis', options: { url: `redis://:${secrets[0]}@127.0.0.1:1/0`, queue: 'q' } },
  ];
  const smtp = {
    use: 'email',
    options: { server: `smtp://u:${secrets[1]}@127.0.0.1:1`, from: 'a@b.c', to: 'a@b.c' },
  };
  for (const [who, name] of [
    ['owner', 'music'],
    ['foreign', 'video'],
  ] as const) {
    expect((await ask('POST', '/api/apps', as(who), { name })).status).toBe(201);
    const manager = { processType: 'worker', minimum: 0, maximum: 3, meters };
    const made = await ask('POST', `/api/apps/${name}/managers`, as(who), manager);
    expect(made.status, made.text).toBe(201);
    const channel = await ask('POST', '/api/channels', as(who), { name: 'ops', notifier: smtp, tells: {} });
    expect(channel.status, channel.text).toBe(201);
  }
  const { body } = await ask('GET', '/api/openapi.json');
  routes = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path,
      name: `${method.toUpperCase()} ${path}`,
    })),
  );
}, 300_000);

afterAll(async () => {
  await inside?.stop();
  await ground?.close();
}, 60_000);

async function addPerson(who: string): Promise<void> {
  const email = `${who}@example.com`;
  const id = await ground.auth.people.create({ name: who, email, password });
  people[who] = id;
  if (who !== 'foreign' && who !== 'nobody') await ground.store.organisations.join('1', id, who as Role, 1);
  const answer = await ask('POST', '/api/auth/sign-in/email', { origin: own }, { email, password });
  expect(answer.status).toBe(200);
  cookies[who] = cookieOf(answer.headers);
}

/** Of routes that a person calls about things of an organisation. */
const ruled = (): (Route & { least: Role })[] =>
  routes.flatMap((route) => {
    const least = leastFor(route.name);
    return least === 'anyone' || least === 'person' || least === 'controller' ? [] : [{ ...route, least }];
  });

describe('every route of the API document', () => {
  test('stands in the table of roles, and the table names no other', () => {
    const names = routes.map(({ name }) => name);
    expect(names.filter((name) => !(name in leastRoles))).toEqual([]);
    const served = inside.http.routes.map(
      ({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`,
    );
    const known = [...names, ...served];
    expect(Object.keys(leastRoles).filter((name) => !known.includes(name))).toEqual([]);
    expect(names.length).toBeGreaterThan(40);
  });

  test('is closed without a login, and with keys that are none', async () => {
    for (const { method, path, name } of routes.filter((route) => route.path.startsWith('/api/'))) {
      if (leastFor(name) === 'anyone') continue;
      for (const headers of [
        {},
        { authorization: 'Bearer wrong' },
        { authorization: 'Bearer hc_wrong' },
        { authorization: 'Basic eDp5' },
        { cookie: 'headcount.session_token=guess.guess' },
      ]) {
        const answer = await ask(method, filled(path, 'own'), { origin: own, ...headers });
        expect([name, answer.status, answer.body.code]).toEqual([name, 401, 'LOGIN_REQUIRED']);
      }
    }
  });

  test('refuses each role that is below the one it needs', async () => {
    for (const { method, path, name, least } of ruled())
      for (const role of ['read-only', 'member', 'admin'] as const) {
        if (atLeast(role, least)) continue;
        const answer = await ask(method, filled(path, 'own'), as(role), method === 'GET' ? undefined : {});
        expect([name, role, answer.status, answer.body.code]).toEqual([name, role, 403, 'ROLE_TOO_LOW']);
      }
    for (const { method, path, name } of routes.filter((route) => leastFor(route.name) === 'controller'))
      for (const who of ['read-only', 'admin', 'foreign', 'nobody']) {
        const answer = await ask(method, filled(path, 'own'), as(who), method === 'GET' ? undefined : {});
        expect([name, who, answer.status]).toEqual([name, who, 403]);
      }
    expect((await ground.store.apps.list()).map(({ name }) => name)).toEqual(['music', 'video']);
  });

  test('changes nothing for who may only read', async () => {
    const writing = routes.filter(({ method, name }) => method !== 'GET' && leastFor(name) !== 'anyone');
    for (const { method, path, name } of writing.filter((route) => route.path.startsWith('/api/'))) {
      // To leave is one's own business, and a what-if only asks.
      if (leastFor(name) === 'person' || /\/(members\/me|what-if)$/.test(name)) continue;
      const answer = await ask(method, filled(path, 'own'), as('read-only'), {});
      expect([name, answer.status]).toEqual([name, 403]);
    }
  });

  test('answers 404 to names of a foreign organisation, as to names that nobody has, and tells nothing', async () => {
    for (const { method, path, name } of ruled().filter((route) => route.path.includes('{'))) {
      const body = method === 'GET' ? undefined : {};
      const answer = await ask(method, filled(path, 'foreign'), as('owner'), body);
      expect([name, answer.status, answer.body.code]).toEqual([name, 404, 'NOT_FOUND']);
      const missing = filled(path, 'foreign')
        .replace('/video', '/nothing')
        .replace(/organisations\/\d+/, 'organisations/999')
        .replace(/channels\/\d+/, 'channels/999');
      const nowhere = await ask(method, missing, as('owner'), body);
      expect([name, nowhere.status]).toEqual([name, 404]);
      const same = (text: string) => text.replaceAll(/video|nothing|\b(999|2)\b/g, '');
      expect(same(answer.text)).toBe(same(nowhere.text));
    }
    expect((await ground.store.apps.list()).map(({ name }) => name)).toEqual(['music', 'video']);
  });

  test('shows in lists only what is of organisations in which one has a role', async () => {
    for (const { path, name } of routes.filter(
      (route) => route.method === 'GET' && !route.path.includes('{'),
    )) {
      if (!path.startsWith('/api/')) continue;
      const text = (await ask('GET', path, as('owner'))).text;
      expect([name, /video|Zebra/.test(text)]).toEqual([name, false]);
      if (['anyone', 'person'].includes(leastFor(name))) continue;
      const nobody = await ask('GET', path, as('nobody'));
      expect([name, /music|First/.test(nobody.text)]).toEqual([name, false]);
    }
    for (const path of ['/api/issues?app=video', '/api/decisions?app=video'])
      expect((await ask('GET', path, as('owner'))).status).toBe(404);
    expect((await ask('GET', '/api/apps', as('foreign'))).text).toContain('video');
  });

  test('is closed to pages of other sites, also with a session', async () => {
    for (const { method, path, name } of routes.filter((route) => route.path.startsWith('/api/'))) {
      if (method === 'GET') continue;
      for (const origin of ['https://evil.example', 'null', 'http://headcount.test.evil.example']) {
        const answer = await ask(method, filled(path, 'own'), { ...as('owner'), origin }, {});
        expect([name, answer.status, answer.body.code]).toEqual([name, 403, 'ORIGIN_FOREIGN']);
      }
    }
  });

  test('answers bodies that are too large or malformed with a problem, never with 500', async () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    for (const { method, path, name } of routes.filter((route) => route.path.startsWith('/api/'))) {
      if (method === 'GET' || method === 'DELETE') continue;
      const at = filled(path, 'own');
      const large = await ask(method, at, local, `{"name":"${'x'.repeat(1_100_000)}"}`);
      expect([name, large.status, large.type]).toEqual([name, 413, 'application/problem+json']);
      for (const body of ['{"name":', 'null', '[]', '"text"', deep, '{"__proto__":{"a":1}}', '\u0000']) {
        const answer = await ask(method, at, local, body);
        expect([name, body.slice(0, 20), answer.status !== 500]).toEqual([name, body.slice(0, 20), true]);
        if (answer.status >= 400) expect(answer.type).toBe('application/problem+json');
      }
    }
  });
});

describe('roles', () => {
  test('a member pauses and holds, and changes nothing else of a manager', async () => {
    const path = '/api/apps/music/managers/worker';
    expect((await ask('PATCH', path, as('member'), { paused: true })).status).toBe(200);
    expect((await ask('PUT', `${path}/hold`, as('member'), { count: 2 })).status).toBe(200);
    expect((await ask('DELETE', `${path}/hold`, as('member'))).status).toBe(200);
    for (const body of [{ maximum: 9 }, { paused: false, maximum: 9 }])
      expect((await ask('PATCH', path, as('member'), body)).body.code).toBe('ROLE_TOO_LOW');
    expect((await ask('PATCH', path, as('admin'), { maximum: 4, paused: false })).status).toBe(200);
  });

  test("an app's token is seen by admins only", async () => {
    const token = (await ground.store.apps.get('music'))?.token ?? 'none';
    for (const who of ['read-only', 'member']) {
      for (const path of ['/api/apps', '/api/apps/music']) {
        const { text, status } = await ask('GET', path, as(who));
        expect([status, text.includes(token)]).toEqual([200, false]);
      }
      expect((await ask('GET', '/api/apps/music/setup-guide', as(who))).status).toBe(403);
    }
    expect((await ask('GET', '/api/apps', as('admin'))).text).toContain(token);
  });

  test('an admin neither makes nor unmakes owners', async () => {
    const path = '/api/organisations/1';
    for (const [method, at, body] of [
      ['PATCH', `/members/${people.owner}`, { role: 'read-only' }],
      ['PATCH', `/members/${people.member}`, { role: 'owner' }],
      ['DELETE', `/members/${people.owner}`, undefined],
      ['POST', '/invitations', { email: 'x@example.com', role: 'owner' }],
      ['POST', '/keys', { name: 'k', role: 'owner' }],
    ] as const)
      expect((await ask(method, path + at, as('admin'), body)).body.code).toBe('ROLE_TOO_LOW');
    expect((await ask('DELETE', `${path}/members/me`, as('owner'))).body.code).toBe('LAST_OWNER');
  });
});

describe('addresses that lead into the machine or its private network', () => {
  const inside = [
    'http://127.0.0.1',
    'http://localhost',
    'http://LOCALHOST',
    'http://2130706433',
    'http://0x7f000001',
    'http://0177.0.0.1',
    'http://127.1',
    'http://0.0.0.0',
    'http://0',
    'http://[::1]',
    'http://[::]',
    'http://[::ffff:127.0.0.1]',
    'http://[::ffff:7f00:1]',
    'http://[64:ff9b::a9fe:a9fe]',
    'http://[fe80::1]',
    'http://[fd00:ec2::254]',
    'http://10.0.0.1',
    'http://172.16.0.1',
    'http://192.168.1.1',
    'http://100.64.0.1',
    'http://169.254.169.254/latest/meta-data',
    'http://2852039166',
    'http://me:pass@127.0.0.1:6379',
    'https://127.0.0.1#https://example.com',
  ];

  test.each(inside)('%s is refused where it is saved', async (url) => {
    const refused = [422, 'ADDRESS_REFUSED'];
    const said = ({ status, body }: Answer) => [status, body.code];
    expect(said(await ask('POST', '/api/apps', as('owner'), { name: 'inside', url }))).toEqual(refused);
    expect(await ground.store.apps.get('inside')).toBeUndefined();
    expect(said(await ask('PATCH', '/api/apps/music', as('owner'), { url }))).toEqual(refused);
    expect((await ground.store.apps.get('music'))?.url).toBeUndefined();
    const options = { apiKey: 'NRAK-1', accountId: 1, app: 'shop', address: url };
    const meters = [{ use: 'new-relic', options }];
    const settings = { processType: 'inside', minimum: 0, maximum: 1, meters };
    expect(said(await ask('POST', '/api/apps/music/managers', as('owner'), settings))).toEqual(refused);
    const path = '/api/apps/music/managers/worker';
    expect(said(await ask('PATCH', path, as('owner'), { meters }))).toEqual(refused);
  });

  test('one that was saved before is not called by the test of an app', async () => {
    const app = await ground.store.apps.get('music');
    await ground.store.apps.update(app?.id ?? '', { url: 'http://localhost:1' });
    const { body, status } = await ask('POST', '/api/apps/music/test', as('owner'));
    await ground.store.apps.update(app?.id ?? '', { url: null });
    expect([status, body.ok]).toEqual([200, false]);
    expect(body.problem).toContain('allowPrivateAddresses');
  });
});

describe('secrets', () => {
  test('are in no answer and in no line of the log', async () => {
    const owned = routes.filter(({ method, path }) => method === 'GET' && path.startsWith('/api/'));
    for (const { path, name } of owned) {
      const { text } = await ask('GET', filled(path, 'own'), as('owner'));
      for (const secret of [...secrets, password, localKey])
        expect([name, text.includes(secret)]).toEqual([name, false]);
    }
    const lines = logged.join('');
    for (const secret of [...secrets, password, localKey, ...Object.values(cookies)])
      expect(lines.includes(secret)).toBe(false);
  });

  test('the token of a session is in its cookie only', async () => {
    const body = { email: 'owner@example.com', password };
    const answer = await ask('POST', '/api/auth/sign-in/email', { origin: own }, body);
    const token = decodeURIComponent(cookieOf(answer.headers).split('=')[1] ?? '').split('.')[0] ?? '?';
    expect(answer.text).not.toContain(token);
    expect((await ask('GET', '/api/me/sessions', { cookie: cookieOf(answer.headers) })).text).not.toContain(
      token,
    );
  });
});

describe('logging in', () => {
  test('calls of the login library that nobody needs are not there', async () => {
    for (const path of [
      'get-session',
      'list-sessions',
      'api-key/list',
      'list-accounts',
      'passkey/list-user-passkeys',
    ])
      expect((await ask('GET', `/api/auth/${path}`, as('owner'))).status).toBe(404);
    for (const path of [
      'sign-up/email',
      'api-key/create',
      'api-key/verify',
      'update-user',
      'delete-user',
      'link-social',
    ])
      expect((await ask('POST', `/api/auth/${path}`, as('owner'), {})).status).toBe(404);
  });

  test('an unknown account, a wrong password and one without a role are told apart by nothing', async () => {
    const known = { email: 'admin@example.com', password: 'wrong wrong wrong' };
    const wrong = await ask('POST', '/api/auth/sign-in/email', { origin: own }, known);
    const unknown = await ask(
      'POST',
      '/api/auth/sign-in/email',
      { origin: own },
      { ...known, email: 'who@example.com' },
    );
    expect([unknown.status, unknown.text]).toEqual([wrong.status, wrong.text]);
    const reset = (email: string) =>
      ask('POST', '/api/auth/request-password-reset', { origin: own }, { email });
    const [a, b] = [await reset(known.email), await reset('who@example.com')];
    expect([a.status, a.text]).toEqual([b.status, b.text]);
  });

  test('guessing one account from many addresses ends, and others still get in', async () => {
    const guess = { email: 'nobody@example.com', password: 'guess guess guess' };
    const tries = [];
    for (let count = 0; count <= failuresMaximum; count++)
      tries.push((await ask('POST', '/api/auth/sign-in/email', { origin: own }, guess)).status);
    expect(tries.slice(0, -1).every((status) => status === 401)).toBe(true);
    expect(tries.at(-1)).toBe(429);
    const right = { email: 'NOBODY@example.com', password };
    expect((await ask('POST', '/api/auth/sign-in/email', { origin: own }, right)).body.code).toBe(
      'TOO_MANY_TRIES',
    );
    const other = { email: 'member@example.com', password };
    expect((await ask('POST', '/api/auth/sign-in/email', { origin: own }, other)).status).toBe(200);
  }, 120_000);
});

describe('the audit log', () => {
  test('has every change with who, before and after, and no secret', async () => {
    await ask('PATCH', '/api/apps/music/managers/worker', as('admin'), { maximum: 7 });
    await ask('POST', '/api/apps/music/token', as('owner'));
    const { body, text } = await ask('GET', '/api/audit?limit=500', as('admin'));
    const entries = body.entries as Record<string, unknown>[];
    expect(entries[0]).toMatchObject({
      who: 'owner <owner@example.com>',
      action: 'POST /api/apps/{app}/token',
    });
    expect(entries[1]).toMatchObject({
      who: 'admin <admin@example.com>',
      by: 'session',
      action: 'PATCH /api/apps/{app}/managers/{processType}',
      subject: '/api/apps/music/managers/worker',
      before: { maximum: 4 },
      after: { maximum: 7 },
    });
    expect(entries[1]?.address).toMatch(/^10\.2\./);
    expect([entries[0]?.said, entries[1]?.said]).toEqual([
      'Renewed the token of the app music',
      'Changed the manager worker of music',
    ]);
    expect(entries.filter(({ said }) => /\/api\/|[{}]|undefined/.test(String(said)))).toEqual([]);
    const actions = entries.map(({ action }) => action);
    for (const action of ['POST /api/apps', 'POST /api/channels', 'POST /api/apps/{app}/managers'])
      expect(actions).toContain(action);
    for (const secret of [...secrets, password, (await ground.store.apps.get('music'))?.token ?? '?'])
      expect(text.includes(secret)).toBe(false);
    expect(text).not.toContain('video');
    expect((await ask('GET', '/api/audit', as('member'))).status).toBe(403);
  });
});
