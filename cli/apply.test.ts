/** export, diff and apply against a real controller, as a person runs them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type OpenController, openController } from '../checks/open-controller.ts';
import type { App } from '../server/api.ts';
import type { Channel } from '../server/api-issues.ts';
import { apply } from './apply.ts';
import { call, type Target } from './call.ts';
import { diff } from './diff.ts';
import { exportConfiguration } from './export.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let controller: OpenController;
let target: Target;

beforeAll(async () => {
  controller = await openController('apply', { intervalSeconds: 3_600 });
  const { url, key } = controller;
  target = { url, key };
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  for (const { name } of await apps()) await call(target, 'DELETE', `/api/apps/${name}`);
  for (const { id } of await channels()) await call(target, 'DELETE', `/api/channels/${id}`);
});
afterAll(() => controller?.close());

const apps = () => call<App[]>(target, 'GET', '/api/apps');
const channels = () => call<Channel[]>(target, 'GET', '/api/channels');

const redis = 'redis://:s3cret-of-redis@127.0.0.1:1/0';
const hook = 'https://hooks.slack.com/services/T0/B0/s3cret-of-slack';

const shop = `
apps:
  shop:
    url: https://shop.example
    managers:
      worker:
        maximum: 8
        meters: [{ use: celery-redis, url: "\${REDIS}", queue: mail }]
        rules: [{ use: wait-goal, goalSeconds: 30 }]
      web: { minimum: 1, maximum: 2, paused: true }
channels:
  on call:
    notifier: { use: slack, url: "\${SLACK}" }
    tells: { leastSeverity: critical, apps: [shop], quiet: { from: "22:00", to: "07:00", timeZone: Europe/Berlin } }
`;

/** Runs a command with what it prints; a refusal is its message. */
async function run(
  command: typeof apply | typeof diff,
  text: string,
  options: Partial<Parameters<typeof apply>[0]> = {},
): Promise<{ code: number | string; out: string }> {
  const file = join(controller.folder, 'given.yaml');
  writeFileSync(file, text);
  const lines: string[] = [];
  const keep = (line: unknown): boolean => lines.push(String(line)) > 0;
  vi.spyOn(console, 'log').mockImplementation(keep);
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
  const code = await command({ file, ...target, ...options }).catch((error: Error) => error.message);
  vi.restoreAllMocks();
  return { code, out: lines.join('\n') };
}

async function exported(): Promise<string> {
  const file = join(controller.folder, `export-${Date.now()}-${Math.random()}.yaml`);
  vi.spyOn(console, 'log').mockImplementation(() => {});
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  await exportConfiguration({ ...target, out: file });
  vi.restoreAllMocks();
  return readFileSync(file, 'utf8');
}

async function applyShop(): Promise<void> {
  vi.stubEnv('REDIS', redis);
  vi.stubEnv('SLACK', hook);
  expect((await run(apply, shop)).code).toBe(0);
}

const unchanged = 'Nothing to change: the controller is as the file says.';

describe('apply', () => {
  test('makes what is not there, and nothing the second time', async () => {
    vi.stubEnv('REDIS', redis);
    vi.stubEnv('SLACK', hook);
    expect(await run(diff, shop)).toEqual({
      code: 1,
      out: '+ app shop\n+ manager shop worker\n+ manager shop web\n+ channel on call\n4 to create, 0 to change, 0 to remove.',
    });
    expect(await run(apply, shop, { dryRun: true })).toMatchObject({ code: 0 });
    expect(await apps()).toEqual([]);
    expect(await run(apply, shop)).toEqual({
      code: 0,
      out: 'app shop: created\nmanager shop worker: created\nmanager shop web: created\nchannel on call: created',
    });
    expect(await run(apply, shop)).toEqual({ code: 0, out: unchanged });
    expect(await run(diff, shop)).toEqual({ code: 0, out: 'No differences.' });
    expect(await apps()).toMatchObject([
      { name: 'shop', url: 'https://shop.example', fleet: { use: 'dry-run' }, managers: [{}, {}] },
    ]);
    expect(await channels()).toMatchObject([{ name: 'on call', tells: { quiet: { from: '22:00' } } }]);
  });

  test('tells each change with what was before, and never a secret', async () => {
    await applyShop();
    vi.stubEnv('REDIS', 'redis://:an0ther@127.0.0.1:1/0');
    const text = shop
      .replace('maximum: 8', 'minimum: 1\n        maximum: 9')
      .replace('goalSeconds: 30', 'goalSeconds: 20')
      .replace('    url: https://shop.example\n', '');
    const { code, out } = await run(diff, text);
    expect(code).toBe(1);
    expect(out).toBe(
      [
        '~ app shop',
        '    url: https://shop.example -> none',
        '~ manager shop worker',
        '    minimum: 0 -> 1',
        '    maximum: 8 -> 9',
        '    meters: { use: celery-redis, url: ••••••, queue: mail } -> { use: celery-redis, url: ••••••, queue: mail } (another secret)',
        '    rules: { use: wait-goal, goalSeconds: 30 } -> { use: wait-goal, goalSeconds: 20 }',
        '0 to create, 2 to change, 0 to remove.',
      ].join('\n'),
    );
    expect((await run(apply, text)).out).toBe('app shop: changed\nmanager shop worker: changed');
    expect(await run(apply, text)).toEqual({ code: 0, out: unchanged });
    const [app] = await apps();
    expect(app?.url).toBeUndefined();
    const store = await controller.store.apps.get('shop');
    const stored = await controller.store.managers.get(store?.id ?? '', 'worker');
    expect(stored?.meters[0]?.options.url).toBe('redis://:an0ther@127.0.0.1:1/0');
  });

  test('removes what the file does not name only when told so, and only of kinds that it names', async () => {
    await applyShop();
    await call(target, 'POST', '/api/apps', { name: 'blog' });
    const less =
      'apps:\n  shop:\n    url: https://shop.example\n    managers:\n      web: { minimum: 1, maximum: 2, paused: true }\n';
    expect(await run(diff, less)).toEqual({
      code: 0,
      out: 'Not in the file, left alone without --prune: manager shop worker, app blog.',
    });
    expect((await run(apply, less)).code).toBe(0);
    expect(await apps()).toHaveLength(2);
    const pruned = await run(apply, less, { prune: true });
    expect(pruned.out).toBe('manager shop worker: removed\napp blog: removed');
    expect((await apps()).map(({ name, managers }) => [name, managers.length])).toEqual([['shop', 1]]);
    // The file says nothing of channels.
    expect(await channels()).toHaveLength(1);
    expect(await run(apply, 'port: 4700\n', { prune: true })).toEqual({ code: 0, out: unchanged });
    expect(await apps()).toHaveLength(1);
  });

  test('says how far it came when a change is refused', async () => {
    const text = shop.slice(0, shop.indexOf('channels')).replace(/"\$\{REDIS\}"/, 'redis://x');
    const { code } = await run(
      apply,
      text.replace('managers:', 'fleet: { use: local, procfile: nowhere/Procfile }\n    managers:'),
    );
    expect(code).toContain('The app "shop" could not be set: ');
    expect(code).toContain('0 of 3 changes are made; mend this and run it again.');
  });
});

