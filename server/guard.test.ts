import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Allowed, createGuard, problemsWithNetworks } from './guard.ts';
import { createPost } from './post.ts';

let port: number;
let hits = 0;
const server = createServer((request, response) => {
  hits += 1;
  if (request.url === '/elsewhere') response.writeHead(302, { location: '/' }).end();
  else if (request.url === '/endless') response.end('x'.repeat(1_000_000));
  else response.end('here');
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());

const post = (url: string, allowed: Allowed = []) =>
  createPost(createGuard(allowed))({
    url,
    headers: {},
    body: '{}',
    signal: AbortSignal.timeout(60_000),
  });

const inside = [
  'http://127.0.0.1',
  'http://localhost',
  'http://2130706433',
  'http://0x7f000001',
  'http://0177.0.0.1',
  'http://127.1',
  'http://0.0.0.0',
  'http://[::1]',
  'http://[::]',
  'http://[::ffff:127.0.0.1]',
  'http://[::ffff:7f00:1]',
  'http://[64:ff9b::7f00:1]',
  'http://[fe80::1]',
  'http://[fd00::1]',
  'http://10.0.0.1',
  'http://172.16.0.1',
  'http://192.168.1.1',
  'http://169.254.169.254',
  'http://100.64.0.1',
  'http://224.0.0.1',
  'http://255.255.255.255',
];

test.each(inside)('%s is not called', async (base) => {
  const before = hits;
  await expect(post(`${base}:${port}/`)).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
  expect(hits).toBe(before);
});

test('what the configuration allows is called, also by its name', async () => {
  for (const allowed of [true, ['127.0.0.0/8'], ['127.0.0.1']] as const)
    expect(await post(`http://127.0.0.1:${port}/`, allowed)).toEqual({ status: 200, text: 'here' });
  expect(await post(`http://localhost:${port}/`, ['127.0.0.1', '::1'])).toMatchObject({ status: 200 });
  await expect(post(`http://127.0.0.1:${port}/`, ['10.0.0.0/8', 'fd00::/8'])).rejects.toMatchObject({
    code: 'ADDRESS_REFUSED',
  });
});

test('a redirect is answered as it is and not followed', async () => {
  expect(await post(`http://127.0.0.1:${port}/elsewhere`, true)).toMatchObject({ status: 302 });
});

test('a large answer is cut', async () => {
  expect((await post(`http://127.0.0.1:${port}/endless`, true)).text.length).toBeLessThanOrEqual(65_536);
});

test('a list of networks is checked', () => {
  expect(problemsWithNetworks(['10.0.0.0/8', '::1', 'fd00::/8'])).toEqual([]);
  expect(problemsWithNetworks(['10.0.0.0/99', 'intranet'])).toHaveLength(2);
});
