import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createAgent, forNodeHttp } from '../agent/index.ts';
import { freePort, until } from '../checks/servers.ts';
import type { Reading } from '../decide/words.ts';
import { meterContract, type Situation } from './contract.ts';
import { httpInfo } from './http-info.ts';
import { parseMetrics } from './inbox/hirefire.ts';
import { createAppInbox } from './inbox/memory.ts';
import { fetchInfo, type Info } from './info.ts';

const patience = AbortSignal.timeout(600_000);

async function listening(server: Server): Promise<{ url: string; stop(): Promise<unknown> }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve);
        if ('closeAllConnections' in server) (server as import('node:http').Server).closeAllConnections();
      }),
  };
}

/** The situation of a meter whose app answers so. */
async function answering(listener: RequestListener, options: Situation['options'] = {}): Promise<Situation> {
  const { url, stop } = await listening(createServer(listener));
  return { options, surroundings: { appUrl: url }, stop };
}

const saying =
  (body: string, status = 200, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status, headers).end(body);
  };

/** What the meter reads from an app that answers so. */
async function read(
  listener: RequestListener,
  options: Situation['options'] = {},
): Promise<Reading | undefined> {
  const { url, stop } = await listening(createServer(listener));
  const surroundings = { appUrl: url, appToken: 'secret', processType: 'worker', now: () => 1_000 };
  const defaults = { means: 'jobs', timeoutSeconds: 5 };
  const meter = httpInfo.create({ ...defaults, ...(options as object) }, surroundings);
  try {
    return (await meter.read(patience))[0];
  } finally {
    await stop();
  }
}

async function why(listener: RequestListener, options: Situation['options'] = {}): Promise<string> {
  const reading = await read(listener, options);
  return reading?.kind === 'unknown' ? reading.why : `not unknown but ${JSON.stringify(reading)}`;
}

describe('contract', () => {
  meterContract({ test, expect }, httpInfo, {
    truth: async () => ({
      ...(await answering(saying('[{"name":"mailer","value":1},{"name":"worker","value":5}]'))),
      readings: [{ kind: 'jobs', queue: 'worker', waiting: 5 }],
    }),
    down: async () => ({ options: {}, surroundings: { appUrl: `http://127.0.0.1:${await freePort()}` } }),
    wrongPassword: () => {
      const agent = createAgent({ token: 'another', processTypes: { worker: () => 5 } });
      return answering(forNodeHttp(agent, saying('<!DOCTYPE html><title>Music</title>')));
    },
    garbage: () => answering(saying('\u0000\u0001{{{')),
    slow: () => answering(() => undefined),
  });
});

