import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { page } from './pages.ts';

const folder = temporaryFolder('pages');
const dist = join(folder.path, 'dist');
beforeAll(() => {
  mkdirSync(join(dist, 'assets'), { recursive: true });
  writeFileSync(join(dist, 'index.html'), '<title>Headcount</title>');
  writeFileSync(join(dist, 'assets', 'main-4f2a.js'), 'start()');
  writeFileSync(join(dist, 'assets', 'main-4f2a.js.br'), brotliCompressSync('start()'));
  writeFileSync(join(dist, 'assets', 'main-4f2a.js.gz'), gzipSync('start()'));
  writeFileSync(join(dist, 'assets', 'tiny-77c0.js'), 'go()');
  writeFileSync(join(dist, '.built'), '1');
  writeFileSync(join(folder.path, 'secret.txt'), 'secret');
  symlinkSync(join(folder.path, 'secret.txt'), join(dist, 'link.txt'));
});
afterAll(folder.remove);

test.each(['/', '/apps/music', '/setup', '/apps/music/managers/worker'])('%s is the page', async (path) => {
  const response = await page(dist, path);
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-control')).toBe('no-cache');
  expect(await response.text()).toContain('<title>Headcount');
});

test('an asset is kept for ever, because its name changes with what is in it', async () => {
  const response = await page(dist, '/assets/main-4f2a.js');
  expect(response.headers.get('content-type')).toContain('text/javascript');
  expect(response.headers.get('cache-control')).toContain('immutable');
});

const asIs = (bytes: Buffer): Buffer => bytes;
test.each([
  ['gzip, deflate, br', 'br', brotliDecompressSync],
  ['BR ; q=0.5', 'br', brotliDecompressSync],
  ['gzip, deflate', 'gzip', gunzipSync],
  ['br;q=0, gzip', 'gzip', gunzipSync],
  ['br;q=0.000, gzip; q=0', null, asIs],
  ['brotli', null, asIs],
  ['', null, asIs],
])('to a browser that takes "%s" an asset goes as %s', async (accepted, encoding, unpack) => {
  const response = await page(dist, '/assets/main-4f2a.js', '', accepted);
  expect(response.headers.get('content-encoding')).toBe(encoding);
  expect(response.headers.get('vary')).toBe('accept-encoding');
  expect(response.headers.get('cache-control')).toContain('immutable');
  expect(unpack(Buffer.from(await response.arrayBuffer())).toString()).toBe('start()');
});

test('what was too small to be packed goes as it is', async () => {
  const response = await page(dist, '/assets/tiny-77c0.js', '', 'gzip, br');
  expect(response.headers.get('content-encoding')).toBeNull();
  expect(await response.text()).toBe('go()');
});

test.each(['/assets/main-4f2a.js.br', '/assets/main-4f2a.js.gz'])('%s is no address', async (path) => {
  expect((await page(dist, path, '', 'br')).status).toBe(404);
});

test.each(['/assets/gone.js', '/../secret.txt', '/..%2fsecret.txt', '/link.txt', '/.built', '/%E0%A4%A.js'])(
  '%s does not get out',
  async (path) => {
    expect(await (await page(dist, path)).text()).not.toMatch(/secret|^1$/);
  },
);

test('a page that is not built says so', async () => {
  const response = await page(join(folder.path, 'nowhere'), '/');
  expect(response.status).toBe(503);
  expect(await response.text()).toContain('npm run build');
});
