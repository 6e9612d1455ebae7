/** A controller below a path, behind a real reverse proxy that passes the path on, and behind one that cuts it off. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server, request as send } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type OpenController, openController } from '../checks/open-controller.ts';
import { freePort } from '../checks/servers.ts';
import { page } from './pages.ts';
import { pageBelow, prefixOf } from './path-prefix.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

let controller: OpenController;
let proxy: Server;
let publicUrl: string;
let cuts = false;

beforeAll(async () => {
  const [port, proxyPort] = [await freePort(), await freePort()];
  publicUrl = `http://127.0.0.1:${proxyPort}/headcount`;
  proxy = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/';
    if (!path.startsWith('/headcount')) return void outgoing.writeHead(404).end('not of Headcount');
    const onward = send(
      {
        port,
        host: '127.0.0.1',
        method: incoming.method,
        path: cuts ? path.slice('/headcount'.length) || '/' : path,
        headers: incoming.headers,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(proxyPort, '127.0.0.1', resolve));
  controller = await openController('prefix', { port, publicUrl, intervalSeconds: 3_600 });
});
afterAll(async () => {
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
  await controller?.close();
});

const ada = { name: 'Ada', email: 'ada@example.com', password: 'a long password of Ada' };
let cookie = '';

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(`${publicUrl}${path}`, {
    method,
    headers: {
      origin: new URL(publicUrl).origin,
      ...(cookie && { cookie }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return response;
}

function cookiesOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
}

test('the first person comes in by the link that is printed, which has the path', async () => {
  const link = new URL(controller.setUpLink ?? '');
  expect(link.href).toMatch(new RegExp(`^${publicUrl}/setup#token=`));
  const token = link.hash.slice('#token='.length);
  const answer = await call('POST', '/api/setup', { ...ada, token });
  expect(answer.status).toBe(200);
  expect(answer.headers.getSetCookie()[0]).toMatch(/; Path=\/(;|$)/);
});

describe.each([
  ['passes the path on', false],
  ['cuts the path off', true],
])('a proxy that %s', (_, cutting) => {
  beforeAll(() => {
    cuts = cutting;
    cookie = '';
  });

  test('log-in, the API, live updates and log-out', async () => {
    const { email, password } = ada;
    expect((await call('GET', '/api/apps')).status).toBe(401);
    const answer = await call('POST', '/api/auth/sign-in/email', { email, password });
    expect(answer.status).toBe(200);
    cookie = cookiesOf(answer);
    expect(await (await call('GET', '/api/me')).json()).toMatchObject({ loggedIn: true, email });
    expect((await call('POST', '/api/apps', { name: 'shop' })).status).toBe(201);
    const live = await call('GET', '/api/live');
    expect([live.status, live.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    await live.body?.cancel();
    const guide = await (await call('GET', '/api/apps/shop/setup-guide?measure=requests')).json();
    expect(guide).toMatchObject({ address: publicUrl });
    expect(JSON.stringify(guide)).toContain(`HEADCOUNT_URL=${publicUrl}`);
    expect((await call('DELETE', '/api/apps/shop')).status).toBe(204);
    expect((await call('POST', '/api/auth/sign-out', {})).status).toBe(200);
    expect((await call('GET', '/api/apps')).status).toBe(401);
  });

  test('the document and what is about the process', async () => {
    expect(await (await call('GET', '/api/openapi.json')).json()).toMatchObject({
      servers: [{ url: '/headcount' }],
    });
    expect((await call('GET', '/api/docs')).status).toBe(200);
    expect((await call('GET', '/healthz')).status).toBe(200);
    expect((await call('GET', '/api/nothing')).headers.get('content-type')).toBe('application/problem+json');
  });
});

test('the page loads what is below the path, and is told of it', async () => {
  const web = join(controller.folder, 'web');
  mkdirSync(web);
  writeFileSync(
    join(web, 'index.html'),
    '<html><head><link href="/icon.svg"><script src="/assets/a.js"></script><a href="//other/x">x</a></head></html>',
  );
  const html = await (await page(web, '/apps/shop', '/headcount')).text();
  expect(html).toContain('<meta name="headcount-path" content="/headcount" />');
  expect(html).toContain('href="/headcount/icon.svg"');
  expect(html).toContain('src="/headcount/assets/a.js"');
  expect(html).toContain('href="//other/x"');
  expect(await (await page(web, '/')).text()).toContain('href="/icon.svg"');
  expect(pageBelow('<head>', '')).toBe('<head>');
});

test.each([
  [undefined, ''],
  ['https://x.example', ''],
  ['https://x.example/', ''],
  ['https://x.example/a/b/', '/a/b'],
])('the path of %s is "%s"', (url, prefix) => {
  expect(prefixOf(url)).toBe(prefix);
});
