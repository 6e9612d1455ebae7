/**
 * The pushing side against a real controller on a socket: the real ingest routes, inbox, lease and meters, with one virtual clock for both.
 * Requests are real ones to a server of node:http in this process.
 */
import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { getRequestListener } from '@hono/node-server';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { createStage, type VirtualClock, virtualClock } from '../../checks/stage.ts';
import { createAuth } from '../../server/auth.ts';
import { createHttp } from '../../server/http.ts';
import { shippedKinds } from '../../server/kinds.ts';
import { createLive } from '../../server/live.ts';
import { createOutbox } from '../../server/outbox.ts';
import { createRounds, type Rounds } from '../../server/rounds.ts';
import { type OpenStore, openStore } from '../../store/open.ts';
import { type Agent, type AgentOptions, createAgent } from '../index.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

const epoch = 1_767_225_600;
const folder = temporaryFolder('agent-push');
const log = pino({ level: 'silent' });
let store: OpenStore;
let clock: VirtualClock;
let rounds: Rounds;
let controller: Listening;
const opened: { stop(): unknown }[] = [];

interface Listening {
  readonly url: string;
  readonly server: Server;
  stop(): Promise<void>;
}

async function listen(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  const listening = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, stop };
  opened.push(listening);
  return listening;
}

beforeAll(async () => {
  store = await openStore({ folder: join(folder.path, 'store') });
});
afterAll(async () => {
  await store.close();
  folder.remove();
});
beforeEach(async () => {
  clock = virtualClock(epoch * 1_000);
  const stage = createStage(clock, { web: 1, worker: 1 });
  const kinds = { ...shippedKinds, fleets: [stage.fleet, ...shippedKinds.fleets] };
  const fleet = { use: 'staged', options: {} };
  const app = await store.apps.create({ name: 'music', token: 'golden-token', fleet, createdAt: 1 });
  const manager = { rules: [], limits: [], minimum: 0, maximum: 5, paused: false };
  const meters = {
    web: [
      { use: 'request-queue-time', options: {} },
      { use: 'response-time', options: {} },
      { use: 'process-load', options: { measure: 'event-loop' } },
      { use: 'process-load', options: { measure: 'in-flight' } },
      { use: 'process-load', options: { measure: 'cpu' } },
    ],
    worker: [{ use: 'pushed-jobs', options: {} }],
  };
  for (const [processType, list] of Object.entries(meters))
    await store.managers.create(app.id, { ...manager, processType, meters: list }, 1);
  const around = { store, kinds, clock, log, dataFolder: folder.path, intervalMs: 3_600_000 };
  rounds = createRounds(around, () => undefined);
  await rounds.start();
  const auth = await createAuth({ store, log });
  const outbox = createOutbox({ clock, log, kinds: [], post: async () => ({ status: 200, text: '' }) });
  const deps = { outbox, store, rounds, auth, live: createLive(), kinds, log, now: clock.now, key: 'key' };
  const http = createHttp({ ...deps, webFolder: folder.path, ready: () => true });
  controller = await listen(getRequestListener(http.fetch));
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
  await rounds.stop();
  for (const { id } of await store.apps.list()) await store.apps.remove(id);
});

const problems: string[] = [];

function agentOf(options: AgentOptions = {}, env: Record<string, string> = {}): Agent {
  problems.splice(0);
  const agent = createAgent({
    env: { HEADCOUNT_TOKEN: 'golden-token', HEADCOUNT_URL: controller.url, ...env },
    onProblem: (what, problem) => void problems.push(`${what}: ${problem}`),
    ...options,
    push: options.push === false ? false : { clock, root: folder.path, ...options.push },
  });
  opened.push({ stop: () => agent.close() });
  return agent;
}

/** An app with requests that say since when they wait. */
async function visit(url: string, waitedMs: number | undefined, path = '/'): Promise<void> {
  const headers = waitedMs === undefined ? {} : { 'X-Request-Start': String(clock.now() - waitedMs) };
  await (await fetch(url + path, { headers })).text();
}

const heardCount = (): number => rounds.inbox.app(appId()).heard()[0]?.count ?? 0;
const appId = (): string => rounds.byToken('golden-token')?.app.id ?? 'none';
const readings = async (type: string) => (await rounds.evaluate('music', type)).sample.readings;

