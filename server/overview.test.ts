/** The overview and what apps cost, by Request and Response on the real embedded store, with a fleet that tells prices. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Ground, type Inside, localKey, openGround, openInside } from '../checks/inside.ts';
import { createStage, jobs, type Stage, type VirtualClock, virtualClock } from '../checks/stage.ts';
import type { Cost, Overview } from './api-overview.ts';
import type { Crew } from './api-workers.ts';
import { shippedKinds } from './kinds.ts';
import { createPriceList } from './price-list.ts';

const hour = 3_600_000;
const start = Date.UTC(2026, 2, 10);
let ground: Ground;
let inside: Inside;
let stage: Stage;
let clock: VirtualClock;
let askedForPrices = 0;
let tellsPrices = true;
let leaving: 'named' | 'highest' | undefined;
let letGo: readonly string[] | undefined;

beforeAll(async () => {
  ground = await openGround('overview');
});
afterAll(() => ground?.close());
beforeEach(async () => {
  clock = virtualClock(start);
  stage = createStage(clock, { worker: 2, mailer: 0 });
  [askedForPrices, tellsPrices, leaving, letGo] = [0, true, undefined, undefined];
  const priced = {
    ...stage.fleet,
    create: async (...given: Parameters<typeof stage.fleet.create>) => {
      const fleet = await stage.fleet.create(...given);
      return {
        ...fleet,
        ...(leaving && { leaving }),
        scaleTo: async (...[desired, signal, first]: Parameters<typeof fleet.scaleTo>) => {
          letGo = first;
          await fleet.scaleTo(desired, signal, first);
        },
        cost: async () => {
          askedForPrices += 1;
          return tellsPrices ? { worker: 0.5 / 3_600 } : {};
        },
      };
    },
  };
  const kinds = { ...shippedKinds, meters: [stage.meter, ...shippedKinds.meters], fleets: [priced] };
  inside = openInside(ground, { kinds, clock });
  await inside.rounds.start();
});
afterEach(async () => {
  await inside.stop();
  for (const { id } of await ground.store.apps.list()) await ground.store.apps.remove(id);
});

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await inside.http.request(path, {
    method,
    headers: { authorization: `Bearer ${localKey}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw await response.json();
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function addMusic(): Promise<void> {
  await call('POST', '/api/apps', { name: 'music', fleet: { use: 'staged', options: {} } });
  const meters = [{ use: 'staged', options: {} }];
  for (const processType of ['worker', 'mailer'])
    await call('POST', '/api/apps/music/managers', { processType, minimum: 0, maximum: 5, meters });
}

async function record(processType: string, at: number, current: number): Promise<void> {
  const app = await ground.store.apps.get('music');
  const manager = await ground.store.managers.get(app?.id ?? '', processType);
  await ground.store.readings.record(manager?.id ?? '', { at, current, desired: current, unknown: 0 }, []);
}

test('the overview: every manager at this moment, and what today has cost', async () => {
  await addMusic();
  stage.read = async () => [jobs(clock.now(), 12, { oldestSeconds: 3 })];
  await inside.rounds.checkUp('music');
  await record('worker', start, 4);
  await record('worker', start + hour, 2);
  await record('mailer', start, 1);
  clock.advance(2 * hour);
  const { apps, from } = await call<Overview>('GET', `/api/overview?from=${start}`);
  expect(from).toBe(start);
  const [music] = apps;
  expect(music).toMatchObject({ name: 'music', fleet: 'staged', openIssues: 0 });
  expect(music?.managers.map(({ processType }) => processType)).toEqual(['mailer', 'worker']);
  expect(music?.managers[1]).toMatchObject({
    measured: true,
    goalSeconds: 30,
    maximum: 5,
    latest: { waiting: 12, oldestSeconds: 3 },
  });
  // Two hours at a half dollar an hour, of four and of two; the mailer ran for one and has no price.
  expect(music?.today?.spent).toBeCloseTo(3, 1);
  expect(music?.today?.unpriced).toEqual(['mailer']);
});

test('where no price is known there is no money, and the platform is not asked at every look', async () => {
  tellsPrices = false;
  await addMusic();
  await record('worker', start, 4);
  clock.advance(hour);
  for (let look = 0; look < 3; look++) {
    const { apps } = await call<Overview>('GET', '/api/overview');
    expect(apps[0]).not.toHaveProperty('today');
  }
  expect(askedForPrices).toBe(1);
  clock.advance(11 * 60_000);
  await call('GET', '/api/cost');
  expect(askedForPrices).toBe(2);
});

test('what a month costs, by process type and day', async () => {
  await addMusic();
  const day = 24 * hour;
  for (let at = start; at < start + 2 * day; at += hour) await record('worker', at, at < start + day ? 1 : 3);
  clock.advance(2 * day);
  const answer = await call<Cost>('GET', `/api/cost?from=${start}&until=${start + 4 * day}`);
  const [mailer, worker] = answer.apps[0]?.processTypes ?? [];
  expect(worker).toMatchObject({
    hours: 48,
    unknownHours: 0,
    peak: 3,
    days: [24, 72],
    money: { pricePerHour: 0.5, spent: 48, alwaysOn: 72, saved: 24, forecast: 96 },
  });
  expect(mailer).toMatchObject({ hours: 0, unknownHours: 48, processHours: 0, days: [null, null] });
  expect(mailer).not.toHaveProperty('money');
  await expect(call('GET', '/api/cost?from=5&until=4')).rejects.toMatchObject({ code: 'BODY_INVALID' });
});

test('a platform that does not answer keeps nobody waiting, and its prices are there at the next look', async () => {
  let answer = (_: Record<string, number>): void => {};
  const prices = () =>
    new Promise<Record<string, number>>((resolve) => {
      answer = resolve;
    });
  const list = createPriceList({ prices }, clock.now);
  expect([...(await list.of(['music']))]).toEqual([]);
  answer({ worker: 1 });
  expect([...(await list.of(['music']))]).toEqual([['music', { worker: 3_600 }]]);
});

test('who runs now: what the fleet counted, and what the workers say of themselves', async () => {
  let asked = 0;
  stage.workers = {
    queue: 'celery',
    ask: async () => {
      asked += 1;
      const node = { queues: ['celery'], quiet: false };
      return {
        nodes: [
          { ...node, node: 'worker.1@host', jobs: 2 },
          { ...node, node: 'worker.1@other', jobs: 1 },
          { ...node, node: 'celery@laptop', jobs: 4 },
        ],
        silentCount: 1,
      };
    },
    quiet: async () => {},
    resume: async () => {},
  };
  await addMusic();
  const early = await call<Crew>('GET', '/api/apps/music/workers');
  expect(early.processTypes.map(({ workers }) => workers)).toEqual([[], []]);
  expect(early.processTypes[1]).not.toHaveProperty('countedAt');
  clock.advance(6_000);
  await inside.rounds.checkUp('music');
  await inside.rounds.idle();
  const { letsGo, processTypes } = await call<Crew>('GET', '/api/apps/music/workers');
  expect(letsGo).toBe(false);
  expect(processTypes[1]).toMatchObject({
    processType: 'worker',
    countedAt: start + 6_000,
    jobs: 'silent',
    workers: [{ name: 'worker.1', state: 'up', jobs: 3 }, { name: 'worker.2' }],
    others: [{ name: 'celery@laptop', jobs: 4, quiet: false }],
  });
  expect(processTypes[1]?.workers[1]).not.toHaveProperty('jobs');
  const before = asked;
  for (let look = 0; look < 3; look++) await call<Crew>('GET', '/api/apps/music/workers');
  expect(asked).toBe(before);
});

test('where nobody can be asked, nobody knows of jobs; a fleet that cannot be counted says why', async () => {
  await addMusic();
  await inside.rounds.checkUp('music');
  const { processTypes } = await call<Crew>('GET', '/api/apps/music/workers');
  expect(processTypes[1]).toMatchObject({
    jobs: 'unasked',
    workers: [{ name: 'worker.1' }, { name: 'worker.2' }],
  });
  stage.countError = new Error('the platform is away');
  clock.advance(1_000);
  await inside.rounds.checkUp('music');
  const later = await call<Crew>('GET', '/api/apps/music/workers');
  expect(later.processTypes[1]?.unknown).toContain('the platform is away');
  expect(later.processTypes[1]?.countedAt).toBeLessThan(later.at);
});

test('one worker is let go by its name, where the fleet can', async () => {
  leaving = 'named';
  await addMusic();
  const { letsGo } = await call<Crew>('GET', '/api/apps/music/workers');
  expect(letsGo).toBe(true);
  await call('DELETE', '/api/apps/music/workers/worker.1');
  expect(letGo).toEqual(['worker.1']);
  expect(stage.scaled.at(-1)).toEqual({ worker: 1 });
  await expect(call('DELETE', '/api/apps/music/workers/worker.9')).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  await expect(call('DELETE', '/api/apps/music/workers/nonsense')).rejects.toMatchObject({ status: 422 });
});

test('where the platform chooses who goes, nobody is let go by name', async () => {
  await addMusic();
  await expect(call('DELETE', '/api/apps/music/workers/worker.1')).rejects.toMatchObject({
    code: 'FLEET_FAILED',
  });
  expect(stage.scaled).toEqual([]);
});

test('the page goes out compressed to whoever takes it so', async () => {
  const text = `<title>Headcount</title>${'<p>long</p>'.repeat(1_000)}`;
  writeFileSync(join(ground.folder, 'index.html'), text);
  const packed = await inside.http.request('/', { headers: { 'accept-encoding': 'gzip, br' } });
  expect(packed.headers.get('content-encoding')).toBe('br');
  const bytes = Buffer.from(await packed.arrayBuffer());
  expect(bytes.length).toBeLessThan(1_000);
  expect(brotliDecompressSync(bytes).toString()).toBe(text);
  expect(await (await inside.http.request('/')).text()).toBe(text);
});
