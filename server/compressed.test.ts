/** What goes out packed, on a real controller and over a socket: fetch would unpack it, and hide what came. */
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenController, openController } from '../checks/open-controller.ts';
import { compressed, takes } from './compressed.ts';
import type { Env } from './request.ts';

let controller: OpenController;
let cookie = '';

beforeAll(async () => {
  const apps = Array.from({ length: 8 }, (_, n) => `  shop-${n}: { managers: { worker: { maximum: 5 } } }\n`);
  const yaml = `intervalSeconds: 3600\nmetricsOpen: true\napps:\n${apps.join('')}`;
  controller = await openController('compressed', { yaml });
  const token = new URL(controller.setUpLink ?? '').hash.slice('#token='.length);
  const ada = { name: 'Ada', email: 'ada@example.com', password: 'a long password of Ada', token };
  const made = await fetch(`${controller.url}/api/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ada),
  });
  cookie = made.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
});
afterAll(() => controller?.close());

interface Came {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
}

const key = (): Record<string, string> => ({ authorization: `Bearer ${controller.key}` });
const get = (path: string, accepted?: string, headers = key()): Promise<Came> =>
  send('GET', path, { ...headers, ...(accepted !== undefined && { 'accept-encoding': accepted }) });

function send(method: string, path: string, headers: Record<string, string>, body?: object): Promise<Came> {
  return new Promise((resolve, reject) => {
    const text = body && JSON.stringify(body);
    const more = text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const asked = request(
      `${controller.url}${path}`,
      { method, headers: { ...headers, ...more } },
      (came) => {
        const parts: Buffer[] = [];
        came.on('data', (part: Buffer) => parts.push(part));
        came.on('end', () =>
          resolve({ status: came.statusCode ?? 0, headers: came.headers, bytes: Buffer.concat(parts) }),
        );
        came.on('error', reject);
      },
    );
    asked.on('error', reject).end(text);
  });
}

describe('an answer of the API', () => {
  test.each([
    ['br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['br;q=0, gzip;q=0.1', 'gzip', gunzipSync],
  ])('goes to whoever takes "%s" as %s, smaller, and is the same', async (accepted, encoding, unpack) => {
    const plain = await get('/api/apps');
    expect(plain.headers['content-encoding']).toBeUndefined();
    const packed = await get('/api/apps', accepted);
    expect(packed.headers).toMatchObject({
      'content-encoding': encoding,
      'content-type': plain.headers['content-type'],
      'cache-control': 'no-store',
      'content-length': String(packed.bytes.length),
      vary: 'accept-encoding',
    });
    expect(packed.bytes.length).toBeLessThan(plain.bytes.length);
    expect(unpack(packed.bytes).toString()).toBe(plain.bytes.toString());
  });

  test.each(['identity', 'deflate', 'gzip;q=0, br;q=0', ''])(
    'goes as it is to whoever takes "%s"',
    async (accepted) => {
      const { headers, bytes } = await get('/api/apps', accepted);
      expect(headers['content-encoding']).toBeUndefined();
      expect(headers.vary).toBe('accept-encoding');
      expect(JSON.parse(bytes.toString())).toHaveLength(8);
    },
  );

  test('that is short goes as it is', async () => {
    const { headers, bytes } = await get('/api/me', 'gzip, br');
    expect([headers['content-encoding'], headers['content-length']]).toEqual([
      undefined,
      String(bytes.length),
    ]);
    expect(JSON.parse(bytes.toString())).toMatchObject({ loggedIn: true });
  });

  test('to a HEAD has no body, and no answer without one is touched', async () => {
    const head = await send('HEAD', '/api/apps', { ...key(), 'accept-encoding': 'gzip' });
    expect([head.status, head.headers['content-encoding'], head.bytes.length]).toEqual([200, undefined, 0]);
    await send('POST', '/api/apps', key(), { name: 'gone' });
    const gone = await send('DELETE', '/api/apps/gone', { ...key(), 'accept-encoding': 'gzip' });
    expect([gone.status, gone.headers['content-encoding'], gone.bytes.length]).toEqual([204, undefined, 0]);
  });

  test('that is a problem is packed as well when it is long', async () => {
    const options = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`no-such-option-${n}`, n]));
    const body = { name: 'wrong', fleet: { use: 'dry-run', options } };
    const { status, headers, bytes } = await send(
      'POST',
      '/api/apps',
      { ...key(), 'accept-encoding': 'gzip' },
      body,
    );
    expect([status, headers['content-type'], headers['content-encoding']]).toEqual([
      422,
      'application/problem+json',
      'gzip',
    ]);
    expect(JSON.parse(gunzipSync(bytes).toString())).toMatchObject({ code: 'OPTION_INVALID' });
  });

  test('that is given again is what was given first, however each asker takes it', async () => {
    const long = { name: 'twice', url: `http://127.0.0.1:1/${'path/'.repeat(300)}` };
    const same = { ...key(), 'idempotency-key': randomUUID() };
    const first = await send('POST', '/api/apps', { ...same, 'accept-encoding': 'br' }, long);
    const again = await send('POST', '/api/apps', { ...same, 'accept-encoding': 'gzip' }, long);
    const plain = await send('POST', '/api/apps', same, long);
    expect(again.headers).toMatchObject({ 'content-encoding': 'gzip', 'idempotency-replayed': 'true' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    const text = brotliDecompressSync(first.bytes).toString();
    expect(JSON.parse(text)).toMatchObject({ name: 'twice' });
    expect([gunzipSync(again.bytes).toString(), plain.bytes.toString()]).toEqual([text, text]);
    expect((await send('DELETE', '/api/apps/twice', key())).status).toBe(204);
  });
});

test('live updates stay a stream: the first of it comes while it goes on', async () => {
  const headers = { ...key(), 'accept-encoding': 'gzip, br' };
  const [type, encoding, first] = await new Promise<(string | undefined)[]>((resolve, reject) => {
    const asked = request(`${controller.url}/api/live`, { headers }, (came) => {
      came.once('data', (part: Buffer) => {
        resolve([came.headers['content-type'], came.headers['content-encoding'], part.toString()]);
        asked.destroy();
      });
      came.on('error', () => {});
    });
    asked.on('error', reject).end();
  });
  expect([type, encoding, first]).toEqual(['text/event-stream; charset=utf-8', undefined, 'retry: 2000\n\n']);
});

test('metrics and the page of the API are packed, a backup is not packed twice', async () => {
  const metrics = await get('/metrics', 'gzip', {});
  expect(metrics.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(metrics.bytes).toString()).toContain('# HELP headcount_waiting_jobs');
  const page = await get('/api/docs', 'br', {});
  expect(brotliDecompressSync(page.bytes).toString()).toMatch(/^<!doctype html>/i);
  const backup = await get('/api/backup', 'gzip, br');
  expect([backup.headers['content-type'], backup.headers['content-encoding']]).toEqual([
    'application/gzip',
    undefined,
  ]);
  expect(gunzipSync(backup.bytes).length).toBeGreaterThan(backup.bytes.length);
});

describe('with the cookie of a log-in', () => {
  test.each([
    ['same-origin', 'br'],
    [undefined, 'br'],
    ['cross-site', undefined],
    ['same-site', undefined],
    ['none', undefined],
  ])('a request that says it is %s is answered as %s', async (site, encoding) => {
    const headers = { cookie, ...(site && { 'sec-fetch-site': site }) };
    const came = await get('/api/apps', 'gzip, br', headers);
    expect([came.status, came.headers['content-encoding']]).toEqual([200, encoding]);
  });

  test('over https a browser that does not say where it asks from is not trusted', async () => {
    const encodingOf = async (publicUrl: string | undefined, path: string) => {
      const http = new Hono<Env>();
      http.use(compressed(publicUrl));
      http.get('*', (c) => c.json('x'.repeat(5_000)));
      const answer = await http.request(path, { headers: { cookie: 'a=b', 'accept-encoding': 'gzip' } });
      return answer.headers.get('content-encoding');
    };
    expect(await encodingOf('https://x.example', '/api/apps')).toBeNull();
    expect(await encodingOf('http://x.example', '/api/apps')).toBe('gzip');
    // The page itself has no secret.
    expect(await encodingOf('https://x.example', '/')).toBe('gzip');
  });
});

test.each([
  ['gzip', 'gzip', true],
  ['GZIP ; q=0.5', 'gzip', true],
  ['x-gzip', 'gzip', false],
  ['gzip;q=0.00', 'gzip', false],
  ['', 'br', false],
])('"%s" takes %s: %s', (accepted, encoding, taken) => {
  expect(takes(accepted, encoding)).toBe(taken);
});
