/** The client that is checked in is the one of the document, and works on a real controller; the example of the docs runs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type OpenController, openController } from '../../checks/open-controller.ts';
import type { ApiDocument } from '../api-document.ts';
import { calls } from './calls.ts';
import { ApiError, createClient } from './client.ts';
import { generated } from './generate.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let controller: OpenController;
let target: { url: string; key: string };

beforeAll(async () => {
  controller = await openController('client', { intervalSeconds: 3_600 });
  const { url, key } = controller;
  target = { url, key };
});
afterAll(() => controller?.close());

test('the files are those of the document', async () => {
  const document = (await (await fetch(`${controller.url}/api/openapi.json`)).json()) as ApiDocument;
  for (const [name, text] of Object.entries(generated(document))) {
    const file = new URL(name, import.meta.url);
    if (process.env.UPDATE_CLIENT) writeFileSync(file, text);
    expect(readFileSync(file, 'utf8'), `${name}: UPDATE_CLIENT=1 npx vitest run server/client`).toBe(text);
  }
});

describe('a client', () => {
  test('calls with path, query and body, and gives what is answered', async () => {
    const client = createClient(target);
    const app = await client.addApp({ body: { name: 'shop', url: 'https://shop.example' } });
    expect(app).toMatchObject({ name: 'shop', managers: [] });
    await client.addAppManager({ app: 'shop', body: { processType: 'worker', minimum: 0, maximum: 4 } });
    await client.setAppManagerHold({ app: 'shop', processType: 'worker', body: { count: 2 } });
    const [first] = await client.listApps({ limit: 1 });
    expect(first?.managers[0]).toMatchObject({ maximum: 4, hold: { count: 2, by: 'local' } });
    expect((await client.listDecisions({ app: 'shop', limit: 5 })).decisions).toBeInstanceOf(Array);
    expect(await client.removeApp({ app: 'shop' })).toBeUndefined();
    expect(await client.listApps()).toEqual([]);
  });

  test('gives a backup as the bytes of its file', async () => {
    const bytes = await createClient(target).getBackup();
    expect(gunzipSync(new Uint8Array(bytes)).length).toBeGreaterThan(bytes.byteLength);
  });

  test('throws what the API refuses, with its code', async () => {
    const client = createClient(target);
    const error = await client.getApp({ app: 'musik' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(String(error)).toContain('There is no app "musik"');
    await expect(createClient({ ...target, key: 'wrong' }).listApps()).rejects.toMatchObject({
      code: 'LOGIN_REQUIRED',
      status: 401,
    });
    const proxy = async () => new Response('<h1>Bad Gateway</h1>', { status: 502 });
    await expect(createClient({ ...target, fetch: proxy }).listApps()).rejects.toMatchObject({
      code: 'UNEXPECTED',
      status: 502,
    });
  });

  test('tries a change once more when no answer comes, and it is done once', async () => {
    let count = 0;
    const lossy: typeof fetch = async (...given) => {
      const answer = await fetch(...given);
      count += 1;
      if (count === 1) throw new TypeError('the answer was lost');
      return answer;
    };
    const app = await createClient({ ...target, fetch: lossy }).addApp({ body: { name: 'lost' } });
    expect([app.name, count]).toEqual(['lost', 2]);
    await createClient(target).removeApp({ app: 'lost' });
  });

  test('ends when its caller does, and tells that nobody answers', async () => {
    const client = createClient(target);
    const ended = AbortSignal.abort();
    await expect(client.listApps({}, { signal: ended })).rejects.toMatchObject({ name: 'AbortError' });
    const nobody: typeof fetch = async () => Promise.reject(new TypeError('fetch failed'));
    await expect(createClient({ ...target, fetch: nobody }).listApps()).rejects.toMatchObject({
      code: 'UNREACHABLE',
      status: 0,
    });
  });

  test('keeps the path of its address', async () => {
    const asked: string[] = [];
    const spy: typeof fetch = async (input) => {
      asked.push(String(input));
      return Response.json([]);
    };
    await createClient({ url: 'https://x.example/headcount/', fetch: spy }).listApps({ limit: 2 });
    expect(asked).toEqual(['https://x.example/headcount/api/apps?limit=2']);
    expect(Object.keys(calls).length).toBeGreaterThan(30);
  });
});

test('the example of docs/api.md runs', async () => {
  const text = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  expect(example).toContain("from 'headcount/client'");
  const client = pathToFileURL(join(import.meta.dirname, 'client.ts')).href;
  const file = join(controller.folder, 'example.ts');
  writeFileSync(file, example.replace("'headcount/client'", JSON.stringify(client)));
  vi.stubEnv('HEADCOUNT_URL', target.url);
  vi.stubEnv('HEADCOUNT_KEY', target.key);
  const lines: unknown[] = [];
  vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(line));
  await import(pathToFileURL(file).href);
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  expect(lines).toEqual(['catalogue worker: at most 12', 'NOT_FOUND']);
});
