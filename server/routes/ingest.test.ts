/**
 * The side on which apps push, on real sockets, with the bytes that HireFire's libraries and Logplex send: captured from
 * hirefire-resource 1.2.0 for Node and 1.0.3 for Python against this server, and for 2.0 as its own golden requests have them.
 * TLS ends in front of the server with a certificate of a test CA that openssl makes here.
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { createStage, type VirtualClock, virtualClock } from '../../checks/stage.ts';
import { type OpenStore, openStore } from '../../store/open.ts';
import { createAuth } from '../auth.ts';
import { createHttp } from '../http.ts';
import { shippedKinds } from '../kinds.ts';
import { createLive } from '../live.ts';
import { createOutbox } from '../outbox.ts';
import { createRounds, type Rounds } from '../rounds.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

const epoch = 1_767_225_600;
const folder = temporaryFolder('ingest');
const key = 'the-key-of-controller.json';
const warnings: string[] = [];
const log = pino({ level: 'warn' }, { write: (line: string) => warnings.push(JSON.parse(line).msg) });
let store: OpenStore;
let server: Server;
let clock: VirtualClock;
let rounds: Rounds;
let port = 0;
let tlsPort = 0;
let ca = '';
const closers: (() => void)[] = [];

beforeAll(async () => {
  store = await openStore({ folder: join(folder.path, 'store') });
  ca = makeCertificates();
  const tls = createTlsServer(
    {
      key: readFileSync(join(folder.path, 'leaf.key')),
      cert: readFileSync(join(folder.path, 'leaf.pem')),
    },
    (socket) => server.emit('connection', socket),
  );
  tls.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
  tlsPort = (tls.address() as AddressInfo).port;
  closers.push(() => tls.close());
});
afterAll(async () => {
  for (const close of closers) close();
  await store.close();
  folder.remove();
});

beforeEach(async () => {
  clock = virtualClock(epoch * 1_000);
  warnings.splice(0);
  const stage = createStage(clock, { web: 1, worker: 1, mailer: 1 });
  const kinds = { ...shippedKinds, fleets: [stage.fleet, ...shippedKinds.fleets] };
  const app = await store.apps.create({
    name: 'music',
    token: 'golden-token',
    fleet: { use: 'staged', options: {} },
    createdAt: 1,
  });
  const manager = { rules: [], limits: [], minimum: 0, maximum: 5, paused: false };
  const meters = {
    web: [{ use: 'request-queue-time', options: {} }],
    worker: [{ use: 'http-info', options: {} }],
    mailer: [{ use: 'pushed-jobs', options: { means: 'seconds', adapter: 'sidekiq', queues: 'mailers' } }],
  };
  for (const [processType, list] of Object.entries(meters))
    await store.managers.create(app.id, { ...manager, processType, meters: list }, 1);
  const around = { store, kinds, clock, log, dataFolder: folder.path, intervalMs: 3_600_000 };
  rounds = createRounds(around, () => undefined);
  await rounds.start();
  const auth = await createAuth({ store, log });
  const outbox = createOutbox({ clock, log, kinds: [], post: async () => ({ status: 200, text: '' }) });
  const deps = { outbox, store, rounds, auth, live: createLive(), kinds, log, now: clock.now, key };
  const http = createHttp({ ...deps, webFolder: folder.path, ready: () => true });
  server = createHttpServer(getRequestListener(http.fetch));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
  await rounds.stop();
  for (const { id } of await store.apps.list()) await store.apps.remove(id);
});

/** A CA that only this run knows, and a certificate of it for localhost. */
function makeCertificates(): string {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder.path, stdio: 'pipe' });
  };
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  writeFileSync(join(folder.path, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl(
    'req',
    '-x509',
    ...fresh,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  );
  openssl('req', ...fresh, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=localhost');
  openssl(
    ...['x509', '-req', '-in', 'leaf.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-days', '2', '-extfile', 'names', '-out', 'leaf.pem'],
  );
  return readFileSync(join(folder.path, 'ca.pem'), 'utf8');
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const plain = (): Socket => connect(port, '127.0.0.1');
const overTls = (): Socket => connectTls({ port: tlsPort, host: '127.0.0.1', servername: 'localhost', ca });

/** Writes these bytes and reads one answer. */
async function send(bytes: string | Buffer, socket = plain(), keep = false): Promise<Answer> {
  socket.write(bytes);
  let text = Buffer.alloc(0);
  const whole = (): Answer | undefined => {
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [first = '', ...lines] = text.toString('latin1', 0, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 2),
      ]),
    );
    const body = text.subarray(end + 4);
    if (body.length < Number(headers['content-length'] ?? 0)) return undefined;
    return { status: Number(first.split(' ')[1]), headers, body: body.toString() };
  };
  return await new Promise((resolve, reject) => {
    const onData = (part: Buffer): void => {
      text = Buffer.concat([text, part]);
      const answer = whole();
      if (!answer) return;
      socket.off('data', onData).off('error', reject).off('close', onClose);
      if (!keep) socket.destroy();
      resolve(answer);
    };
    socket.on('data', onData);
    const onClose = (): void => reject(new Error('closed without an answer'));
    socket.once('error', reject);
    socket.once('close', onClose);
  });
}

