/**
 * Judoscale's own adapters, from npm, in a real app: Express with `judoscale-express`, BullMQ on a real Redis with
 * `judoscale-bullmq`, in a process of its own, reporting to a real controller that scales a dry run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { has, type RedisServer, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { freePort, until } from '../../checks/servers.ts';
import { root } from '../../checks/tree.ts';
import type { App, Evaluation, Inbox } from '../api.ts';
import { loadConfig } from '../config.ts';
import { type Controller, startController } from '../main.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const yaml = `
intervalSeconds: 1
apps:
  shop:
    managers:
      worker: { maximum: 20, meters: [{ use: judoscale, queues: mail, maximumAgeSeconds: 11 }], rules: [{ use: queue-size, ratio: 5 }] }
      web: { minimum: 1, maximum: 9, meters: [{ use: request-queue-time }], rules: [{ use: queue-time }] }
      busy: { maximum: 9, meters: [{ use: process-load, name: web, measure: utilisation }], rules: [{ use: load, minimum: 10, maximum: 80 }] }
`;

/** The app as its documentation has it; only the time between two reports is shorter. */
const appScript = `
const express = require('express');
const { Judoscale, middleware } = require('judoscale-express');
require('judoscale-bullmq');
const judoscale = new Judoscale({ report_interval_seconds: 0.25, log_level: 'error' });
const app = express();
app.use(middleware(judoscale));
app.get('/', (request, response) => response.send('ok'));
app.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'));
`;

describe.skipIf(!has('redisServer'))('the official adapters', () => {
  const folder = temporaryFolder('judoscale');
  let redis: RedisServer;
  let controller: Controller;
  let queue: Queue;
  let app: ChildProcess;
  let appPort = 0;
  let errors = '';
  const undo: (() => unknown)[] = [() => folder.remove()];

  beforeAll(async () => {
    redis = await startRedis();
    undo.push(() => redis.stop());
    writeFileSync(join(folder.path, 'headcount.yaml'), yaml);
    const config = await loadConfig(undefined, { cwd: folder.path, env: {}, port: 0 });
    controller = await startController({ config, log: 'silent' });
    undo.push(() => controller.close());
    // The adapter looks for queues once, at its first report.
    queue = new Queue('mail', { connection: { port: redis.port, host: '127.0.0.1' } });
    undo.push(() => queue.close());
    await queue.add('first', {});
    appPort = await freePort();
    const { token } = await call<App>('/api/apps/shop');
    app = startApp({ JUDOSCALE_URL: `${controller.url}/api/${token}`, DYNO: 'web.1' });
    undo.push(() => app.kill('SIGKILL'));
    await until(() => answers(), 'the app');
  });
  afterAll(async () => {
    for (const each of undo.reverse()) await each();
  });

  function startApp(env: Record<string, string>): ChildProcess {
    const child = spawn(process.execPath, ['-e', appScript], {
      cwd: root,
      env: { ...process.env, ...env, REDIS_URL: redis.url, PORT: String(appPort) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.on('data', (data) => {
      errors += String(data);
    });
    return child;
  }

  async function answers(ago?: number): Promise<boolean> {
    const headers = ago === undefined ? {} : { 'x-request-start': String(Date.now() - ago) };
    try {
      return (await fetch(`http://127.0.0.1:${appPort}/`, { headers })).ok;
    } catch {
      return false;
    }
  }

  async function call<T>(path: string, method = 'GET'): Promise<T> {
    const { key } = JSON.parse(
      await import('node:fs/promises').then(({ readFile }) =>
        readFile(join(folder.path, '.headcount', 'controller.json'), 'utf8'),
      ),
    ) as { key: string };
    const response = await fetch(`${controller.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
    });
    return (await response.json()) as T;
  }

  const evaluate = (type: string) => call<Evaluation>(`/api/apps/shop/managers/${type}/evaluate`, 'POST');

  test('are heard by name and version', async () => {
    await until(
      async () => (await call<Inbox>('/api/apps/shop/inbox')).heard.length > 0,
      `a report; the app said: ${errors}`,
    );
    const { heard, dropped } = await call<Inbox>('/api/apps/shop/inbox');
    expect(heard).toMatchObject([
      { dialect: 'judoscale', agent: expect.stringMatching(/^judoscale-express-\d.*judoscale-bullmq-\d/) },
    ]);
    expect(dropped).toEqual({});
  });

  test("BullMQ's waiting jobs scale the worker", async () => {
    await queue.addBulk(Array.from({ length: 41 }, (_, n) => ({ name: 'mail', data: { n } })));
    await until(async () => (await evaluate('worker')).desired === 9, '42 jobs at 5 per process');
    expect(await evaluate('worker')).toMatchObject({
      readings: [{ kind: 'jobs', queue: 'mail', waiting: 42, running: 0 }],
      unknown: false,
    });
    await until(async () => (await evaluate('worker')).current === 9, 'the dry run to be scaled');
    await queue.drain();
    await until(async () => (await evaluate('worker')).current === 0, 'the dry run to be scaled down');
  });

  test("Express's queue times scale the web processes, its utilisation is read", async () => {
    for (let n = 0; n < 20; n++) await answers(700);
    await until(async () => (await evaluate('web')).readings[0]?.kind === 'requests', 'queue times');
    const { readings, reasons } = await evaluate('web');
    expect(readings).toMatchObject([{ kind: 'requests', perSecond: expect.any(Number) }]);
    expect(reasons[0]?.text).toMatch(
      /^the request queue time at 95 % is (7\d\d|8\d\d|9\d\d) ms, above 100 ms|1\.\d s/,
    );
    await until(async () => (await evaluate('web')).current > 1, 'a step up');
    await until(async () => (await evaluate('busy')).readings[0]?.kind === 'value', 'the utilisation');
    expect((await evaluate('busy')).readings).toMatchObject([{ name: 'utilisation', unit: '%' }]);
  });

  test('a token that nobody has is refused, and the bodies that are no reports', async () => {
    const post = async (path: string, body: string, headers: Record<string, string> = {}) =>
      (await fetch(`${controller.url}${path}`, { method: 'POST', body, headers })).status;
    const { token } = await call<App>('/api/apps/shop');
    const good = JSON.stringify({ container: 'web.1', adapters: {}, metrics: [] });
    expect(await post('/api/nobody/v3/reports', good)).toBe(401);
    expect(await post('/v3/reports', good)).toBe(401);
    expect(await post('/v3/reports', good, { authorization: `Bearer ${token}` })).toBe(200);
    const basic = `Basic ${Buffer.from(`any:${token}`).toString('base64')}`;
    expect(await post('/v3/reports', good, { authorization: basic })).toBe(200);
    expect(await post(`/api/${token}/v3/reports`, '[]')).toBe(422);
    expect(await post(`/api/${token}/v3/reports`, ' '.repeat(2_000_001))).toBe(413);
  });

  test('when the app is gone its jobs are unknown and nobody is sent home', async () => {
    await queue.addBulk(Array.from({ length: 10 }, (_, n) => ({ name: 'mail', data: { n } })));
    await until(async () => (await evaluate('worker')).current === 2, 'two workers');
    app.kill('SIGKILL');
    await until(async () => (await evaluate('worker')).unknown, 'silence to be noticed', 90_000);
    expect(await evaluate('worker')).toMatchObject({ current: 2, desired: 2 });
    expect(errors).toBe('');
  });
});
