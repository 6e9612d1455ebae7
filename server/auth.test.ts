/** The way in, on both databases: the set-up link, logging in and out, and who is kept out. */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase, has, temporaryFolder } from '../checks/fixtures.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import { type Auth, createAuth } from './auth.ts';
import { realClock } from './clock.ts';
import { createHttp } from './http.ts';
import { shippedKinds } from './kinds.ts';
import { createLive } from './live.ts';
import { createOutbox } from './outbox.ts';
import type { Routes } from './request.ts';
import { createRounds } from './rounds.ts';

const log = pino({ level: 'silent' });
const ann = { name: 'Ann', email: 'Ann@example.com', password: 'correct horse battery' };
const own = 'http://headcount.test';
let visitor = 0;

describe.each([
  { name: 'PGlite', open: embedded, skip: false },
  { name: 'PostgreSQL', open: postgres, skip: !has('postgresUrl') },
])('$name', ({ open, skip }) => {
  describe.skipIf(skip)('logging in', () => {
    let place: { store: OpenStore; remove(): Promise<void> };
    let auth: Auth;
    let http: Routes;
    let cookie = '';
    const live = createLive();

    beforeAll(async () => {
      place = await open();
      auth = await createAuth({ store: place.store, log, publicUrl: own });
      http = httpFor(place.store, auth);
    });
    afterAll(async () => {
      live.close();
      await place.remove();
    });

    function httpFor(store: OpenStore, withAuth: Auth): Routes {
      const around = {
        store,
        kinds: shippedKinds,
        clock: realClock,
        log,
        dataFolder: '',
        intervalMs: 3_600_000,
      };
      const rounds = createRounds(around, () => {});
      const ready = (): boolean => true;
      const post = async () => ({ status: 200, text: '' });
      const rest = {
        outbox: createOutbox({ clock: realClock, log, kinds: [], post }),
        kinds: shippedKinds,
        log,
        now: Date.now,
        key: 'k',
        publicUrl: own,
        webFolder: '',
        ready,
      };
      return createHttp({ store, rounds, auth: withAuth, live, ...rest });
    }

    /** Each visitor has an address of its own, as a proxy tells it, so that one's tries do not count for another. */
    async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
      const response = await http.request(`${own}${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          origin: own,
          'x-forwarded-for': `10.0.0.${++visitor % 250}`,
          ...headers,
        },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      return {
        status: response.status,
        body: text ? JSON.parse(text) : undefined,
        headers: response.headers,
      };
    }
    const get = (path: string, headers: Record<string, string> = {}) =>
      http.request(`${own}${path}`, { headers });
    const cookieOf = (headers: Headers): string =>
      headers
        .getSetCookie()
        .map((line) => line.split(';')[0])
        .join('; ');

    test('before anybody is there, /api/me says so and the API is closed', async () => {
      expect(await (await get('/api/me')).json()).toEqual({ loggedIn: false, setUpNeeded: true });
      for (const path of ['/api/apps', '/api/adapters', '/api/live', '/api/nowhere'])
        expect((await get(path)).status).toBe(401);
      expect((await post('/api/apps', { name: 'x' })).body).toMatchObject({ code: 'LOGIN_REQUIRED' });
      expect((await get('/api/apps', { authorization: 'Bearer wrong' })).status).toBe(401);
      expect((await get('/api/apps', { authorization: 'Bearer k' })).status).toBe(200);
      expect((await get('/api/openapi.json')).status).toBe(200);
      expect((await get('/healthz')).status).toBe(200);
    });

    test('the set-up link: a wrong one, an old one and a weak password are refused; two at once make one person', async () => {
      const old = await auth.newSetUpToken();
      const token = await auth.newSetUpToken();
      for (const wrong of ['guess', old])
        expect(await post('/api/setup', { ...ann, token: wrong })).toMatchObject({
          status: 403,
          body: { code: 'SETUP_LINK_INVALID' },
        });
      expect((await post('/api/setup', { ...ann, token, password: 'short' })).body).toMatchObject({
        code: 'BODY_INVALID',
      });
      const both = await Promise.all([
        post('/api/setup', { ...ann, token }),
        post('/api/setup', { ...ann, email: 'eve@example.com', token }),
      ]);
      expect(both.map(({ status }) => status).sort()).toEqual([200, 403]);
      expect((await post('/api/setup', { ...ann, token })).status).toBe(403);
      expect(await auth.newSetUpToken()).toBeUndefined();
      const winner = both.find(({ status }) => status === 200)!;
      expect(winner.body).toMatchObject({ loggedIn: true, setUpNeeded: false });
      cookie = cookieOf(winner.headers);
      Object.assign(ann, { email: winner.body.email });
      expect((await get('/api/apps', { cookie })).status).toBe(200);
    });

    test('the cookie cannot be read by scripts or sent by other sites', async () => {
      const { headers } = await post('/api/auth/sign-in/email', ann);
      const [line] = headers.getSetCookie();
      expect(line).toMatch(/HttpOnly/);
      expect(line).toMatch(/SameSite=Lax/);
      expect(line).not.toMatch(/Secure/);
    });

    test('over https the cookie is marked secure', async () => {
      const secure = await createAuth({ store: place.store, log, publicUrl: 'https://headcount.test' });
      const response = await secure.handle(
        new Request('https://headcount.test/api/auth/sign-in/email', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-headcount-peer': '10.9.9.9' },
          body: JSON.stringify(ann),
        }),
      );
      expect(response.headers.getSetCookie()[0]).toMatch(/^__Secure-.*; Secure/);
    });

    test('a wrong password, an unknown person and a sign-up are refused', async () => {
      expect(await post('/api/auth/sign-in/email', { ...ann, password: 'wrong' })).toMatchObject({
        status: 401,
        body: { code: 'LOGIN_FAILED' },
      });
      const unknown = await post('/api/auth/sign-in/email', { ...ann, email: 'who@example.com' });
      expect(unknown.body.detail).toContain('invalid email or password');
      const signUp = await post('/api/auth/sign-up/email', { ...ann, email: 'new@example.com' });
      expect(signUp.status).toBeGreaterThanOrEqual(400);
    });

    test('guessing is slowed down by address', async () => {
      const tries = [];
      for (let count = 0; count < 12; count++)
        tries.push(
          await post(
            '/api/auth/sign-in/email',
            { ...ann, password: 'guess' },
            { 'x-forwarded-for': '10.1.1.1' },
          ),
        );
      expect(tries.at(-1)).toMatchObject({ status: 429, body: { code: 'TOO_MANY_TRIES' } });
      expect((await post('/api/auth/sign-in/email', ann)).status).toBe(200);
    });

    test('a request from a foreign page is refused, with or without a session', async () => {
      const foreign = { cookie, origin: 'https://evil.example' };
      expect(await post('/api/apps', { name: 'x' }, foreign)).toMatchObject({
        status: 403,
        body: { code: 'ORIGIN_FOREIGN' },
      });
      expect((await post('/api/auth/sign-in/email', ann, { origin: 'null' })).status).toBe(403);
      expect((await post('/api/apps', { name: 'mine' }, { cookie })).status).toBe(201);
    });

    test('logging out ends the session', async () => {
      expect(await (await get('/api/me', { cookie })).json()).toMatchObject({ loggedIn: true, name: 'Ann' });
      expect((await post('/api/auth/sign-out', {}, { cookie })).status).toBe(200);
      expect((await get('/api/apps', { cookie })).status).toBe(401);
      expect(await (await get('/api/me', { cookie })).json()).toEqual({
        loggedIn: false,
        setUpNeeded: false,
      });
    });

    test('people and sessions outlive a restart', async () => {
      const { headers } = await post('/api/auth/sign-in/email', ann);
      const again = await createAuth({ store: place.store, log, publicUrl: own });
      expect(await again.who(new Headers({ cookie: cookieOf(headers) }))).toMatchObject({ name: 'Ann' });
    });
  });
});

async function embedded() {
  const folder = temporaryFolder('auth');
  const store = await openStore({ folder: folder.path });
  return { store, remove: () => store.close().then(folder.remove) };
}

async function postgres() {
  const database = await freshDatabase();
  const store = await openStore({ databaseUrl: database.url });
  return { store, remove: () => store.close().then(database.drop) };
}
