/**
 * A whole controller is killed again and again while work changes and people change things, on either store. Held against the
 * test's own platform, which writes down every call: no change that was acknowledged is gone or there twice, and no decision
 * is carried out twice. It is killed after a seeded number of answers, wherever it is then. KILL_ROUNDS=20 is for a longer search.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sql } from 'kysely';
import { describe, expect, test, vi } from 'vitest';
import { freshDatabase, has, temporaryFolder } from '../checks/fixtures.ts';
import { type Platform, startPlatform } from '../checks/platform.ts';
import { killGroup, until } from '../checks/servers.ts';
import { type OpenStore, openStore, type StorePlace } from '../store/open.ts';
import type { ManagerSettings } from '../store/store.ts';
import { createVault, keysIn } from '../store/vault.ts';

vi.setConfig({ testTimeout: 900_000, hookTimeout: 120_000 });

const rounds = Number(process.env.KILL_ROUNDS ?? 2);
const patienceMs = 180_000;
const apps = ['a', 'b', 'c'];
/** Of the controllers and of who looks afterwards. */
const secretKey = Buffer.alloc(32, 7).toString('base64');

const fleet = { use: 'platform', options: {} };

const manager: ManagerSettings = {
  processType: 'worker',
  minimum: 0,
  maximum: 40,
  paused: false,
  meters: [{ use: 'http-info', options: {} }],
  rules: [{ use: 'queue-size', options: { ratio: 1 } }],
  limits: [],
};

/** What people asked for, and what of it was answered. */
interface Asked {
  /** Nobody asks any more. */
  ends: boolean;
  answers: number;
  step: number;
  maximum: { tried: number; acknowledged: number };
  readonly made: Set<string>;
  readonly removed: Set<string>;
}

interface Scene {
  readonly place: StorePlace;
  readonly data: string;
  readonly platform: Platform;
  readonly asked: Asked;
  readonly children: ChildProcess[];
}

interface Running {
  readonly url: string;
  readonly key: string;
  readonly child: ChildProcess;
}

describe('a controller that is killed again and again', () => {
  test('on the embedded store', async () => {
    const folder = temporaryFolder('kill-embedded');
    await inScene(folder.path, { folder: join(folder.path, 'store') }, loseNothing);
    folder.remove();
  });

  test.skipIf(!has('postgresUrl'))('on PostgreSQL', async () => {
    const [folder, database] = [temporaryFolder('kill-postgres'), await freshDatabase()];
    await inScene(folder.path, { databaseUrl: database.url }, loseNothing);
    await database.drop();
    folder.remove();
  });
});

async function inScene(
  data: string,
  place: StorePlace,
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  const platform = await startPlatform();
  const asked = {
    ends: false,
    answers: 0,
    step: 0,
    maximum: { tried: 40, acknowledged: 40 },
    made: new Set<string>(),
    removed: new Set<string>(),
  };
  const children: ChildProcess[] = [];
  writeFileSync(join(data, 'headcount.yaml'), 'intervalSeconds: 1\n');
  try {
    await work({ place, data, platform, asked, children });
  } finally {
    for (const child of children) killGroup(child);
    await platform.close();
  }
}

async function loseNothing(scene: Scene): Promise<void> {
  const { platform, asked } = scene;
  await withStore(scene, async (store) => {
    for (const name of apps) {
      const url = `${platform.url}/info-of/${name}`;
      const { id } = await store.apps.create({ name, token: `token-of-${name}`, url, fleet, createdAt: 1 });
      await store.managers.create(id, manager, 1);
    }
  });
  const random = seeded(47);
  for (let round = 0; round < rounds; round++) {
    const [answersBefore, changesBefore] = [asked.answers, platform.scaled.length];
    const running = await start(scene, `round-${round}`);
    let fault: unknown;
    asked.ends = false;
    const people = askOn(running, scene, random).catch((error: unknown) => {
      fault = error;
    });
    const wanted = answersBefore + 15 + Math.floor(random() * 30);
    const atWork = () =>
      fault !== undefined || (asked.answers >= wanted && platform.scaled.length >= changesBefore + 4);
    await until(atWork, `answers and changes of round ${round}`, patienceMs);
    const killed = end(running, 'SIGKILL');
    asked.ends = true;
    await Promise.all([killed, people]);
    expect(fault).toBeUndefined();
  }
  const last = await start(scene, 'last');
  for (const [index, app] of apps.entries()) platform.waiting.set(app, 7 + index);
  const reached = (app: string) =>
    platform.counted.get(app)?.by === 'last' &&
    platform.scaled.findLast((one) => one.app === app)?.to === platform.waiting.get(app);
  await until(() => apps.every(reached), 'the last numbers', patienceMs);
  await end(last, 'SIGTERM');
  await withStore(scene, (store) => expectWhole(store, scene));
}

