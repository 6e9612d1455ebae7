/** The whole controller on a real socket and a real store. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { createStage, jobs, type Stage } from '../checks/stage.ts';
import type { CheckupEvent } from './api.ts';
import { realClock } from './clock.ts';
import { type ConfigOverrides, loadConfig } from './config.ts';
import { shippedKinds } from './kinds.ts';
import { type Controller, startController } from './main.ts';

// Each test makes a database anew, up to three of them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let folder: { path: string; remove(): void };
let stage: Stage;
const running: Controller[] = [];
beforeEach(() => {
  folder = temporaryFolder('main');
  stage = createStage(realClock, { worker: 0 });
});
afterEach(async () => {
  for (const controller of running.splice(0)) await controller.close();
  folder.remove();
});

const yaml = (maximum: number): string => `
intervalSeconds: 1
apps:
  music:
    managers:
      worker: { minimum: 0, maximum: ${maximum}, meters: [{ use: http-info }], rules: [{ use: queue-size, ratio: 10 }] }
`;

async function start(text: string, overrides: ConfigOverrides = {}): Promise<Controller> {
  writeFileSync(join(folder.path, 'headcount.yaml'), text);
  const config = await loadConfig(undefined, { cwd: folder.path, env: {}, port: 0, ...overrides });
  const meter = { ...stage.meter, use: 'http-info' };
  const kinds = { ...shippedKinds, meters: [meter] };
  const controller = await startController({ config, log: 'silent', kinds });
  running.push(controller);
  return controller;
}

const file = (): { url: string; key: string; pid: number } =>
  JSON.parse(readFileSync(join(folder.path, '.headcount', 'controller.json'), 'utf8'));

async function call(method: string, path: string, body?: unknown) {
  const { url, key } = file();
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return await response.json();
}

test('starts, makes checkups, answers, streams, and stops without a trace', async () => {
  stage.read = async () => [jobs(Date.now(), 25)];
  const controller = await start(yaml(8));
  const events: CheckupEvent[] = [];
  const stopListening = controller.onCheckup((event) => events.push(event));
  expect(controller.setUpLink).toMatch(new RegExp(`^${controller.url}/setup#token=[\\w-]{32}$`));
  expect(file()).toMatchObject({ url: controller.url, pid: process.pid });
  expect(statSync(join(folder.path, '.headcount', 'controller.json')).mode & 0o777).toBe(0o600);
  await until(() => events.length > 0, 'a checkup');
  stopListening();
  expect(events[0]).toMatchObject({
    app: 'music',
    processType: 'worker',
    point: { waiting: 25, desired: 3 },
  });
  expect(await call('GET', '/api/apps')).toMatchObject([{ name: 'music', managers: [{ maximum: 8 }] }]);

  const { url, key } = file();
  const stream = await fetch(`${url}/api/live`, { headers: { authorization: `Bearer ${key}` } });
  const first = await stream.body!.getReader().read();
  expect(new TextDecoder().decode(first.value)).toContain('retry:');

  await controller.close();
  await controller.close();
  expect(existsSync(join(folder.path, '.headcount', 'controller.json'))).toBe(false);
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
});

test('a restart keeps what a person set; a change of the file wins', async () => {
  const first = await start(yaml(8));
  expect(await call('PATCH', '/api/apps/music/managers/worker', { maximum: 5 })).toMatchObject({
    maximum: 5,
  });
  const { token } = await call('GET', '/api/apps/music');
  await first.close();

  const second = await start(yaml(8));
  expect(await call('GET', '/api/apps/music')).toMatchObject({ token, managers: [{ maximum: 5 }] });
  await second.close();

  await start(yaml(9));
  expect(await call('GET', '/api/apps/music')).toMatchObject({ token, managers: [{ maximum: 9 }] });
});

test('a port in use is one clear message, and leaves nothing open', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const starting = start(yaml(8), { port });
  await expect(starting).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  await expect(starting).rejects.toThrow(
    `The controller cannot listen on 127.0.0.1:${port}: something else listens there. Stop it, or choose another port with --port`,
  );
  await new Promise((resolve) => other.close(resolve));
  await start(yaml(8), { port });
});

test('a second controller on the same folder is refused, and the first goes on', async () => {
  await start(yaml(8));
  await expect(start(yaml(8))).rejects.toMatchObject({ code: 'STORE_IN_USE' });
  expect(await call('GET', '/api/apps')).toHaveLength(1);
});

test('one app whose fleet cannot be opened does not keep the others from working', async () => {
  stage.read = async () => [jobs(Date.now(), 25)];
  const controller = await start(`${yaml(8)}  broken:\n    fleet: { use: local, procfile: nowhere }\n`);
  const seen = new Set<string>();
  controller.onCheckup(({ app }) => seen.add(app));
  await until(() => seen.has('music'), 'a checkup of the other app');
  expect((await call('GET', '/api/apps')).map(({ name }: { name: string }) => name).sort()).toEqual([
    'broken',
    'music',
  ]);
});