describe('the question', () => {
  test('carries the token in path and header, below the base path of the app', async () => {
    let asked: IncomingMessage | undefined;
    const { url, stop } = await listening(
      createServer((request, response) => {
        asked = request;
        response.end('[]');
      }),
    );
    await fetchInfo(`${url.replace('//', '//me:p%40ss@')}/base/`, 'secret', patience);
    expect(asked?.method).toBe('GET');
    expect(asked?.url).toBe('/base/hirefire/secret/info');
    expect(asked?.headers['hirefire-token']).toBe('secret');
    expect(asked?.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    await stop();
  });

  test('follows no redirect', async () => {
    let requests = 0;
    const reason = await why((_request, response) => {
      requests++;
      response.writeHead(302, { location: '/login?next=/hirefire/secret/info' }).end();
    });
    expect(reason).toContain('status 302 leads to /login?next=/hirefire/…/info');
    expect(requests).toBe(1);
  });

  test('needs an address', async () => {
    const at = (appUrl: string): Promise<Info> => fetchInfo(appUrl, 'secret', patience);
    expect((await at('music.example.com')).problem).toContain('is no address');
    expect((await at('ftp://music.example.com')).problem).toContain('ftp://');
    const meter = httpInfo.create(
      { means: 'jobs', timeoutSeconds: 5 },
      { appToken: 't', processType: 'worker', now: () => 1 },
    );
    expect(await meter.read(patience)).toEqual([
      { kind: 'unknown', at: 1, why: 'the app has no address: set its url' },
    ]);
  });
});

describe('the answer', () => {
  test.each([
    ['value', '[{"name":"worker","value":5}]', 5],
    ['quantity', '[{"name":"worker","quantity":6}]', 6],
    ['value before quantity', '[{"name":"worker","value":0,"quantity":6}]', 0],
    ['quantity behind a null', '[{"name":"worker","value":null,"quantity":6}]', 6],
    ['other names that cannot tell', '[{"name":"web","value":null},{"name":"worker","value":7}]', 7],
  ])('%s', async (_name, body, waiting) => {
    expect(await read(saying(body))).toEqual({ kind: 'jobs', queue: 'worker', at: 1_000, waiting });
  });

  test('seconds, under another name', async () => {
    const reading = await read(saying('[{"name":"mail","value":12.7}]'), { name: 'mail', means: 'seconds' });
    expect(reading).toEqual({ kind: 'value', name: 'latency', at: 1_000, value: 12.7, unit: 's' });
  });

  test.each([
    ['null', '[{"name":"worker","value":null}]', 200, 'cannot tell (null)'],
    ['neither value nor quantity', '[{"name":"worker"}]', 200, 'cannot tell (null)'],
    ['NaN, as Python writes it', '[{"name":"worker","value":NaN}]', 200, 'is not JSON'],
    ['a text', '[{"name":"worker","value":"5"}]', 200, '"5" is not a number'],
    ['below zero', '[{"name":"worker","value":-1}]', 200, '-1 is out of bounds'],
    ['infinite', '[{"name":"worker","value":1e999}]', 200, 'Infinity is out of bounds'],
    ['absent', '[{"name":"workers","value":5}]', 200, 'no entry "worker": did you mean "workers"?'],
    ['absent among others', '[{"name":"zzzzzz","value":5}]', 200, 'no entry "worker": it has "zzzzzz"'],
    ['an empty list', '[]', 200, 'no entry "worker": it has none at all'],
    ['twice', '[{"name":"worker","value":5},{"name":"worker","value":6}]', 200, 'two entries "worker"'],
    [
      'an entry without a name',
      '[{"value":5},{"name":"worker","value":5}]',
      200,
      'entry 1 of the list has no name',
    ],
    ['no list', '{"worker":5}', 200, 'not a list'],
    ['nothing', '', 200, 'is not JSON'],
    ['a page', '<!DOCTYPE html><html></html>', 200, 'is a page, not JSON'],
    ['not found', '[{"name":"worker","value":5}]', 404, 'status 404'],
    ['a login', '', 401, 'status 401: something in front of the app asks for a login'],
    ['an error', '[{"name":"worker","value":5}]', 500, 'status 500 where 200'],
    ['no content', '', 204, 'status 204 where 200'],
    ['too many', JSON.stringify(Array(1_001).fill({ name: 'a', value: 1 })), 200, 'more than 1000 entries'],
  ])('unknown: %s', async (_name, body, status, reason) => {
    expect(await why(saying(body, status))).toContain(reason);
  });

  test('a body that has no end is left after 128 KB', async () => {
    let sent = 0;
    let cut = false;
    const reason = await why((_request, response) => {
      response.writeHead(200);
      const chunk = ' '.repeat(16_384);
      const more = (): void => {
        while (!cut && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', more).on('close', () => {
        cut = true;
      });
      more();
    });
    expect(reason).toContain('larger than 128 KB');
    await until(() => cut, 'the end of the connection');
    expect(sent).toBeLessThan(16_000_000);
  });

  test('a body that drips is unknown when time is up', async () => {
    let cut = false;
    const reason = await why(
      (_request, response) => {
        response.writeHead(200);
        const drip = setInterval(() => response.write(' '), 10);
        response.on('close', () => {
          clearInterval(drip);
          cut = true;
        });
      },
      { timeoutSeconds: 0.2 },
    );
    expect(reason).toContain('the answer was not complete within 0.2 s');
    await until(() => cut, 'the end of the connection');
  });

  test('silence is unknown when time is up', async () => {
    expect(await why(() => undefined, { timeoutSeconds: 0.1 })).toContain('no answer came within 0.1 s');
  });

  test('a connection that is cut, and something that is not HTTP, are unknown', async () => {
    expect(await why((request) => request.socket.destroy())).toContain('the connection was cut');
    const { url, stop } = await listening(
      createTcpServer((socket) => socket.resume().end('SSH-2.0-OpenSSH\r\n')),
    );
    const info = await fetchInfo(url, 'secret', patience);
    expect(info).toMatchObject({ ok: false, entries: [], problem: expect.stringContaining('failed (HPE_') });
    await stop();
  });
});

test('the whole info, as the dashboard shows it', async () => {
  const agent = createAgent({
    token: 'secret',
    processTypes: { worker: () => 5, mailer: () => Number.NaN },
    onProblem: () => undefined,
  });
  const { url, stop } = await listening(createServer(forNodeHttp(agent, saying('', 404))));
  expect(await fetchInfo(url, 'secret', patience)).toEqual({
    ok: true,
    url: `${url}/hirefire/…/info`,
    status: 200,
    milliseconds: expect.any(Number),
    entries: [
      { name: 'worker', value: 5 },
      { name: 'mailer', value: null, problem: 'the app says that it cannot tell (null)' },
    ],
  });
  await stop();
});

describe('libraries of HireFire', () => {
  const meterOf = (surroundings: object, options: Situation['options'] = {}) =>
    httpInfo.create(
      { means: 'jobs', timeoutSeconds: 5, ...(options as object) },
      { appToken: 'secret', processType: 'worker', now: () => 1_767_225_600_000, ...surroundings },
    );

  test.each([
    ['Python-1.0.3', ['57', 'unknown', '0', '0', '3', 'unknown']],
    ['Ruby-1.0.8', ['57', '0', '0', '0', '3', '0']],
  ])('a sudden 0 of %s', async (library, expected) => {
    const values = [57, 0, 0, 0, 3, 0];
    const { url, stop } = await listening(
      createServer((_request, response) => {
        response.setHeader('HireFire-Resource', library);
        response.end(JSON.stringify([{ name: 'worker', value: values.shift() }]));
      }),
    );
    const meter = meterOf({ appUrl: url });
    const seen: string[] = [];
    for (const _ of expected) {
      const [reading] = await meter.read(patience);
      seen.push(reading?.kind === 'jobs' ? String(reading.waiting) : String(reading?.kind));
    }
    expect(seen).toEqual(expected);
    await stop();
  });

  test('2.0 is not asked: what it pushed is read', async () => {
    let now = 1_767_225_600_000;
    let asked = 0;
    const { url, stop } = await listening(
      createServer((_request, response) => {
        asked += 1;
        response.end('[{"name":"worker","value":5}]');
      }),
    );
    const inbox = createAppInbox(() => now);
    const surroundings = { appUrl: url, inbox, now: () => now };
    const [worker, mailer] = [meterOf(surroundings), meterOf(surroundings, { name: 'mailer' })];
    expect((await worker.read(patience))[0]).toMatchObject({ waiting: 5 });
    const body = JSON.stringify([{ name: 'worker', metrics: { jqs: { [now / 1_000]: 42 } } }]);
    inbox.take('hirefire-2', 'Ruby-2.0.0', parseMetrics(body, now)!);
    expect((await worker.read(patience))[0]).toMatchObject({ kind: 'jobs', waiting: 42 });
    expect((await mailer.read(patience))[0]).toMatchObject({
      kind: 'unknown',
      why: 'Ruby-2.0.0 pushes for this app, so it is not asked; of "mailer" it has pushed nothing lately',
    });
    expect(asked).toBe(1);
    now += 61_000;
    expect((await worker.read(patience))[0]).toMatchObject({ waiting: 5 });
    expect(asked).toBe(2);
    await stop();
  });
});

test('our agent tells jobs apart, and how long the oldest waits', async () => {
  const counts = { waiting: 3, running: 2, later: 7, oldestSeconds: 1.5 };
  const agent = createAgent({
    token: 'token',
    env: {},
    processTypes: { worker: () => counts, bare: () => 5 },
  });
  const server = createServer(forNodeHttp(agent, (_request, response) => response.end()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const appUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const read = async (options: Record<string, string>): Promise<unknown> => {
    const around = { appUrl, appToken: 'token', processType: 'worker', now: () => 1 };
    return (
      await httpInfo.create({ timeoutSeconds: 30, ...options }, around).read(AbortSignal.timeout(60_000))
    )[0];
  };
  expect(await read({ means: 'jobs' })).toEqual({ kind: 'jobs', queue: 'worker', at: 1, ...counts });
  expect(await read({ means: 'seconds' })).toMatchObject({ kind: 'value', value: 1.5 });
  expect(await read({ name: 'bare', means: 'jobs' })).toMatchObject({ waiting: 5 });
  expect(await read({ name: 'bare', means: 'jobs' })).not.toHaveProperty('running');
  server.close();
});