async function expectWhole(store: OpenStore, { platform, asked }: Scene): Promise<void> {
  const names = (await store.apps.list()).map(({ name }) => name);
  expect(names).toHaveLength(new Set(names).size);
  expect([...asked.made].filter((name) => !names.includes(name))).toEqual([]);
  expect([...asked.removed].filter((name) => names.includes(name))).toEqual([]);
  const [a] = await store.managers.list((await store.apps.get('a'))?.id ?? '');
  expect(a?.maximum).toBeGreaterThanOrEqual(asked.maximum.acknowledged);
  expect(a?.maximum).toBeLessThanOrEqual(asked.maximum.tried);
  expect(platform.faults).toEqual([]);
  for (const app of apps) {
    const { rows } = await sql<{ at: number; desired: number }>`select decisions.at, desired from decisions
      join managers on managers.id = manager_id join apps on apps.id = app_id
      where apps.name = ${app} and outcome = 'scaled' order by decisions.at, decisions.id`.execute(
      store.kysely,
    );
    expect(new Set(rows.map(({ at }) => at)).size, `decided twice: ${app}`).toBe(rows.length);
    const recorded = rows.map(({ desired }) => desired);
    const told = platform.scaled.filter((one) => one.app === app).map(({ to }) => to);
    // Each kill may have come between the platform and the record, whichever is first.
    const what = `${app}: ${told} told, ${recorded} recorded`;
    expect(surplus(told, recorded), what).toBeLessThanOrEqual(rounds);
    expect(surplus(recorded, told), what).toBeLessThanOrEqual(rounds);
  }
}

/** How many of these stand not among the others, each as often as it is there. */
function surplus(these: readonly number[], others: readonly number[]): number {
  const left = [...others];
  return these.filter((number) => {
    const at = left.indexOf(number);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  }).length;
}

/** What people do all the time: they change a bound, add an app, remove one. Ends with the controller. */
async function askOn({ url, key }: Running, { asked, platform }: Scene, random: () => number): Promise<void> {
  const send = async (method: string, path: string, body?: object): Promise<void> => {
    const response = await fetch(`${url}/api/apps${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        'idempotency-key': randomUUID(),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    expect(response.status, `${method} ${path} ${await response.text()}`).toBeLessThan(300);
    asked.answers += 1;
  };
  const next = async (): Promise<void> => {
    const step = asked.step++;
    asked.maximum.tried += 1;
    await send('PATCH', '/a/managers/worker', { maximum: asked.maximum.tried });
    asked.maximum.acknowledged = asked.maximum.tried;
    await send('POST', '', { name: `made-${step}`, fleet });
    asked.made.add(`made-${step}`);
    const gone = step % 2 === 0 && [...asked.made][0];
    if (gone) {
      asked.made.delete(gone);
      await send('DELETE', `/${gone}`);
      asked.removed.add(gone);
    }
    if (step % 5 === 0) for (const app of apps) platform.waiting.set(app, Math.floor(random() * 38));
  };
  while (!asked.ends) {
    await next().catch((error: unknown) => {
      // Its connection broke: it was killed.
      if (!(error instanceof TypeError)) throw error;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function start({ place, data, platform, children }: Scene, name: string): Promise<Running> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, '../checks/team-controller.ts')],
    {
      detached: true,
      env: {
        ...process.env,
        HEADCOUNT_SECRET_KEY: secretKey,
        DATABASE_URL: 'databaseUrl' in place ? place.databaseUrl : '',
        PLATFORM: platform.url,
        NAME: name,
        CONFIG: join(data, 'headcount.yaml'),
        DATA: data,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const lines = child.stdout && createInterface(child.stdout);
  const line = await new Promise<string>((resolve, reject) => {
    lines?.once('line', resolve);
    child.once('exit', (code, signal) => reject(new Error(`${name} ended with ${code ?? signal}`)));
  });
  const { url } = JSON.parse(line) as { url: string };
  const { key } = JSON.parse(readFileSync(join(data, 'controller.json'), 'utf8')) as { key: string };
  return { url, key, child };
}

async function end({ child }: Running, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

async function withStore(scene: Scene, work: (store: OpenStore) => Promise<void>): Promise<void> {
  const store = await openStore(scene.place, createVault(keysIn(secretKey)));
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
