/**
 * A small stand-in for the controller, for developing and testing the dashboard: the same API over generated data in
 * memory, with switches that the real one cannot offer (answers that fail, a stream that breaks). It serves the built
 * page with the controller's content security policy. Run by hand: `npx tsx web/fixture.ts`.
 */
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { streamSSE } from 'hono/streaming';
import type {
  App,
  CheckupEvent,
  Decision,
  Hold,
  Manager,
  ManagerChange,
  Me,
  Problem,
} from '../server/api.ts';
import type { Channel, Issue, IssueEvent } from '../server/api-issues.ts';
import { crewRoutes } from './fixture-crew.ts';
import { adapters, demoApps, demoDecisions, manager as newManager } from './fixture-data.ts';
import { historyRoutes } from './fixture-history.ts';
import { demoChannels, demoIssues, newsRoutes } from './fixture-news.ts';
import { overviewRoutes } from './fixture-overview.ts';
import { setupRoutes } from './fixture-setup.ts';
import { taskRoutes } from './fixture-tasks.ts';
import { whatIfRoute } from './fixture-what-if.ts';

export interface FixtureState {
  me: Me;
  apps: App[];
  decisions: Decision[];
  issues: Issue[];
  channels: Channel[];
  /** Paths that fail: an answer of this status, `hang`, or a broken connection. */
  failing: Map<string, number | 'hang'>;
  /** False: the stream answers 502. */
  live: boolean;
  /** Every change that was asked for. */
  changes: { method: string; path: string; body: unknown }[];
}

export interface Fixture {
  readonly url: string;
  readonly state: FixtureState;
  /** Tells every open page of a checkup. */
  emit(event: CheckupEvent): void;
  /** Tells every open page of an issue. */
  emitIssue(event: IssueEvent): void;
  /** How many pages listen. */
  listeners(): number;
  /** Ends every stream, as a controller that stops does. */
  breakStreams(): void;
  close(): Promise<void>;
}

interface Stream {
  send(name: string, data: unknown): void;
  end(): void;
}

