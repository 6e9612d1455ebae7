/** Through the real command line: a controller that works is backed up, and another folder goes on from the file. */
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { createStage, jobs } from '../checks/stage.ts';
import { realClock } from '../server/clock.ts';
import { loadConfig } from '../server/config.ts';
import { shippedKinds } from '../server/kinds.ts';
import { type Controller, startController } from '../server/main.ts';
import { backup, restore } from './backup.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const folder = temporaryFolder('backup');
const [from, to, file] = ['from', 'to', 'copy.backup'].map((name) => join(folder.path, name)) as [
  string,
  string,
  string,
];
const person = { name: 'Ada', email: 'ada@example.com', password: 'a long enough password' };
const stage = createStage(realClock, { worker: 0 });
const yaml = `intervalSeconds: 1
apps:
  music:
    managers:
      worker: { minimum: 0, maximum: 8, meters: [{ use: http-info }], rules: [{ use: queue-size, ratio: 10 }] }
`;
let controller: Controller | undefined;

async function start(data: string): Promise<Controller> {
  await mkdir(data, { recursive: true });
  writeFileSync(join(data, 'headcount.yaml'), yaml);
  const config = await loadConfig(join(data, 'headcount.yaml'), { port: 0, data, env: {} });
  const meter = { ...stage.meter, use: 'http-info' };
  controller = await startController({ config, log: 'silent', kinds: { ...shippedKinds, meters: [meter] } });
  return controller;
}

const place = (data: string) => ({ file, data, config: join(from, 'headcount.yaml') });

beforeAll(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  vi.stubEnv('DATABASE_URL', '');
  stage.read = async () => [jobs(Date.now(), 25)];
  const { url, setUpLink, store } = await start(from);
  const token = setUpLink?.split('token=')[1];
  const made = await fetch(`${url}/api/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...person, token }),
  });
  expect(made.status, await made.text()).toBeLessThan(300);
  const app = await store.apps.get('music');
  const worker = await store.managers.get(app?.id ?? '', 'worker');
  await until(
    async () => (await store.decisions.list(worker?.id ?? '', { limit: 1 })).length > 0,
    'a decision',
    60_000,
  );
});
afterAll(async () => {
  await controller?.close();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  folder.remove();
});

test('a backup of a running controller, restored elsewhere, has its apps, history and people', async () => {
  const before = controller;
  if (!before) throw new Error('it runs');
  expect(await backup(place(from))).toBe(0);
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(existsSync(`${file}.half`)).toBe(false);
  const app = await before.store.apps.get('music');
  const points = (one: Controller) =>
    one.store.readings.series('1', 0, Date.now(), 'raw').then((series) => series.points);
  const decided = await before.store.decisions.list('1', { limit: 1_000 });
  const seen = await points(before);
  // While it goes on writing: its folder is in use.
  await expect(restore({ ...place(from), force: true })).rejects.toMatchObject({ code: 'STORE_IN_USE' });
  await before.close();

  expect(await restore(place(to))).toBe(0);
  const key = join(from, 'secret.key');
  if (existsSync(key)) copyFileSync(key, join(to, 'secret.key'));
  const after = await start(to);
  expect(await after.store.apps.get('music')).toEqual(app);
  expect(after.setUpLink).toBeUndefined();
  const kept = await after.store.decisions.list('1', { limit: 1_000 });
  expect(kept.slice(-decided.length)[0]?.managerId).toBe('1');
  expect(decided.length).toBeGreaterThan(0);
  expect((await points(after)).length).toBeGreaterThan(0);
  expect(seen.map(({ at }) => at)).toContain((await points(after))[0]?.at);
  const login = await fetch(`${after.url}/api/auth/sign-in/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: after.url },
    body: JSON.stringify({ email: person.email, password: person.password }),
  });
  expect(login.status, await login.text()).toBe(200);
  await after.close();

  await expect(restore(place(to))).rejects.toMatchObject({ code: 'STORE_EXISTS' });
  expect(await backup({ ...place(to), file: `${file}.2` })).toBe(0);
  expect(await restore({ ...place(to), file: `${file}.2`, force: true })).toBe(0);
});

test('what is damaged, foreign or newer is refused with what to do, and nothing is touched', async () => {
  const bytes = gunzipSync(readFileSync(file));
  const end = bytes.indexOf(10);
  const header = JSON.parse(bytes.subarray(0, end).toString());
  const write = (name: string, content: Uint8Array): string => {
    const path = join(folder.path, name);
    writeFileSync(path, content);
    return path;
  };
  const withHeader = (change: object): Uint8Array =>
    gzipSync(
      Buffer.concat([Buffer.from(`${JSON.stringify({ ...header, ...change })}\n`), bytes.subarray(end + 1)]),
      { level: 1 },
    );
  const migrations = [...header.migrations, { number: 999, checksum: 'x' }];
  const cases: [string, Uint8Array, string][] = [
    ['cut', readFileSync(file).subarray(0, 10_000), 'BACKUP_INVALID'],
    ['text', Buffer.from('hello'), 'BACKUP_INVALID'],
    ['other', gzipSync('{"what":"else"}\n'), 'BACKUP_INVALID'],
    ['format', withHeader({ format: 2 }), 'STORE_NEWER'],
    ['tables', withHeader({ migrations }), 'STORE_NEWER'],
  ];
  const data = join(folder.path, 'untouched');
  for (const [name, content, code] of cases)
    await expect(restore({ ...place(data), file: write(name, content) })).rejects.toMatchObject({ code });
  await expect(restore({ ...place(data), file: 'nowhere' })).rejects.toMatchObject({
    code: 'BACKUP_INVALID',
  });
  expect(existsSync(join(data, 'store', 'database'))).toBe(false);
});