const inbox = async () => {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await fetch(`http://127.0.0.1:${port}/api/apps/music/inbox`, { headers });
  return (await answer.json()) as {
    heard: { dialect: string; agent?: string; count: number }[];
    processTypes: Record<string, unknown>[];
    dropped: Record<string, number>;
    sampled: boolean;
  };
};

const nodePush = (body: string, token = 'golden-token'): string =>
  `POST / HTTP/1.1\r\nContent-Type: application/json\r\nHireFire-Token: ${token}\r\nHireFire-Resource: Node-1.2.0\r\nContent-Length: ${body.length}\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n${body}`;
const pythonPush = (body: string): string[] => [
  `POST / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\nContent-Length: ${body.length}\r\nContent-Type: application/json\r\nHireFire-Token: golden-token\r\nHireFire-Resource: Python-1.0.3\r\n\r\n`,
  body,
];
const rubyPush1 = (body: string): string =>
  `POST / HTTP/1.1\r\nContent-Type: application/json\r\nHirefire-Token: golden-token\r\nHirefire-Resource: Ruby-1.0.8\r\nAccept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\nAccept: */*\r\nUser-Agent: Ruby\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const rubyHead =
  'Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\nAccept: */*\r\nUser-Agent: Ruby\r\n';
const ingest = (body: string, token = 'golden-token'): string =>
  `POST /metrics/ingest HTTP/1.1\r\n${rubyHead}Content-Type: application/json\r\nHirefire-Token: ${token}\r\nHirefire-Agent: Ruby-2.0.0\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const lease = (processId: string, token = 'golden-token'): string =>
  `POST /metrics/lease HTTP/1.1\r\n${rubyHead}Hirefire-Token: ${token}\r\nHirefire-Agent: Ruby-2.0.0\r\nHirefire-Process-Id: ${processId}\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`;