export async function startFixture(change: Partial<FixtureState> = {}, port = 0): Promise<Fixture> {
  const state: FixtureState = {
    me: { loggedIn: true, setUpNeeded: false, name: 'Rachel', email: 'rachel@example.com' },
    apps: demoApps(Date.now()),
    decisions: demoDecisions(Date.now()),
    issues: demoIssues(Date.now()),
    channels: demoChannels(Date.now()),
    failing: new Map(),
    live: true,
    changes: [],
    ...change,
  };
  const streams = new Set<Stream>();
  const http = new Hono();
  failures(http, state);
  people(http, state);
  appRoutes(http, state);
  managerRoutes(http, state);
  historyRoutes(http, state, finder(state));
  whatIfRoute(http);
  newsRoutes(http, state, problem);
  overviewRoutes(http, state);
  crewRoutes(http, state);
  liveRoute(http, state, streams);
  http.all('/api/*', () => problem(404, 'NOT_FOUND', 'There is no such call.'));
  http.get('*', compress(), (c) => page(c.req.path, c.req.header('accept-encoding')));
  const server = createAdaptorServer({ fetch: http.fetch });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    emit: (event) => {
      for (const stream of streams) stream.send('checkup', event);
    },
    emitIssue: (event) => {
      for (const stream of streams) stream.send('issue', event);
    },
    listeners: () => streams.size,
    breakStreams: () => {
      for (const stream of streams) stream.end();
      streams.clear();
    },
    close: () =>
      new Promise((resolve) => {
        for (const stream of streams) stream.end();
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}

function liveRoute(http: Hono, state: FixtureState, streams: Set<Stream>): void {
  http.get('/api/live', (c) => {
    if (!state.live) return c.text('bad gateway', 502);
    return streamSSE(c, async (stream) => {
      await new Promise<void>((end) => {
        const listener = {
          end,
          send: (event: string, data: unknown) => void stream.writeSSE({ event, data: JSON.stringify(data) }),
        };
        streams.add(listener);
        stream.onAbort(() => {
          streams.delete(listener);
          end();
        });
        void stream.write('retry: 200\n\n');
      });
    });
  });
}

function failures(http: Hono, state: FixtureState): void {
  http.use('/api/*', async (c, next) => {
    const how = state.failing.get(c.req.path);
    if (how === 'hang') await new Promise((resolve) => c.req.raw.signal.addEventListener('abort', resolve));
    if (how !== undefined)
      return problem(
        Number(how),
        'STORE_UNREACHABLE',
        'The store cannot be reached: it refused. Start it again.',
      );
    if (c.req.method !== 'GET')
      state.changes.push({
        method: c.req.method,
        path: c.req.path,
        body: await c.req.raw
          .clone()
          .json()
          .catch(() => undefined),
      });
    return await next();
  });
}

function people(http: Hono, state: FixtureState): void {
  http.get('/api/me', (c) => c.json(state.me));
  http.get('/api/adapters', (c) => c.json(adapters));
  http.get('/api/log-in', (c) => c.json({ resetByMail: false }));
  http.post('/api/setup', async (c) => {
    const { token, name, email } = await c.req.json();
    if (token !== 'good')
      return problem(
        403,
        'SETUP_LINK_INVALID',
        'This link was used, or is an old one. Restart the controller.',
      );
    state.me = { loggedIn: true, setUpNeeded: false, name, email };
    return c.json(state.me);
  });
  http.post('/api/auth/sign-in/email', async (c) => {
    const { email, password } = await c.req.json();
    if (password !== 'correct horse')
      return problem(401, 'LOGIN_FAILED', 'You are not logged in: invalid email or password.');
    state.me = { ...state.me, loggedIn: true, email };
    return c.json({ user: { email } });
  });
  http.post('/api/auth/sign-out', (c) => {
    state.me = { loggedIn: false, setUpNeeded: false };
    return c.json({ success: true });
  });
}

function appRoutes(http: Hono, state: FixtureState): void {
  const find = (name: string): App | undefined => state.apps.find((app) => app.name === name);
  http.get('/api/apps', (c) => c.json(state.apps));
  http.post('/api/apps', async (c) => {
    const { name, url, fleet = { use: 'dry-run', options: {} } } = await c.req.json();
    if (find(name))
      return problem(409, 'NAME_TAKEN', `There is an app "${name}" already. Choose another name.`);
    const app: App = {
      name,
      token: 'new-token-0123',
      fleet,
      createdAt: Date.now(),
      managers: [],
      ...(url ? { url } : {}),
    };
    state.apps.push(app);
    return c.json(app, 201);
  });
  http.get('/api/apps/:app', (c) => given(find(c.req.param('app'))));
  setupRoutes(http, find);
  taskRoutes(http);
  http.patch('/api/apps/:app', async (c) => {
    const app = find(c.req.param('app'));
    if (app) Object.assign(app, await c.req.json());
    return given(app);
  });
  http.delete('/api/apps/:app', (c) => {
    state.apps = state.apps.filter((app) => app.name !== c.req.param('app'));
    return c.body(null, 204);
  });
  http.post('/api/apps/:app/token', (c) => {
    const app = find(c.req.param('app'));
    if (app) app.token = `renewed-${Date.now()}`;
    return given(app);
  });
  http.post('/api/apps/:app/test', (c) => {
    const app = find(c.req.param('app'));
    const url = `${app?.url}/hirefire/${'•'.repeat(8)}/info`;
    const entries = [
      { name: 'worker', value: 12_430 },
      { name: 'mailer', value: null },
    ];
    const ok = app?.name !== 'royalties';
    return c.json(
      ok
        ? { ok, url, status: 200, milliseconds: 18.4, entries }
        : {
            ok,
            url,
            status: 404,
            milliseconds: 3,
            entries: [],
            problem: 'It answered 404: is the agent in the app, and the token set?',
          },
    );
  });
}

const path = '/api/apps/:app/managers/:type';

function finder(state: FixtureState): (app: string, type: string) => Manager | undefined {
  return (app, type) =>
    state.apps.find(({ name }) => name === app)?.managers.find(({ processType }) => processType === type);
}

function managerRoutes(http: Hono, state: FixtureState): void {
  const find = finder(state);
  http.post('/api/apps/:app/managers', async (c) => {
    const { processType, ...settings } = await c.req.json();
    const made = newManager(processType, settings);
    state.apps.find(({ name }) => name === c.req.param('app'))?.managers.push(made);
    return c.json(made, 201);
  });
  http.get(path, (c) => given(find(c.req.param('app'), c.req.param('type'))));
  http.patch(path, async (c) => {
    const found = find(c.req.param('app'), c.req.param('type'));
    const change: ManagerChange = await c.req.json();
    if (change.maximum === 9_999)
      return problem(
        422,
        'OPTION_INVALID',
        'The manager "worker" cannot be saved: nobody pays for that. Mend these and save again.',
      );
    if (found) Object.assign(found, change);
    return given(found);
  });
  http.delete(path, (c) => {
    const app = state.apps.find(({ name }) => name === c.req.param('app'));
    if (app) app.managers = app.managers.filter(({ processType }) => processType !== c.req.param('type'));
    return c.body(null, 204);
  });
  http.put(`${path}/hold`, async (c) => {
    const found = find(c.req.param('app'), c.req.param('type'));
    const asked: Hold = await c.req.json();
    if (found) found.hold = { ...asked, by: 'Rachel' };
    return given(found);
  });
  http.delete(`${path}/hold`, (c) => {
    const found = find(c.req.param('app'), c.req.param('type'));
    if (found) delete found.hold;
    return given(found);
  });
}

function given(found: object | undefined): Response {
  return found
    ? Response.json(found)
    : problem(404, 'NOT_FOUND', 'There is no such thing: it was removed. Look the name up.');
}

function problem(status: number, code: string, detail: string): Response {
  const body: Problem = { type: `urn:headcount:error:${code}`, title: code, status, code, detail };
  return Response.json(body, { status, headers: { 'content-type': 'application/problem+json' } });
}

/** Another build of the page can be looked at beside the one that is there. */
const built = process.env.HEADCOUNT_PAGE ?? fileURLToPath(new URL('dist', import.meta.url));
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** Packed as the controller does, to a browser that takes that. */
async function page(path: string, accepted = ''): Promise<Response> {
  const file = extname(path) ? path : '/index.html';
  const packed = accepted.includes('br')
    ? await readFile(join(built, `${file}.br`)).catch(() => undefined)
    : undefined;
  const body = packed ?? (await readFile(join(built, file)).catch(() => undefined));
  if (!body) return new Response('not found', { status: 404 });
  const policy =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'";
  return new Response(new Uint8Array(body), {
    headers: {
      'content-type': types[extname(file)] ?? 'text/plain',
      'content-security-policy': policy,
      ...(packed && { 'content-encoding': 'br' }),
    },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fixture = await startFixture({}, Number(process.env.PORT ?? 4_701));
  console.log(fixture.url);
}
