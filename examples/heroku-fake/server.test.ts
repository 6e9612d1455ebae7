/** The fake Heroku by itself: what it refuses, how its dynos live and end, and real processes in them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { lives } from '../../checks/programs.ts';
import { until } from '../../checks/servers.ts';
import { virtualClock } from '../../checks/stage.ts';
import { type FakeHeroku, type FakeOptions, startFakeHeroku } from './server.ts';

const procfile = { web: 'node web.js', worker: 'node worker.js' };
const opened: { close(): unknown }[] = [];
const folder = temporaryFolder('heroku-fake');

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function open(options: Partial<FakeOptions> = {}): Promise<FakeHeroku> {
  const fake = await startFakeHeroku({ procfile, ...options });
  opened.push(fake);
  return fake;
}

type Fields = Readonly<Record<string, unknown>>;

interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

async function ask<Body = Fields>(
  url: string,
  call: string,
  body?: unknown,
  more: Record<string, string> = {},
): Promise<Answer<Body>> {
  const [method = '', path = ''] = call.split(' ');
  const headers = {
    accept: 'application/vnd.heroku+json; version=3',
    authorization: 'Bearer fake-key',
    'content-type': 'application/json',
    ...more,
  };
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
  const response = await fetch(`${url}${path}`, init);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

const looks = async (url: string): Promise<string> =>
  (await ask<Fields[]>(url, 'GET /apps/demo/dynos', undefined, { range: 'name ..' })).body
    .map(({ name, state }) => `${name} ${state}`)
    .join(', ');

describe('the schema', () => {
  const batch = 'PATCH /apps/demo/formation';
  const refused: readonly [string, unknown][] = [
    [batch, {}],
    [batch, { updates: {} }],
    [batch, { updates: [] }],
    [batch, { updates: [{ quantity: 1 }] }],
    [batch, { updates: [{ type: 'worker', quantity: 1.5 }] }],
    [batch, { updates: [{ type: 'worker', quantity: -1 }] }],
    [batch, { updates: [{ type: 'worker', quantity: 1, colour: 'red' }] }],
    [batch, { updates: [{ type: 'worker', dyno_size: 'standard-2x' }] }],
    [batch, { updates: [{ type: 'worker', dyno_size: { name: 'gigantic' } }] }],
    [batch, { updates: [{ type: 'worker' }, { type: 'worker' }] }],
    [`${batch}/worker`, { quantity: 'many' }],
    ['POST /apps/demo/dynos', {}],
    ['PATCH /apps/demo/config-vars', { 'A-B': 'x' }],
    ['PATCH /apps/demo/config-vars', { A: 1 }],
  ];
  test('refuses what it does not allow, with an error object, and does nothing', async () => {
    const fake = await open();
    for (const [call, body] of refused) {
      const { status, body: error } = await ask(fake.url, call, body);
      expect({ call, body, status, id: error.id }).toEqual({ call, body, status: 422, id: 'invalid_params' });
      expect(error).toEqual({ id: 'invalid_params', message: expect.any(String), url: expect.any(String) });
    }
    expect(fake.stats()).toMatchObject({ scaleCalls: 0, formation: { web: 0, worker: 0 } });
  });

  test('what only the command line sends is accepted, but not in strict mode', async () => {
    const updates = [
      { type: 'worker', quantity: '+2', size: 'standard-2x' },
      { type: 'web', quantity: '1' },
    ];
    const loose = await open();
    const { body } = await ask<Fields[]>(loose.url, batch, { updates });
    expect(body.map((row) => [row.type, row.quantity, row.size])).toEqual([
      ['web', 1, 'Standard-1X'],
      ['worker', 2, 'Standard-2X'],
    ]);
    await ask(loose.url, `${batch}/worker`, { quantity: '-5' });
    expect(loose.stats().formation.worker).toBe(0);
    const strict = await open({ strict: true });
    for (const update of updates)
      expect((await ask(strict.url, batch, { updates: [update] })).status).toBe(422);
  });

  test('key, Accept, path and body are looked at', async () => {
    const { url } = await open();
    const list = 'GET /apps/demo/formation';
    expect((await ask(url, list, undefined, { authorization: 'Bearer other' })).status).toBe(401);
    expect((await ask(url, list, undefined, { accept: 'application/json' })).status).toBe(406);
    expect((await ask(url, 'GET /apps/other/formation')).body.id).toBe('not_found');
    expect((await ask(url, `${batch}/mailer`, { quantity: 1 })).status).toBe(404);
    expect((await ask(url, batch, {}, { 'content-type': 'text/plain' })).status).toBe(400);
    expect((await ask(url, list, undefined, { range: 'colour ..' })).status).toBe(416);
  });

  test('a batch is done as a whole or not at all', async () => {
    const { url, stats } = await open({ size: 'Performance-M' });
    const updates = [
      { type: 'web', quantity: 2 },
      { type: 'worker', quantity: 11 },
    ];
    const { status, body } = await ask(url, batch, { updates });
    expect(status).toBe(422);
    expect(body).toMatchObject({ id: 'cannot_run_above_limit', limit: 10, size: 11 });
    expect(stats().formation).toEqual({ web: 0, worker: 0 });
  });

  test('calls are counted, 75 a minute come back, and asking how many are left is free', async () => {
    const clock = virtualClock();
    const fake = await open({ clock });
    const { headers } = await ask(fake.url, 'GET /account');
    expect(headers.get('ratelimit-remaining')).toBe('4499');
    fake.setRemaining(0);
    expect((await ask(fake.url, 'GET /account')).body.id).toBe('rate_limit');
    expect((await ask(fake.url, 'GET /account/rate-limits')).body).toEqual({ remaining: 0 });
    clock.advance(60_000);
    expect((await ask(fake.url, 'GET /account/rate-limits')).body).toEqual({ remaining: 75 });
  });

  test('lists come in pages', async () => {
    const { url } = await open();
    const first = await ask<Fields[]>(url, 'GET /dyno-sizes', undefined, { range: 'name ..; max=5' });
    expect(first.status).toBe(206);
    const range = first.headers.get('next-range') ?? '';
    const second = await ask<Fields[]>(url, 'GET /dyno-sizes', undefined, {
      range: range.replace('max=5', 'max=100'),
    });
    expect([first.body.length, second.status, second.body.length]).toEqual([5, 200, 7]);
  });
});

describe('virtual dynos', () => {
  test('boot late, end from the highest number, and are killed 30 seconds after SIGTERM', async () => {
    const clock = virtualClock();
    const fake = await open({ clock, bootSeconds: 5 });
    await ask(fake.url, 'PATCH /apps/demo/formation/worker', { quantity: 3 });
    clock.advance(4_999);
    expect(await looks(fake.url)).toBe('worker.1 starting, worker.2 starting, worker.3 starting');
    clock.advance(1);
    for (const name of ['worker.2', 'worker.3'])
      await ask(fake.url, 'POST /fake/busy', { dyno: name, running: 2 });
    await ask(fake.url, 'PATCH /apps/demo/formation/worker', { quantity: 1 });
    clock.advance(29_999);
    expect(await looks(fake.url)).toBe('worker.1 up, worker.2 down, worker.3 down');
    await ask(fake.url, 'POST /fake/busy', { dyno: 'worker.2', running: 0 });
    expect(await looks(fake.url)).toBe('worker.1 up, worker.3 down');
    clock.advance(1);
    expect(await looks(fake.url)).toBe('worker.1 up');
    const { body } = await ask(fake.url, 'GET /fake/stats');
    expect(body).toMatchObject({ scaleCalls: 2, stoppedBusy: 2, killed: 1, killedRunning: 2 });
  });

  test('a restart, a stop and a new config give the same name to a new dyno', async () => {
    const fake = await open();
    await ask(fake.url, 'PATCH /apps/demo/formation/worker', { quantity: 2 });
    const ids = async (): Promise<string[]> =>
      (await ask<Fields[]>(fake.url, 'GET /apps/demo/dynos', undefined, { range: 'name ..' })).body.map(
        ({ id, name }) => `${name} ${id}`,
      );
    const before = await ids();
    expect((await ask(fake.url, 'DELETE /apps/demo/dynos/worker.2')).status).toBe(202);
    const restarted = await ids();
    expect([restarted[0] === before[0], restarted[1] === before[1]]).toEqual([true, false]);
    await ask(fake.url, 'POST /apps/demo/dynos/worker.1/actions/stop');
    expect((await ids())[0]).not.toBe(before[0]);
    await ask(fake.url, 'PATCH /apps/demo/config-vars', { A: '1' });
    const { body } = await ask<{ release: { version: number } }[]>(fake.url, 'GET /apps/demo/dynos');
    expect(body.map((dyno) => dyno.release.version)).toEqual([2, 2]);
  });

  test('what crashes is started again at once, and the next time after 20 minutes', async () => {
    const clock = virtualClock();
    const fake = await open({ clock });
    await ask(fake.url, 'PATCH /apps/demo/formation/worker', { quantity: 1 });
    clock.advance(0);
    for (const expected of ['worker.1 up', 'worker.1 crashed']) {
      fake.crash('worker.1');
      clock.advance(0);
      expect(await looks(fake.url)).toBe(expected);
    }
    clock.advance(20 * 60_000);
    expect(await looks(fake.url)).toBe('worker.1 up');
  });
});

describe('real processes', () => {
  // Reports over IPC as a worker does; a busy one ignores SIGTERM, as a long job would.
  const program = `
    const busy = (process.env.BUSY ?? '').split(',').includes(process.env.DYNO);
    process.on('SIGTERM', () => { console.log('got SIGTERM'); if (!busy) process.exit(0); });
    process.send?.({ headcount: { running: busy ? 1 : 0, slots: 1 } });
    console.log('pid ' + process.pid + ' ' + process.env.DYNO);
    setInterval(() => {}, 1000);`;
  const server = `require('node:http').createServer((request, response) =>
    response.end(process.env.DYNO + ' ' + request.headers['x-request-start'])).listen(process.env.PORT);`;
  writeFileSync(join(folder.path, 'worker.cjs'), program);
  writeFileSync(join(folder.path, 'web.cjs'), server);
  const commands = { web: 'node web.cjs', worker: 'node worker.cjs' };
  const pidOf = (lines: readonly string[], dyno: string): number =>
    Number(lines.flatMap((line) => new RegExp(`pid (\\d+) ${dyno}$`).exec(line)?.[1] ?? []).at(-1));

  test('the highest numbers get SIGTERM first; who is busy is killed after the grace time, and counted', async () => {
    const lines: string[] = [];
    const config = { BUSY: 'worker.1,worker.4' };
    const log = (line: string): void => void lines.push(line);
    const fake = await open({ procfile: commands, run: folder.path, graceSeconds: 0.5, config, log });
    await ask(fake.url, 'PATCH /apps/demo/formation/worker', { quantity: 4 });
    await until(() => lines.filter((line) => line.includes(': pid ')).length === 4, 'four workers');
    const pids = [1, 2, 3, 4].map((number) => pidOf(lines, `worker.${number}`));
    await ask(fake.url, 'PATCH /apps/demo/formation/worker', { quantity: 1 });
    await until(async () => (await looks(fake.url)) === 'worker.1 up', 'one worker');
    const terms = lines.filter((line) => line.endsWith('Stopping all processes with SIGTERM'));
    expect(terms.map((line) => line.slice(7, 15))).toEqual(['worker.4', 'worker.3', 'worker.2']);
    expect(pids.map(lives)).toEqual([true, false, false, false]);
    expect(lines.filter((line) => line.includes('R12'))).toHaveLength(1);
    expect(fake.stats()).toMatchObject({ stoppedBusy: 1, killed: 1, killedRunning: 1 });
    expect(fake.stats().kills).toMatchObject([{ dyno: 'worker.4', running: 1 }]);
  });

  test('a web dyno is up when its port is open; the router passes requests on, or says H14', async () => {
    const fake = await open({ procfile: commands, run: folder.path });
    const get = async (): Promise<string> => (await fetch(fake.routerUrl ?? '')).text();
    expect(await get()).toBe('H14 No web processes running\n');
    await ask(fake.url, 'PATCH /apps/demo/formation/web', { quantity: 1 });
    await until(async () => (await looks(fake.url)) === 'web.1 up', 'the web dyno');
    expect(await get()).toMatch(/^web\.1 \d{13}$/);
  });

  test('as a program: tells where it is, and ends its dynos with it', async () => {
    writeFileSync(join(folder.path, 'Procfile'), '# processes\nworker: node worker.cjs\n');
    const main = join(import.meta.dirname, 'main.ts');
    const args = [
      '--procfile',
      join(folder.path, 'Procfile'),
      '--folder',
      folder.path,
      '--boot-seconds',
      '0',
    ];
    const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', main, ...args]);
    const lines: string[] = [];
    if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
    const exit = new Promise((resolve) => child.once('exit', resolve));
    opened.push({ close: () => child.kill('SIGKILL') });
    const first = await new Promise<string>((resolve) =>
      child.stdout?.once('data', (data) => resolve(`${data}`)),
    );
    const { url, app, apiKey } = JSON.parse(first);
    expect([app, apiKey]).toEqual(['demo', 'fake-key']);
    await ask(url, 'PATCH /apps/demo/formation/worker', { quantity: 2 });
    await until(() => lines.filter((line) => line.includes(': pid ')).length === 2, 'two workers');
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect([pidOf(lines, 'worker.1'), pidOf(lines, 'worker.2')].map(lives)).toEqual([false, false]);
  });
});