describe('1.x', () => {
  test('Node, Python and Ruby push over TLS and hear exactly 200', async () => {
    expect((await send(nodePush(`{"${epoch - 1}":[5,9],"${epoch}":[12]}`), overTls())).status).toBe(200);
    const [head = '', body = ''] = pythonPush(`{"${epoch}": [172, 302]}`);
    const socket = overTls();
    socket.write(head);
    expect((await send(body, socket)).status).toBe(200);
    expect((await send(rubyPush1(`{"${epoch}":[7]}`), overTls())).status).toBe(200);
    const { heard, processTypes, dropped } = await inbox();
    expect(heard).toMatchObject([{ dialect: 'hirefire-1', agent: 'Ruby-1.0.8', count: 3 }]);
    expect(processTypes).toMatchObject([{ name: 'web', perSecond: 6, queueTimeP95Ms: 304 }]);
    expect(dropped).toEqual({});
  });

  test('a certificate of another CA is not taken by the client, as it should be', async () => {
    const stranger = connectTls({ port: tlsPort, host: '127.0.0.1', servername: 'localhost' });
    await expect(send(nodePush('{}'), stranger)).rejects.toThrow(/certificate/);
  });

  test.each([
    ['a token that nobody has', nodePush(`{"${epoch}":[5]}`, 'wrong'), 'no app here has this token'],
    ['no JSON', nodePush('{"'), 'no object of seconds'],
    ['a list', nodePush('[]'), 'no object of seconds'],
    ['nothing but absurd values', nodePush(`{"${epoch}":[1767225600000,-5]}`), ''],
  ])('is 200 for %s, and nothing is kept', async (_name, bytes, says) => {
    const answer = await send(bytes);
    expect(answer.status).toBe(200);
    expect(answer.body).toContain(says);
    expect((await inbox()).processTypes).toEqual([]);
  });

  test('a wrong token is told to our own log, once a minute', async () => {
    for (const _ of [1, 2, 3]) await send(nodePush('{}', 'wrong'));
    const told = 'queue times came with a token that no app has, from Node-1.2.0';
    // The checkups of the minute have words of their own.
    expect(warnings.filter((warning) => warning.includes('token'))).toEqual([told]);
    clock.advance(60_000);
    await send(nodePush('{}', 'wrong'));
    expect(warnings.filter((warning) => warning.includes('token'))).toEqual([told, told]);
  });

  test('a body over 2 MB is dropped with 200, or the library would send it for ever', async () => {
    const head = nodePush('').replace('Content-Length: 0', 'Content-Length: 2000001');
    expect((await send(head)).status).toBe(200);
    expect((await inbox()).dropped).toEqual({ 'too-large': 1 });
  });

  test('a second that comes in parts is added up; what is older than a minute is dropped', async () => {
    await send(nodePush(`{"${epoch}":[5]}`));
    clock.advance(2_000);
    await send(nodePush(`{"${epoch}":[7],"${epoch - 59}":[1]}`));
    const { processTypes, dropped } = await inbox();
    expect(processTypes[0]?.perSecond).toBeCloseTo(2 / 3);
    expect(dropped).toEqual({ late: 1 });
  });

  test('a POST of anything else is not ours', async () => {
    const answer = await send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    expect(answer.status).toBe(405);
  });
});