/** Lets so many seconds pass; after each, what was sent then has been answered. */
async function pass(seconds: number, arrived: () => number = heardCount): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    const before = arrived();
    clock.advance(1_000);
    await until(async () => arrived() > before, 'a push');
    // the answer has to come back before the next push is thought of
    await until(async () => clock.waitingCount() >= waitingWhenIdle, 'the next push to be planned');
  }
}
let waitingWhenIdle = 0;
const idle = (): void => {
  waitingWhenIdle = clock.waitingCount();
};

describe('web', () => {
  test('waits, times, load: all that the controller reads of a web process', async () => {
    const app = await listen((_request, response) => void response.end('app'));
    agentOf();
    idle();
    for (let second = 0; second < 12; second++) {
      for (const waited of [5, 10, 300]) await visit(app.url, waited);
      if (second === 0) await visit(app.url, undefined, '/hirefire/x/info');
      await pass(1);
    }
    const [requests, times, loop, inFlight] = await readings('web');
    if (requests?.kind !== 'requests' || times?.kind !== 'requests') throw new Error('no requests');
    expect(requests.perSecond).toBeCloseTo(3, 0);
    const waits = new Map(requests.queueTimeMs?.map(([ms, count]) => [ms, count]));
    // Single values, not one mean of 105: buckets of a few percent keep them apart.
    expect([...waits.keys()].filter((ms) => ms > 20 && ms < 250)).toEqual([]);
    expect([...waits.values()].reduce((sum, count) => sum + count, 0)).toBe(36);
    expect(times.perSecond).toBeGreaterThan(2);
    expect(loop).toMatchObject({ kind: 'value', name: 'event-loop', unit: '%' });
    expect(inFlight).toMatchObject({ kind: 'value', name: 'in-flight', value: 0, unit: 'requests' });
    expect(problems).toEqual([]);
  });

  test('no traffic is told as no traffic; a platform without a router says nothing about waits', async () => {
    const app = await listen((_request, response) => void response.end('app'));
    agentOf({}, { DYNO: 'web.3' });
    idle();
    const passUntil = async (kind: string): Promise<void> =>
      await until(async () => {
        await pass(1);
        return (await readings('web'))[0]?.kind === kind;
      }, kind);
    await passUntil('requests');
    expect((await readings('web'))[0]).toMatchObject({ kind: 'requests', perSecond: 0 });
    await visit(app.url, undefined);
    await passUntil('unknown');
    expect((await readings('web'))[1]).toMatchObject({ kind: 'requests' });
  });

  test('a second agent of the process does not tell of the same requests', async () => {
    const app = await listen((_request, response) => void response.end('app'));
    agentOf();
    agentOf();
    await visit(app.url, 5);
    await until(async () => {
      const before = heardCount();
      clock.advance(1_000);
      await until(async () => heardCount() > before, 'a push');
      return (await readings('web'))[0]?.kind === 'requests';
    }, 'the requests');
    const [requests] = await readings('web');
    expect(requests).toMatchObject({ kind: 'requests' });
    expect(requests?.kind === 'requests' && requests.queueTimeMs?.map(([, count]) => count)).toEqual([1]);
  });

  test.each([
    ['run.1234', 'a one-off process'],
    ['release.1', 'a release'],
  ])('%s pushes nothing of the web: it is %s', async (dyno) => {
    const app = await listen((_request, response) => void response.end('app'));
    agentOf({}, { DYNO: dyno });
    await visit(app.url, 5);
    for (let second = 0; second < 5; second++) clock.advance(1_000);
    await visit(app.url, 5);
    expect(heardCount()).toBe(0);
  });
});