describe('export', () => {
  test('is applied as it is: nothing changes, with secrets that it does not tell', async () => {
    await applyShop();
    vi.unstubAllEnvs();
    const yaml = await exported();
    expect(yaml).not.toContain('s3cret');
    expect(yaml).toMatch(/url: \$\{SHOP_WORKER_CELERY_REDIS_URL\}/);
    expect(yaml).toMatch(/url: \$\{ON_CALL_SLACK_URL\}/);
    expect(await run(diff, yaml)).toEqual({ code: 0, out: 'No differences.' });
    expect(await run(apply, yaml, { prune: true })).toEqual({ code: 0, out: unchanged });
  });

  test('makes the same again in an empty controller, once its variables are set', async () => {
    await applyShop();
    vi.unstubAllEnvs();
    const yaml = await exported();
    const before = [await apps(), await channels()];
    await call(target, 'DELETE', '/api/apps/shop');
    for (const { id } of await channels()) await call(target, 'DELETE', `/api/channels/${id}`);
    expect((await run(apply, yaml)).code).toContain(
      'shop worker meters celery-redis url: its environment variable is not set',
    );
    vi.stubEnv('SHOP_WORKER_CELERY_REDIS_URL', redis);
    vi.stubEnv('ON_CALL_SLACK_URL', hook);
    expect((await run(apply, yaml)).code).toBe(0);
    const settings = (all: unknown): unknown =>
      JSON.parse(
        JSON.stringify(all, (key, value: unknown) =>
          ['token', 'createdAt', 'id', 'latest', 'unknown', 'learned'].includes(key) ? undefined : value,
        ),
      );
    expect(settings([await apps(), await channels()])).toEqual(settings(before));
    expect(await run(diff, yaml)).toEqual({ code: 0, out: 'No differences.' });
  });

  test('an empty controller is an empty file that names both kinds', async () => {
    expect(await exported()).toBe('apps: {}\nchannels: {}\n');
  });
});

describe('what is wrong', () => {
  test('a misspelt key is answered with what was meant, and where', async () => {
    const { code, out } = await run(diff, shop.replace('maximum: 8', 'maximun: 8'));
    expect(code).toBe(2);
    expect(out).toContain(
      'line 7, column 9, apps.shop.managers.worker.maximun: unknown key "maximun", did you mean "maximum"?',
    );
  });

  test('a wrong key of the controller', async () => {
    const { code } = await run(apply, 'apps: {}\n', { key: 'wrong' });
    expect(code).toContain('it does not know this key');
  });
});

test('secrets are compared and never told', async () => {
  await applyShop();
  const ask = (value: string, more: object = {}) =>
    call<boolean[]>(target, 'POST', '/api/configuration/secrets', [
      {
        app: 'shop',
        processType: 'worker',
        side: 'meters',
        index: 0,
        use: 'celery-redis',
        option: 'url',
        value,
        ...more,
      },
    ]);
  expect(await ask(redis)).toEqual([true]);
  expect(await ask('redis://other')).toEqual([false]);
  expect(await ask(redis, { app: 'blog' })).toEqual([false]);
  expect(await ask(redis, { option: 'nothing' })).toEqual([false]);
  expect(await ask('{}', { side: 'fleets' })).toEqual([false]);
  await expect(ask(redis, { side: 'flets' })).rejects.toThrow('side');
});