describe('2.0', () => {
  test('golden requests: traffic, no traffic, a sampled queue', async () => {
    for (const body of [
      '[{"name":"web","metrics":{"rqt":{"1767225600":[100.0,3]}}}]',
      '[{"name":"web","metrics":{"rqt":{"1767225600":[]}}}]',
      '[{"name":"worker","metrics":{"jqs":{"1767225600":42}}}]',
    ]) {
      const answer = await send(ingest(body), overTls());
      expect(answer.status).toBe(200);
      expect(answer.headers['hirefire-dispatch-frequency']).toBe('1');
    }
    const { heard, processTypes } = await inbox();
    expect(heard).toMatchObject([{ dialect: 'hirefire-2', agent: 'Ruby-2.0.0', count: 3 }]);
    expect(processTypes).toEqual([{ name: 'web' }, { name: 'worker', jobs: 42 }]);
  });

  test('many requests on one connection, and the same one again after a lost answer', async () => {
    const socket = plain();
    for (let n = 0; n < 20; n++)
      expect(
        (await send(ingest('[{"name":"worker","metrics":{"jqs":{"1767225600":42}}}]'), socket, true)).status,
      ).toBe(200);
    socket.destroy();
    const body = '[{"name":"worker","metrics":{"jqs":{"1767225601":43}}}]';
    const cut = plain();
    cut.write(ingest(body));
    cut.destroy();
    expect((await send(ingest(body))).status).toBe(200);
    expect((await inbox()).processTypes).toEqual([{ name: 'worker', jobs: 43 }]);
  });

  test('in chunks', async () => {
    const body = '[{"name":"worker","metrics":{"jqs":{"1767225600":42}}}]';
    const chunked = ingest('').replace('Content-Length: 0', 'Transfer-Encoding: chunked');
    const [head, tail] = [body.slice(0, 20), body.slice(20)];
    const parts = [head, tail].map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
    expect((await send(`${chunked}${parts}0\r\n\r\n`)).status).toBe(200);
    expect((await inbox()).processTypes).toEqual([{ name: 'worker', jobs: 42 }]);
    const much = `20001\r\n${'x'.repeat(0x20001)}\r\n0\r\n\r\n`;
    expect((await send(chunked + much)).status).toBe(413);
  });

  test.each([
    ['401 for a token that nobody has', ingest('[]', 'wrong'), 401],
    ['401 for no token', ingest('[]', ''), 401],
    ['413 above 131,072 bytes', ingest(`[${' '.repeat(131_071)}]`), 413],
    ['200 at 131,072 bytes', ingest(`[${' '.repeat(131_070)}]`), 200],
    ['422 for what is no list', ingest('{}'), 422],
    ['401 for a lease with another token', lease(randomUUID(), 'wrong'), 401],
  ])('%s', async (_name, bytes, status) => {
    expect((await send(bytes)).status).toBe(status);
  });

  test('a token ends when the app gets a new one', async () => {
    const headers = { authorization: `Bearer ${key}` };
    await fetch(`http://127.0.0.1:${port}/api/apps/music/token`, { method: 'POST', headers });
    await rounds.idle();
    expect((await send(ingest('[]'))).status).toBe(401);
    const token = (await store.apps.get('music'))?.token ?? '';
    expect((await send(ingest('[]', token))).status).toBe(200);
  });

  test('one process holds the lease, and is told what the managers measure', async () => {
    const [one, two] = [randomUUID(), randomUUID()];
    const granted = await send(lease(one), overTls());
    expect(granted.status).toBe(200);
    expect(granted.headers).toMatchObject({
      'hirefire-lease-granted': 'true',
      'hirefire-lease-ttl': '15',
      'hirefire-sample-frequency': '5',
      'content-type': 'application/json',
    });
    expect(JSON.parse(granted.body)).toEqual({
      trace: false,
      job_queues: expect.toSatisfy((entries: { name: string }[]) => {
        const byName = Object.fromEntries(entries.map((entry) => [entry.name, entry]));
        expect(byName).toEqual({
          worker: { name: 'worker', strategy: 'jqs' },
          mailer: { name: 'mailer', strategy: 'jql', adapter: 'sidekiq', queues: ['mailers'] },
        });
        return entries.length === 2;
      }),
    });
    const refused = await send(lease(two));
    expect(refused).toMatchObject({ status: 200, body: '' });
    expect(refused.headers['hirefire-lease-granted']).toBe('false');
    expect((await inbox()).sampled).toBe(true);
    clock.advance(15_000);
    expect((await send(lease(one))).headers['hirefire-lease-granted']).toBe('true');
    clock.advance(20_000);
    expect((await send(lease(two))).headers['hirefire-lease-granted']).toBe('true');
  });

  test('a lease is for a process that says who it is, and only when there is something to sample', async () => {
    expect((await send(lease(''))).headers['hirefire-lease-granted']).toBe('false');
    for (const { stored } of rounds.byToken('golden-token')?.managers ?? [])
      await store.managers.update(stored.id, { paused: true });
    await rounds.refresh('music');
    expect((await send(lease(randomUUID()))).headers['hirefire-lease-granted']).toBe('false');
    expect((await inbox()).heard).toMatchObject([{ dialect: 'hirefire-2' }]);
  });

  test('an app is asked once in a checkup for all its managers, and not at all while it pushes', async () => {
    let asked = 0;
    const info = createHttpServer((_request, response) => {
      asked += 1;
      response.end('[{"name":"worker","value":5},{"name":"mailer","value":6}]');
    });
    await new Promise<void>((resolve) => info.listen(0, '127.0.0.1', resolve));
    const { app, managers } = rounds.byToken('golden-token') ?? {};
    const url = `http://127.0.0.1:${(info.address() as AddressInfo).port}`;
    await store.apps.update(app?.id ?? '', { url });
    for (const { stored } of managers ?? [])
      if (stored.processType !== 'web')
        await store.managers.update(stored.id, { meters: [{ use: 'http-info', options: {} }] });
    await rounds.refresh('music');
    await rounds.checkUp('music');
    const waiting = (type: string) => rounds.manager('music', type)?.memory.latest?.waiting;
    expect([waiting('worker'), waiting('mailer'), asked]).toEqual([5, 6, 1]);
    await send(ingest('[{"name":"worker","metrics":{"jqs":{"1767225600":42}}}]'));
    await rounds.checkUp('music');
    expect([waiting('worker'), asked]).toEqual([42, 1]);
    const closed = new Promise((resolve) => info.close(resolve));
    info.closeAllConnections();
    await closed;
  });

  test('what is pushed is what the managers read', async () => {
    await send(lease(randomUUID()));
    await send(
      ingest(
        '[{"name":"worker","metrics":{"jqs":{"1767225600":42}}},{"name":"mailer","metrics":{"jql":{"1767225600":3.2}}}]',
      ),
    );
    const read = async (type: string) => (await rounds.evaluate('music', type)).sample.readings;
    expect(await read('worker')).toMatchObject([{ kind: 'jobs', queue: 'worker', waiting: 42 }]);
    expect(await read('mailer')).toMatchObject([{ kind: 'value', name: 'latency', value: 3.2 }]);
    expect(await read('web')).toMatchObject([{ kind: 'unknown' }]);
  });
});