describe('jobs', () => {
  test('one of three processes samples, what waits and what runs apart; when it dies another takes over', async () => {
    const calls = [0, 0, 0];
    const agents = calls.map((_zero, index) =>
      agentOf({
        push: { web: false },
        processTypes: {
          worker: () => {
            calls[index] = (calls[index] ?? 0) + 1;
            return { waiting: 40 + index, running: 2, later: 9, oldestSeconds: 1.5 };
          },
        },
      }),
    );
    const jobs = async () => (await readings('worker'))[0];
    const passUntil = async (found: () => Promise<boolean>, what: string): Promise<void> =>
      await until(async () => {
        clock.advance(1_000);
        return await found();
      }, what);
    await passUntil(async () => (await jobs())?.kind === 'jobs', 'the first sample');
    const holder = calls.findIndex((count) => count > 0);
    expect(await jobs()).toMatchObject({ waiting: 40 + holder, running: 2, later: 9, oldestSeconds: 1.5 });
    expect(calls.filter((count) => count > 0)).toHaveLength(1);
    agents[holder]?.close();
    await passUntil(async () => calls.filter((count) => count > 0).length === 2, 'another one to take over');
    const other = calls.findIndex((count, index) => count > 0 && index !== holder);
    await passUntil(async () => {
      const found = await jobs();
      return found?.kind === 'jobs' && found.waiting === 40 + other;
    }, 'its sample');
  });

  test('a meter that fails sends nothing, and what was said grows old: unknown, not 0', async () => {
    let broken = false;
    const worker = (): number => {
      if (broken) throw new TypeError('no database');
      return 5;
    };
    agentOf({ push: { web: false }, processTypes: { worker } });
    const kind = async (): Promise<string | undefined> => (await readings('worker'))[0]?.kind;
    const passUntil = async (wanted: string): Promise<void> =>
      await until(async () => {
        clock.advance(1_000);
        return (await kind()) === wanted;
      }, wanted);
    await passUntil('jobs');
    broken = true;
    await passUntil('unknown');
    expect(problems[0]).toBe('worker: TypeError: no database');
  });
});

interface Taken {
  readonly request: IncomingMessage;
  readonly body: string;
}

/** Somebody else's server: takes pushes and answers as told. */
async function taker(answer: (taken: Taken, response: import('node:http').ServerResponse) => void) {
  const taken: Taken[] = [];
  const server = await listen((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      taken.push({ request, body });
      answer({ request, body }, response);
    });
  });
  return { ...server, taken };
}

describe('the forms', () => {
  const push = async (env: (url: string) => Record<string, string>): Promise<Taken> => {
    const app = await listen((request, response) => {
      response.statusCode = request.url === '/broken' ? 500 : 200;
      response.end('app');
    });
    const other = await taker((_taken, response) => void response.end());
    const agent = agentOf({ env: { HIREFIRE_TOKEN: 'token', ...env(other.url) } });
    await visit(app.url, 5);
    await visit(app.url, 9, '/broken');
    clock.advance(1_000);
    await until(async () => other.taken.length > 0, 'a push');
    agent.close();
    const [taken] = other.taken;
    if (!taken) throw new Error('nothing was pushed');
    return taken;
  };

  test('HIREFIRE_DISPATCH_URL: every wait in ms, by second', async () => {
    const { request, body } = await push((url) => ({ HIREFIRE_DISPATCH_URL: url }));
    expect(`${request.method} ${request.url}`).toBe('POST /');
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'hirefire-token': 'token',
      'hirefire-resource': 'Headcount-0.1.0',
    });
    expect(body).toBe(`{"${epoch}":[5,9]}`);
  });

  test('HIREFIRE_DATA_URL comes before it: mean and count, of HireFire 2 no more than it knows', async () => {
    const { request, body } = await push((url) => ({
      HIREFIRE_DATA_URL: `${url}//`,
      HIREFIRE_DISPATCH_URL: 'https://nowhere.example.com',
    }));
    expect(`${request.method} ${request.url}`).toBe('POST /metrics/ingest');
    expect(request.headers).toMatchObject({ 'hirefire-token': 'token', 'hirefire-agent': 'Headcount-0.1.0' });
    expect(JSON.parse(body)).toEqual([{ name: 'web', metrics: { rqt: { [epoch]: [7, 2] } } }]);
  });

  test('HEADCOUNT_URL comes before both: single waits, response times, event loop, requests at work', async () => {
    const { request, body } = await push((url) => ({
      HEADCOUNT_URL: url,
      HIREFIRE_DATA_URL: 'https://nowhere.example.com',
    }));
    expect(`${request.method} ${request.url}`).toBe('POST /metrics/ingest');
    expect(JSON.parse(body)).toEqual([
      {
        name: 'web',
        samples: { [epoch]: [5, 9] },
        metrics: {
          rst: { [epoch]: [expect.any(Number), 1] },
          ers: { [epoch]: [expect.any(Number), 1] },
          elu: { [epoch]: expect.any(Number) },
          inf: { [epoch]: 0 },
        },
      },
    ]);
  });

  test('an address that is none is told, and nothing is pushed', () => {
    agentOf({}, { HEADCOUNT_URL: 'ftp://a' });
    expect(problems).toEqual([
      'push: nothing is pushed: the address to push to is no http:// or https:// address',
    ]);
  });

  test('without a token, or with push: false, nothing is pushed', async () => {
    const before = clock.waitingCount();
    agentOf({ env: { HEADCOUNT_URL: controller.url } });
    agentOf({ push: false });
    expect(clock.waitingCount()).toBe(before);
  });
});

