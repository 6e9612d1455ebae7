/**
 * Several controllers, each a process of its own, on one real PostgreSQL: one is killed, all are replaced, the database
 * is restarted. The platform is the test's own and writes down every call. Times are printed and not asserted tightly: the
 * machine may be busy.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { freshDatabase, has, temporaryFolder } from '../checks/fixtures.ts';
import { addingStep } from '../checks/migration-steps.ts';
import { type Platform, startPlatform } from '../checks/platform.ts';
import { until } from '../checks/servers.ts';
import { knownMigrations, migrate } from '../store/migrate.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import type { ManagerSettings } from '../store/store.ts';
import { createPostgres, postgresFolder } from './bench/postgres.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

const apps = ['a', 'b', 'c', 'd', 'e', 'f'];
const patienceMs = 90_000;

const manager: ManagerSettings = {
  processType: 'worker',
  minimum: 0,
  maximum: 50,
  paused: false,
  meters: [{ use: 'http-info', options: {} }],
  rules: [{ use: 'queue-size', options: { ratio: 1 } }],
  limits: [],
};

interface Running {
  readonly name: string;
  readonly url: string;
  readonly child: ChildProcess;
}

let folder: { path: string; remove(): void };
let platform: Platform;
let store: OpenStore;
let running: Running[];
let databaseUrl: string;
/** Of a controller that ended though nobody ended it. */
let died: string | undefined;

const info = (text: string): void => void process.stderr.write(`failover: ${text}\n`);