describe('log drains', () => {
  const time = '2026-01-01T00:00:00.000000+00:00';
  const lines = [
    `<158>1 ${time} host heroku router - at=info method=GET path="/" host=a fwd="1.2.3.4" dyno=web.1 connect=1ms service=18ms status=200 bytes=13\n`,
    `<190>1 ${time} host app web.1 - Zürich → 東京 [hirefire:router] queue=4ms\n`,
    `<190>1 ${time} host app web.1 - [hirefire:router] queue=162ms\n`,
  ];
  const body = lines.map((line) => `${Buffer.byteLength(line)} ${line}`).join('');
  const drain = (path: string, headers: Record<string, string> = {}): Buffer => {
    const all = {
      'Content-Type': 'application/logplex-1',
      'Logplex-Msg-Count': '3',
      'Logplex-Frame-Id': createHash('md5').update(JSON.stringify(headers)).digest('hex'),
      'Logplex-Drain-Token': 'd.9be3d6ce-1a7d-4d1c-8f4f-1f1b3b2c0c5e',
      'User-Agent': 'Logplex/v72',
      Host: 'headcount.example.com',
      'Content-Length': String(Buffer.byteLength(body)),
      ...headers,
    };
    const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`POST ${path} HTTP/1.1\r\n${head.join('')}\r\n${body}`);
  };
  const path = '/drain/golden-token';

  test('by path or by password, once for each frame', async () => {
    const password = { Authorization: `Basic ${Buffer.from('drain:golden-token').toString('base64')}` };
    const frame = { 'Logplex-Frame-Id': 'F1' };
    for (const bytes of [drain(path, frame), drain(path, frame), drain('/', { ...password, ...frame })])
      expect((await send(bytes, overTls())).status).toBe(200);
    const { heard, processTypes, dropped } = await inbox();
    expect(heard).toMatchObject([{ dialect: 'logplex', agent: 'Logplex/v72', count: 1 }]);
    expect(processTypes).toMatchObject([
      { name: 'web', perSecond: 1, queueTimeP95Ms: 162, responseTimeP95Ms: 18 },
    ]);
    expect(dropped).toEqual({});
    await send(drain('/', { ...password, 'Logplex-Frame-Id': 'F2' }));
    expect((await inbox()).processTypes).toMatchObject([{ perSecond: 2 }]);
  });

  test('another token of the app is 401, which Logplex takes as final', async () => {
    expect((await send(drain('/drain/wrong'))).status).toBe(401);
    expect((await send(drain('/'))).status).toBe(401);
    expect(warnings.filter((warning) => warning.includes('drain'))).toEqual([
      'a log drain came with a token that no app has',
    ]);
  });

  test('a second drain is refused until the first has been silent for ten minutes', async () => {
    const other = { 'Logplex-Drain-Token': 'd.00000000-0000-0000-0000-000000000000' };
    expect((await send(drain(path))).status).toBe(200);
    for (const headers of [other, { 'Logplex-Drain-Token': '' }, { 'Logplex-Drain-Token': 'x'.repeat(200) }])
      expect((await send(drain(path, headers))).status).toBe(401);
    clock.advance(10 * 60_000);
    expect((await send(drain(path, other))).status).toBe(200);
    expect((await send(drain(path))).status).toBe(401);
  });

  test('a broken body is taken up to where it breaks', async () => {
    const broken = Buffer.concat([drain(path), Buffer.from('77 x')]);
    const length = Buffer.byteLength(body);
    const bytes = broken
      .toString('latin1')
      .replace(`Content-Length: ${length}`, `Content-Length: ${length + 4}`);
    expect((await send(Buffer.from(bytes, 'latin1'))).status).toBe(200);
    const { processTypes, dropped } = await inbox();
    expect(processTypes).toMatchObject([{ name: 'web', perSecond: 1 }]);
    expect(dropped).toEqual({ malformed: 1 });
  });
});
