/** Where addresses that people enter may lead: on real sockets, with name servers that lie. */
import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { httpInfo } from '../measure/http-info.ts';
import { newRelic } from '../measure/new-relic.ts';
import { loadConfig } from './config.ts';
import { type Allowed, createGuard } from './guard.ts';
import { addressesOf, allowedFor, createOutreach } from './reach.ts';

const patience = AbortSignal.timeout(600_000);
const paths: string[] = [];
const server = createServer((request, response) => {
  paths.push(request.url ?? '');
  if (request.url?.startsWith('/away')) response.writeHead(302, { location: '/secret' }).end();
  else response.end('[{"name":"worker","value":5}]');
});
let port = 0;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
});

/** A name server that answers each question with the next of these. */
function names(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const resolve = (
    name: string,
    _options: unknown,
    callback: (error: null, addresses: LookupAddress[]) => void,
  ): void => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(name);
    callback(
      null,
      answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { asked, guard: (allowed: Allowed) => createGuard(allowed, resolve as never) };
}

const refused = expect.stringContaining('not on the public internet');

test.each([
  ['its only address', ['127.0.0.1']],
  ['one of its addresses', ['93.184.216.34', '10.0.0.1']],
  ['an IPv4 address in an IPv6 one', ['::ffff:127.0.0.1']],
])('a name that leads inside by %s is refused before a connection', async (_, addresses) => {
  const before = paths.length;
  const outreach = createOutreach(names(addresses).guard([]));
  const url = `http://shop.example.com:${port}`;
  await expect(outreach.judge([url])).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
  expect(await outreach.fetchInfo(url, 'secret', patience)).toMatchObject({ ok: false, problem: refused });
  expect(paths.length).toBe(before);
});

test('a name that leads elsewhere after it was saved is judged again, and once for each connection', async () => {
  const lying = names(['93.184.216.34'], ['127.0.0.1']);
  const outreach = createOutreach(lying.guard([]));
  const url = `http://rebound.example.com:${port}`;
  await outreach.judge([url]);
  const before = paths.length;
  expect(await outreach.fetchInfo(url, 'secret', patience)).toMatchObject({ ok: false, problem: refused });
  expect(paths.length).toBe(before);
  expect(lying.asked.length).toBe(2);
});

test('the connection goes to the address that was judged, not to a second answer', async () => {
  const lying = names(['127.0.0.1'], ['10.0.0.1']);
  const outreach = createOutreach(lying.guard(['127.0.0.1']));
  const info = await outreach.fetchInfo(`http://pinned.example.com:${port}`, 'secret', patience);
  expect(info).toMatchObject({ ok: true, entries: [{ name: 'worker', value: 5 }] });
  expect(lying.asked).toEqual(['pinned.example.com']);
});

test('a redirect is not followed', async () => {
  const outreach = createOutreach(createGuard(['127.0.0.1']));
  const info = await outreach.fetchInfo(`http://127.0.0.1:${port}/away`, 'token', patience);
  expect(info).toMatchObject({ ok: false, problem: expect.stringContaining('status 302 leads to /secret') });
  expect(paths).not.toContain('/secret');
});

test('what headcount.yaml names is reached, by its whole origin and no other', async () => {
  const outreach = createOutreach(createGuard([]), [`http://127.0.0.1:${port}/base`]);
  const at = `http://127.0.0.1:${port}`;
  await outreach.judge([at]);
  expect((await outreach.fetchInfo(at, 'secret', patience)).ok).toBe(true);
  for (const other of [`http://127.0.0.1:${port + 1}`, `http://localhost:${port}`]) {
    await expect(outreach.judge([other])).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
    expect((await outreach.fetchInfo(other, 'secret', patience)).problem).toContain('is not called');
  }
});

test('a refused address is an unknown reading of every meter that calls one', async () => {
  const { call, fetchInfo } = createOutreach(createGuard([]));
  const around = { appToken: 'secret', processType: 'worker', now: () => 1 };
  const url = `http://127.0.0.1:${port}`;
  const before = paths.length;
  const options = { means: 'jobs', timeoutSeconds: 5 };
  const asked = httpInfo.create(options, { ...around, appUrl: url, poll: fetchInfo });
  const given = { apiKey: 'k', accountId: 1, app: 'a', satisfiedMs: 500, windowSeconds: 60, delaySeconds: 0 };
  const queried = newRelic.create({ ...given, address: url }, { ...around, call });
  for (const meter of [asked, queried])
    expect(await meter.read(patience)).toEqual([
      { kind: 'unknown', at: 1, why: expect.stringContaining('allowPrivateAddresses') },
    ]);
  expect(paths.length).toBe(before);
  expect(addressesOf([{ use: 'new-relic', options: { ...given, address: url } }])).toEqual([url]);
});

test('addresses of the machine itself are reached only where a list names them', async () => {
  const all = createOutreach(createGuard(true));
  const inside = [
    '169.254.169.254',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '100.100.100.200',
    '[64:ff9b::a9fe:a9fe]',
  ];
  for (const host of inside)
    await expect(all.judge([`http://${host}/`]), host).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
  await all.judge([
    'http://10.0.0.1',
    'http://[fd00::1]',
    'http://127.0.0.1',
    'redis://127.0.0.1',
    'nothing',
  ]);
  await createOutreach(createGuard(['169.254.169.254'])).judge(['http://169.254.169.254']);
});

test('a controller of one person reaches the private network, one for others does not', async () => {
  const allowed = async (given: object) =>
    allowedFor({ ...(await loadConfig(undefined, { cwd: '/', env: {} })), ...given });
  expect(await allowed({})).toBe(true);
  expect(await allowed({ host: 'localhost' })).toBe(true);
  expect(await allowed({ host: '0.0.0.0' })).toEqual([]);
  expect(await allowed({ publicUrl: 'https://headcount.example.com' })).toEqual([]);
  expect(await allowed({ host: '0.0.0.0', allowPrivateAddresses: ['10.0.0.0/8'] })).toEqual(['10.0.0.0/8']);
  expect(await allowed({ allowPrivateAddresses: [] })).toEqual([]);
});