async function start(name: string): Promise<Running> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, '../checks/team-controller.ts')],
    {
      env: {
        ...process.env,
        DATABASE_URL: databaseUrl,
        PLATFORM: platform.url,
        NAME: name,
        CONFIG: join(folder.path, 'headcount.yaml'),
        DATA: join(folder.path, name),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let log = '';
  child.stderr?.on('data', (piece) => {
    log = `${log}${piece}`.slice(-4_000);
    if (process.env.FAILOVER_LOG) process.stderr.write(`${name}: ${piece}`);
  });
  child.once('exit', (code, signal) => {
    if (running.some((one) => one.child === child)) died = `${name} ended with ${code ?? signal}: ${log}`;
  });
  const lines = child.stdout && createInterface(child.stdout);
  const line = await new Promise<string>((resolve, reject) => {
    lines?.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the controller ended with ${code}`)));
  });
  const one = { name, child, ...(JSON.parse(line) as { url: string }) };
  running.push(one);
  return one;
}

async function end(one: Running, signal: NodeJS.Signals): Promise<void> {
  running = running.filter((other) => other !== one);
  if (one.child.exitCode !== null || one.child.signalCode !== null) return;
  const gone = once(one.child, 'exit');
  one.child.kill(signal);
  await gone;
}

async function begin(url: string): Promise<void> {
  folder = temporaryFolder('failover');
  platform = await startPlatform();
  running = [];
  died = undefined;
  databaseUrl = url;
  writeFileSync(join(folder.path, 'headcount.yaml'), 'intervalSeconds: 1\n');
  store = await openStore({ databaseUrl: url });
  for (const name of apps) {
    const fleet = { use: 'platform', options: {} };
    const url = `${platform.url}/info-of/${name}`;
    const { id } = await store.apps.create({ name, token: `token-of-${name}`, url, fleet, createdAt: 1 });
    await store.managers.create(id, manager, 1);
  }
}

async function finish(): Promise<void> {
  for (const one of [...running]) await end(one, 'SIGKILL');
  await store.close();
  await platform.close();
  folder.remove();
}

/** As `until`, and at once over when a controller has died by itself. */
async function eventually(holds: () => boolean, what: string): Promise<void> {
  await until(() => died !== undefined || holds(), what, patienceMs);
  expect(died).toBeUndefined();
}

/** By controller, how many apps it counted last. */
function shares(): number[] {
  const by = [...platform.counted.values()].map((one) => one.by);
  return running.map(({ name }) => by.filter((other) => other === name).length);
}

const everyShare = (least: number, most: number) => () =>
  platform.counted.size === apps.length && shares().every((count) => count >= least && count <= most);

/** Gives every app another number to reach, and waits until it is reached. */
async function wish(round: number): Promise<void> {
  for (const [index, app] of apps.entries()) platform.waiting.set(app, 1 + ((round * 7 + index * 3) % 40));
  const reached = (app: string) =>
    (platform.scaled.findLast((one) => one.app === app)?.to ?? 0) >= (platform.waiting.get(app) ?? 0);
  await until(() => apps.every(reached), `round ${round}`, patienceMs);
}

const ownerOf = (app: string) => running.find(({ name }) => name === platform.counted.get(app)?.by);

async function call(one: Running, method: string, path: string, body?: object): Promise<unknown> {
  const key = await store.settings.get('controller.key');
  const response = await fetch(`${one.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
  return await response.json();
}

async function ready(one: Running): Promise<string> {
  return (await (await fetch(`${one.url}/readyz`)).text()).trim();
}

/**
 * Everything that the platform was told stands on record, once; what was recorded just before a kill may not have reached it.
 * A busy database may take the record a little later than the platform its order.
 */
async function expectOnce(kills: number): Promise<void> {
  expect(platform.faults).toEqual([]);
  for (const app of apps) {
    const told = () => platform.scaled.filter((one) => one.app === app).map(({ to }) => to);
    let recorded: number[] = [];
    await until(
      async () => {
        const { rows } = await sql<{ desired: number }>`select desired from decisions
          join managers on managers.id = manager_id join apps on apps.id = app_id
          where apps.name = ${app} and outcome = 'scaled' order by decisions.at`.execute(store.kysely);
        recorded = rows.map(({ desired }) => desired);
        return recorded.length >= told().length;
      },
      `the record of ${told()}`,
      patienceMs,
    );
    expect(
      recorded.length - told().length,
      `${app}: ${recorded} recorded, ${told()} told`,
    ).toBeLessThanOrEqual(kills);
  }
}

describe.skipIf(!has('postgresUrl'))('three controllers on one PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  beforeEach(async () => {
    database = await freshDatabase();
    await begin(database.url);
  });
  afterEach(async () => {
    await finish();
    await database.drop();
  });

  test('one is killed: another goes on, and nothing is decided twice', async () => {
    await Promise.all(['one', 'two', 'three'].map(start));
    await until(everyShare(2, 2), 'fair shares', patienceMs);
    await wish(1);
    const leader = ownerOf('a');
    if (!leader) throw new Error('nobody counts the app');
    const before = platform.counted.get('a')?.at ?? 0;
    const killedAt = Date.now();
    await end(leader, 'SIGKILL');
    await until(() => platform.counted.get('a')?.by !== leader.name, 'another controller', patienceMs);
    const followedMs = (platform.counted.get('a')?.at ?? 0) - killedAt;
    info(
      `killed; another counted the app ${followedMs} ms later, ${killedAt - before} ms after the last count`,
    );
    for (let round = 2; round < 5; round++) await wish(round);
    await until(everyShare(3, 3), 'fair shares of two', patienceMs);
    await expectOnce(1);
  });

  test('all are replaced one after the other, without a gap', async () => {
    await Promise.all(['one', 'two', 'three'].map(start));
    await until(everyShare(2, 2), 'fair shares', patienceMs);
    await wish(1);
    platform.longestGapMs();
    for (const [index, old] of [...running].entries()) {
      await start(`new-${index}`);
      await wish(2 * index + 2);
      const stoppedAt = Date.now();
      await end(old, 'SIGTERM');
      info(`${old.name} stopped within ${Date.now() - stoppedAt} ms`);
      await wish(2 * index + 3);
    }
    info(
      `longest time between two checkups of one app: ${platform.longestGapMs()} ms, with an interval of 1000`,
    );
    await until(everyShare(2, 2), 'fair shares of the new ones', patienceMs);
    await expectOnce(0);
  });

  test('a newer version adds to all tables while they run: they go on, and one that crashed comes back', async () => {
    await Promise.all(['one', 'two'].map(start));
    await until(everyShare(3, 3), 'fair shares', patienceMs);
    const known = [...(await knownMigrations())];
    for (let round = 1; round <= 3; round++) {
      known.push(await addingStep(store.kysely, 900 + round));
      const newer = await openStore({ databaseUrl });
      await Promise.all([wish(round), migrate(newer.kysely, Date.now(), { known })]);
      await newer.close();
    }
    const [crashing, other] = running;
    if (!crashing || !other) throw new Error('both have ended');
    const { maximum } = (await call(other, 'PATCH', '/api/apps/a/managers/worker', { maximum: 49 })) as {
      maximum: number;
    };
    expect(maximum).toBe(49);
    await wish(4);
    await end(crashing, 'SIGKILL');
    await start('again');
    await until(everyShare(3, 3), 'fair shares with the one that is back', patienceMs);
    await wish(5);
    await expectOnce(1);
    const { rows } = await sql<{ points: number }>`select count(*) as points from points
      join managers on managers.id = manager_id and maximum = 49
      where points.further_901 = 'as before' and points.further_903 = 'as before'`.execute(store.kysely);
    expect(rows[0]?.points).toBeGreaterThan(0);
    for (const one of running)
      await until(async () => (await ready(one)) === 'ready', `the history of ${one.name}`, patienceMs);
  });

  test('every controller serves every app: what a person says and what an app pushes reaches the holder', async () => {
    await Promise.all(['one', 'two'].map(start));
    await until(everyShare(3, 3), 'fair shares', patienceMs);
    const owner = ownerOf('a');
    const other = running.find((one) => one !== owner);
    if (!owner || !other) throw new Error('nobody counts the app');
    const key = await store.settings.get('controller.key');
    const stream = await fetch(`${other.url}/api/live`, { headers: { authorization: `Bearer ${key}` } });
    const heard = (async () => {
      let text = '';
      for await (const piece of stream.body ?? []) {
        text += Buffer.from(piece).toString();
        if (text.includes('"app":"a"')) return;
      }
    })();
    await heard;
    const heldAt = Date.now();
    await call(other, 'PUT', '/api/apps/a/managers/worker/hold', { count: 9 });
    await until(() => platform.scaled.some(({ app, to }) => app === 'a' && to === 9), 'the hold', patienceMs);
    info(`a hold that was set elsewhere was carried out after ${Date.now() - heldAt} ms`);
    expect(platform.scaled.findLast(({ app }) => app === 'a')?.by).toBe(owner.name);
    const { token } = (await call(other, 'GET', '/api/apps/a')) as { token: string };
    const pushed = await fetch(`${other.url}/metrics/ingest`, {
      method: 'POST',
      headers: { 'hirefire-token': token, 'content-type': 'application/json' },
      body: JSON.stringify([{ name: 'mailer', metrics: { jqs: { [Math.floor(Date.now() / 1000)]: 42 } } }]),
    });
    expect(pushed.status).toBe(200);
    const seenBy = async (one: Running) =>
      JSON.stringify(await call(one, 'GET', '/api/apps/a/inbox')).includes('mailer');
    await until(async () => (await seenBy(owner)) && (await seenBy(other)), 'what was pushed', patienceMs);
    await expectOnce(0);
  });
});

describe.skipIf(!postgresFolder())('three controllers, and PostgreSQL is restarted', () => {
  let postgres: Awaited<ReturnType<typeof createPostgres>>;
  beforeEach(async () => {
    postgres = await createPostgres();
    await begin(postgres.url);
  });
  afterEach(async () => {
    await finish();
    await postgres.remove();
  });

  test.each(['SIGINT', 'SIGQUIT'] as const)('by %s under load', async (signal) => {
    await Promise.all(['one', 'two', 'three'].map(start));
    await eventually(everyShare(2, 2), 'fair shares');
    await wish(1);
    const falls = () => platform.scaled.filter(({ from, to }) => to < from).length;
    await postgres.stop(signal);
    const before = falls();
    // More than there was: also without the store it grows, as soon as all say that they hear nothing.
    for (const app of apps) platform.waiting.set(app, 45);
    await eventually(
      () => apps.every((app) => platform.scaled.findLast((one) => one.app === app)?.to === 45),
      'growth without a store',
    );
    for (const app of apps) platform.waiting.set(app, 5);
    const counted = new Map(platform.counted);
    await eventually(
      () => apps.every((app) => (platform.counted.get(app)?.at ?? 0) > (counted.get(app)?.at ?? 0) + 2_000),
      'further checkups',
    );
    expect(falls()).toBe(before);
    await postgres.start();
    const startedAt = Date.now();
    await eventually(
      () => apps.every((app) => platform.scaled.findLast((one) => one.app === app)?.to === 5),
      'the fall',
    );
    info(`${signal}: all is as usual ${Date.now() - startedAt} ms after the start of PostgreSQL`);
    expect(platform.faults).toEqual([]);
    await eventually(everyShare(2, 2), 'the shares as they were');
  });
});