describe('trouble', () => {
  test('a failed push is sent again with the next, later each time, at most a minute of it', async () => {
    let status = 503;
    const other = await taker((_taken, response) => {
      response.statusCode = status;
      response.end();
    });
    agentOf({ env: { HEADCOUNT_TOKEN: 't', HIREFIRE_DATA_URL: other.url, DYNO: 'web.1' } });
    const pausesMs: number[] = [];
    let since = clock.now();
    const next = async (): Promise<Record<string, unknown>> => {
      const before = other.taken.length;
      await until(async () => {
        if (other.taken.length > before) return true;
        clock.advance(1_000);
        return false;
      }, 'a push');
      pausesMs.push(clock.now() - since);
      since = clock.now();
      const [entry] = JSON.parse(other.taken.at(-1)?.body ?? '[]') as { metrics: { rqt: object } }[];
      return { ...entry?.metrics.rqt };
    };
    expect(Object.keys(await next())).toEqual([String(epoch)]);
    let last: Record<string, unknown> = {};
    for (let n = 0; n < 8; n++) last = await next();
    // 1, 2, 4, 8, 16, then 30 s at most; chance is 0.5 here, so a quarter less. Polling adds a little.
    const least = [1, 1.5, 3, 6, 12, 22.5, 22.5, 22.5, 22.5];
    pausesMs.forEach((pauseMs, index) => {
      expect(pauseMs, `pause ${index}`).toBeGreaterThanOrEqual((least[index] ?? 0) * 1_000);
    });
    expect(Object.keys(last).length).toBeLessThanOrEqual(61);
    expect(Object.keys(last).length).toBeGreaterThan(50);
    expect(problems.at(-1)).toBe('push: TypeError: the push got status 503');
    status = 200;
    const all = await next();
    const after = await next();
    expect(Object.keys(all).length).toBeGreaterThan(Object.keys(after).length);
    expect(Object.keys(after).some((second) => second in all)).toBe(false);
  });

  test.each([
    ['413', 413],
    ['401', 401],
  ])('%s drops what was sent', async (_name, status) => {
    const other = await taker((_taken, response) => {
      response.statusCode = status;
      response.end();
    });
    agentOf({ env: { HEADCOUNT_TOKEN: 't', HIREFIRE_DATA_URL: other.url, DYNO: 'web.1' } });
    const next = async (count: number): Promise<string[]> => {
      await until(async () => {
        if (other.taken.length >= count) return true;
        clock.advance(1_000);
        return false;
      }, 'a push');
      const [entry] = JSON.parse(other.taken[count - 1]?.body ?? '[]') as { metrics: { rqt: object } }[];
      return Object.keys(entry?.metrics.rqt ?? {});
    };
    const first = await next(1);
    const second = await next(2);
    expect(second.filter((one) => first.includes(one))).toEqual([]);
    expect(problems).toEqual([]);
  });

  test('a server that never answers holds one request, and no second is begun', async () => {
    const other = await taker(() => undefined);
    agentOf({
      env: { HEADCOUNT_TOKEN: 't', HIREFIRE_DATA_URL: other.url, DYNO: 'web.1' },
      processTypes: { worker: () => 1 },
    });
    let atOnce = 0;
    let most = 0;
    other.server.on('connection', (socket) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      socket.once('close', () => {
        atOnce -= 1;
      });
    });
    await until(async () => {
      clock.advance(1_000);
      return other.taken.length > 0;
    }, 'the first push');
    for (let second = 0; second < 30; second++) clock.advance(1_000);
    expect(other.taken.length).toBe(1);
    expect(most).toBe(1);
  });

  test('the app ends by itself while a push hangs, and no timer keeps it', async () => {
    const other = await taker(() => undefined);
    const index = fileURLToPath(new URL('../index.ts', import.meta.url));
    const program = `
      import { createAgent } from ${JSON.stringify(index)};
      const agent = createAgent({ processTypes: { worker: () => 1 } });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      console.log('nothing left to do');
    `;
    const env = { ...process.env, HEADCOUNT_TOKEN: 't', HEADCOUNT_URL: other.url, DYNO: 'web.1' };
    const args = ['--import', 'tsx', '--input-type=module', '-e', program];
    const ran = await promisify(execFile)(process.execPath, args, { env, timeout: 50_000 });
    expect(ran.stdout).toBe('nothing left to do\n');
  });
});
