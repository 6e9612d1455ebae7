/** Checkups on a virtual clock: real decide, the real embedded store, and a fleet and a meter that do as they are told. */
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { createStage, jobs, type Stage, type VirtualClock, virtualClock } from '../checks/stage.ts';
import type { Choice } from '../decide/words.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import type { App, ManagerSettings, Store } from '../store/store.ts';
import type { CheckupEvent } from './api.ts';
import { shippedKinds } from './kinds.ts';
import { createRounds, type Rounds } from './rounds.ts';

const intervalMs = 10_000;
const folder = temporaryFolder('loop');
let store: OpenStore;
beforeAll(async () => {
  store = await openStore({ folder: folder.path });
});
afterAll(async () => {
  await store.close();
  folder.remove();
});

let clock: VirtualClock;
let stage: Stage;
let rounds: Rounds;
let events: CheckupEvent[];
beforeEach(() => {
  clock = virtualClock();
  stage = createStage(clock);
  events = [];
});
afterEach(async () => {
  await rounds.stop();
  for (const { id } of await store.apps.list()) await store.apps.remove(id);
});

const perWorker: Choice = { use: 'queue-size', options: { ratio: 10 } };
const budget: Choice = { use: 'budget', options: {} };
const staged: Choice = { use: 'staged', options: {} };

async function addApp(name: string, ...managers: Partial<ManagerSettings>[]): Promise<App> {
  const app = await store.apps.create({
    name,
    token: `token-${name}`,
    fleet: staged,
    createdAt: clock.now(),
  });
  for (const manager of managers) await addManager(app, manager);
  return app;
}

async function addManager(app: App, settings: Partial<ManagerSettings> = {}) {
  const usual: ManagerSettings = {
    processType: 'worker',
    minimum: 0,
    maximum: 8,
    paused: false,
    meters: [staged],
    rules: [perWorker],
    limits: [],
  };
  return await store.managers.create(app.id, { ...usual, ...settings }, clock.now());
}

function begin(over: Partial<Store> = {}): void {
  rounds = createRounds(
    {
      store: { ...store, ...over },
      kinds: { ...shippedKinds, meters: [stage.meter], fleets: [stage.fleet, ...shippedKinds.fleets] },
      clock,
      log: pino({ level: 'silent' }),
      dataFolder: folder.path,
      intervalMs,
    },
    (event) => events.push(event),
  );
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await rounds.idle();
}

const waiting = (count: number) => async () => [jobs(clock.now(), count)];
const lastDecision = async (app: App) => {
  const manager = await store.managers.get(app.id, 'worker');
  return (await store.decisions.list(manager!.id, { limit: 1 }))[0];
};

describe('a checkup', () => {
  test('a burst is answered with a scale call at the next checkup, so within one interval and its jitter', async () => {
    await addApp('music', {});
    begin();
    await rounds.start();
    await pass(1_000);
    for (let burst = 1; burst <= 5; burst++) {
      // Each time at another moment between two checkups.
      await pass(burst * 1_700);
      const [calls, cameAt] = [stage.scaled.length, clock.now()];
      stage.read = waiting(burst * 10);
      while (stage.scaled.length === calls) await pass(100);
      expect(stage.scaled.at(-1)).toEqual({ worker: burst });
      expect(clock.now() - cameAt).toBeLessThanOrEqual(intervalMs + 1_000);
    }
  });

  test('measures, decides, scales, records and tells', async () => {
    const app = await addApp('music', {});
    begin();
    await rounds.start();
    stage.read = waiting(35);
    await pass(1_000);
    expect(stage.scaled).toEqual([{ worker: 4 }]);
    const manager = await store.managers.get(app.id, 'worker');
    const { points } = await store.readings.series(manager!.id, 0, clock.now() + 1, 'raw');
    expect(points).toMatchObject([{ waiting: 35, current: 0, desired: 4, unknown: 0 }]);
    const decision = await lastDecision(app);
    expect(decision).toMatchObject({ current: 0, desired: 4, outcome: 'scaled', unknown: false });
    expect(decision!.sentence).toContain('35');
    expect(events).toMatchObject([
      {
        app: 'music',
        processType: 'worker',
        point: { waiting: 35, desired: 4 },
        decision: { id: decision!.id },
      },
    ]);
  });

  test('comes once per interval, a little early or late', async () => {
    await addApp('music', {});
    begin();
    await rounds.start();
    await pass(500);
    expect(events).toHaveLength(1);
    for (let round = 2; round <= 5; round++) {
      await pass(intervalMs - 1);
      expect(events).toHaveLength(round - 1);
      await pass(1);
      expect(events).toHaveLength(round);
    }
  });

  test('of many apps all come within seconds of the start, and then spread over the interval', async () => {
    const appCount = 120;
    for (let n = 0; n < appCount; n++) await addApp(`music-${n}`, {});
    let turn = 0;
    // As evenly spread as chance gets.
    clock = { ...clock, random: () => (turn++ * 0.618034) % 1 };
    begin();
    await rounds.start();
    await pass(1_900);
    expect(new Set(events.map(({ app }) => app)).size).toBe(appCount);
    const perSecond: number[] = [];
    for (let second = 0; second < (3 * intervalMs) / 1_000; second++) {
      const before = events.length;
      for (let part = 0; part < 4; part++) await pass(250);
      perSecond.push(events.length - before);
    }
    perSecond.splice(0, perSecond.length - intervalMs / 1_000);
    expect(Math.max(...perSecond)).toBeLessThan((appCount / 10) * 2);
    expect(Math.min(...perSecond)).toBeGreaterThan(0);
  });

  test('records a reading every time, and a decision only when it says something new', async () => {
    const app = await addApp('music', {});
    begin();
    await rounds.start();
    await pass(1_000);
    for (let round = 0; round < 5; round++) await pass(intervalMs);
    stage.read = waiting(20);
    await pass(intervalMs);
    stage.read = async () => [{ kind: 'unknown', at: clock.now(), why: 'Redis refused the connection' }];
    await pass(intervalMs);
    await pass(intervalMs);
    stage.read = waiting(20);
    await pass(intervalMs);
    const manager = await store.managers.get(app.id, 'worker');
    expect((await store.readings.series(manager!.id, 0, clock.now() + 1, 'raw')).points).toHaveLength(10);
    const decisions = (await store.decisions.list(manager!.id, { limit: 100 })).reverse();
    expect(
      decisions.map(({ current, desired, unknown, outcome }) => [current, desired, unknown, outcome]),
    ).toEqual([
      [0, 0, false, 'kept'],
      [0, 2, false, 'scaled'],
      [2, 2, true, 'kept'],
      [2, 2, false, 'kept'],
    ]);
  });

  test('remembers what was wished at checkups that changed nothing', async () => {
    const stabilise: Choice = { use: 'stabilise', options: { downSeconds: 60 } };
    await addApp('music', { limits: [stabilise] });
    begin();
    await rounds.start();
    stage.read = waiting(40);
    await pass(1_000);
    stage.formation = { worker: 4 };
    for (let round = 0; round < 6; round++) await pass(intervalMs);
    stage.read = waiting(10);
    for (let round = 0; round < 5; round++) await pass(intervalMs);
    expect(stage.scaled).toEqual([{ worker: 4 }]);
    await pass(intervalMs);
    expect(stage.scaled).toEqual([{ worker: 4 }, { worker: 1 }]);
  });

  test('counts what the processes of this month used, also over a restart', async () => {
    const app = await addApp('music', {});
    const used = () => rounds.manager('music', 'worker')?.memory.used?.processSeconds ?? 0;
    begin();
    stage.formation = { worker: 3 };
    stage.read = waiting(30);
    await rounds.start();
    await pass(1_000);
    for (let round = 0; round < 6; round++) await pass(intervalMs);
    const before = used();
    expect(before).toBe(180);
    await rounds.stop();
    begin();
    await rounds.start();
    await pass(1_000);
    expect(used()).toBeGreaterThanOrEqual(before);
    const month = { ...budget, options: { perMonth: 0.01, pricePerHour: 0.1, keep: 1 } };
    const manager = await store.managers.get(app.id, 'worker');
    await store.managers.update(manager!.id, { limits: [month] });
    await rounds.refresh('music');
    expect((await rounds.evaluate('music', 'worker')).decision?.desired).toBe(1);
  });

  test('never runs twice at a time for one app, however slow its meter is', async () => {
    await addApp('music', {});
    begin();
    await rounds.start();
    let answer = (): void => {};
    let reads = 0;
    stage.read = (signal) =>
      new Promise((resolve, reject) => {
        reads += 1;
        answer = () => resolve([jobs(clock.now(), 5)]);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    clock.advance(1_000);
    const evaluations = [rounds.evaluate('music', 'worker'), rounds.checkUp('music')];
    for (let round = 0; round < 50; round++) await Promise.resolve();
    expect(reads).toBe(1);
    answer();
    const answering = setInterval(() => answer(), 1);
    await Promise.all(evaluations);
    clearInterval(answering);
    expect(reads).toBe(3);
    expect(stage.mostCountingAtOnce).toBe(1);
  });

  test('one call scales all process types that change', async () => {
    stage.formation = { worker: 0, mailer: 0, web: 1 };
    await addApp(
      'music',
      {},
      { processType: 'mailer' },
      { processType: 'web', minimum: 1, meters: [], rules: [] },
    );
    begin();
    await rounds.start();
    stage.read = waiting(15);
    await pass(1_000);
    expect(stage.scaled).toEqual([{ worker: 2, mailer: 2 }]);
  });

  test('what a person changed on the platform is seen and not fought while it is within need', async () => {
    await addApp('music', {});
    begin();
    await rounds.start();
    stage.read = waiting(20);
    await pass(1_000);
    stage.formation.worker = 5;
    await pass(intervalMs);
    expect(events.at(-1)!.point.current).toBe(5);
  });
});

describe('unknown', () => {
  test.each([
    ['a meter that says so', async () => [{ kind: 'unknown' as const, at: 1, why: 'no such queue' }]],
    ['a meter that throws', () => Promise.reject(new Error('socket closed'))],
  ])('%s: the count does not fall', async (_, read) => {
    await addApp('music', {});
    begin();
    await rounds.start();
    stage.formation.worker = 3;
    stage.read = read;
    await pass(1_000);
    expect(stage.scaled).toEqual([]);
    expect(events[0]).toMatchObject({ point: { current: 3, desired: 3, unknown: 1 } });
    expect(events[0]!.unknown).toMatch(/no such queue|socket closed/);
    expect(events[0]!.point.waiting).toBeUndefined();
  });

  test('a meter that hangs is given up on, and the next checkup comes', async () => {
    await addApp('music', {});
    begin();
    await rounds.start();
    stage.formation.worker = 3;
    stage.read = () => new Promise(() => {});
    clock.advance(1_000);
    for (let round = 0; round < 100 && clock.waitingCount() < 2; round++) await Promise.resolve();
    await pass(10_000);
    expect(events[0]).toMatchObject({ unknown: 'meter "staged": no answer within 10 s' });
    stage.read = waiting(1);
    await pass(intervalMs + 1_000);
    expect(events[1]).toMatchObject({ point: { waiting: 1 } });
  });

  test('a fleet that cannot be counted: nothing is decided, the last numbers stand and the reason is told', async () => {
    await addApp('music', {});
    begin();
    await rounds.start();
    stage.read = waiting(20);
    await pass(1_000);
    stage.countError = new Error('the platform is down');
    stage.read = waiting(0);
    await pass(intervalMs);
    expect(stage.scaled).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ point: { current: 0, desired: 2, unknown: 1, waiting: 0 } });
    expect(events.at(-1)!.unknown).toContain('the platform is down');
    expect(rounds.manager('music', 'worker')!.memory.unknown).toContain('the platform is down');
    delete stage.countError;
    await pass(intervalMs);
    expect(stage.scaled.at(-1)).toEqual({ worker: 0 });
  });

  test('a process type that the platform does not have is unknown; the others go on', async () => {
    await addApp('music', { processType: 'wroker' }, {});
    begin();
    await rounds.start();
    stage.read = waiting(10);
    await pass(1_000);
    expect(stage.scaled).toEqual([{ worker: 1 }]);
    expect(rounds.manager('music', 'wroker')!.memory.unknown).toContain('no process type "wroker"');
  });
});

describe('a scale call that fails', () => {
  test('is shown with its error, tried again further and further apart, and does not start a cooldown', async () => {
    const app = await addApp('music', {
      limits: [{ use: 'cooldown', options: { upSeconds: 600, downSeconds: 600 } }],
    });
    begin();
    await rounds.start();
    stage.read = waiting(20);
    stage.scaleError = new Error('rate limit');
    await pass(1_000);
    expect(await lastDecision(app)).toMatchObject({ outcome: 'failed', error: 'rate limit', desired: 2 });
    for (let minute = 0; minute < 10 * 6; minute++) await pass(intervalMs);
    const calls = stage.scaled.length;
    expect(calls).toBeGreaterThanOrEqual(5);
    expect(calls).toBeLessThan(12);
    delete stage.scaleError;
    for (let minute = 0; minute < 5 * 6 + 1; minute++) await pass(intervalMs);
    expect(stage.formation.worker).toBe(2);
    expect(await lastDecision(app)).toMatchObject({ outcome: 'scaled' });
  });
});

describe('the store', () => {
  const failing = (broken: { now: boolean }): Partial<Store> => ({
    readings: {
      ...store.readings,
      recordMany: async (...args) => {
        if (broken.now) throw new Error('disk full');
        await store.readings.recordMany(...args);
      },
    },
  });

  test('while it does not take what is written, deciding goes on, and the count never falls', async () => {
    const broken = { now: false };
    const app = await addApp('music');
    const { id: managerId } = await addManager(app);
    begin(failing(broken));
    await rounds.start();
    stage.read = waiting(20);
    await pass(1_000);
    broken.now = true;
    stage.read = waiting(50);
    await pass(intervalMs);
    expect(stage.formation.worker).toBe(5);
    stage.read = waiting(0);
    await pass(intervalMs);
    await pass(intervalMs);
    expect(stage.formation.worker).toBe(5);
    expect(rounds.behind()).toMatchObject({ since: expect.any(Number), droppedCount: 0 });
    broken.now = false;
    await pass(intervalMs);
    await until(() => rounds.behind().since === undefined, 'the store');
    await pass(intervalMs);
    expect(stage.formation.worker).toBe(0);
    const { points } = await store.readings.series(managerId, 0, clock.now() + 1, 'raw');
    expect(points).toHaveLength(6);
    expect(rounds.behind()).toEqual({ keptCount: 0, droppedCount: 0 });
  });

  test('what was measured and decided before a restart is looked at after it', async () => {
    await addApp('music', { limits: [{ use: 'cooldown', options: { upSeconds: 0, downSeconds: 120 } }] });
    begin();
    await rounds.start();
    stage.read = waiting(80);
    await pass(1_000);
    stage.read = waiting(20);
    await pass(intervalMs);
    expect(stage.formation.worker).toBe(2);
    await rounds.stop();

    begin();
    await rounds.start();
    stage.read = waiting(0);
    await pass(1_000);
    const { memory } = rounds.manager('music', 'worker')!;
    expect(memory.samples).toHaveLength(3);
    expect(stage.formation.worker).toBe(2);
    for (let round = 0; round < 12; round++) await pass(intervalMs);
    expect(stage.formation.worker).toBe(0);
  });

  test('what was learned is kept at a stop', async () => {
    const app = await addApp('music', { minimum: 1 });
    begin();
    await rounds.start();
    stage.formation.worker = 1;
    stage.read = async () => [jobs(clock.now(), 0, { slots: 7 })];
    await pass(1_000);
    await pass(intervalMs);
    const { learned } = rounds.manager('music', 'worker')!.memory;
    expect(learned.concurrency.observations).toBeGreaterThan(0);
    await rounds.stop();
    expect((await store.managers.get(app.id, 'worker'))!.learned).toEqual(learned);
  });
});

describe('changes', () => {
  test('a changed manager is taken up with its memory, and its meters stay open when they are the same', async () => {
    const app = await addApp('music', {});
    begin();
    await rounds.start();
    stage.read = waiting(80);
    await pass(1_000);
    const before = rounds.manager('music', 'worker')!;
    await store.managers.update(before.stored.id, { maximum: 3 });
    await rounds.refresh('music');
    const after = rounds.manager('music', 'worker')!;
    expect(after.memory).toBe(before.memory);
    expect(after.meters).toBe(before.meters);
    await pass(intervalMs);
    expect(stage.formation.worker).toBe(3);
    expect(stage.openedCount).toBe(1);
    expect(await lastDecision(app)).toMatchObject({ current: 8, desired: 3 });
  });

  test('a new token opens the fleet anew, and closes the old one first', async () => {
    const app = await addApp('music', {});
    begin();
    await rounds.start();
    await store.apps.update(app.id, { token: 'another' });
    await rounds.refresh('music');
    expect([stage.openedCount, stage.closedCount]).toEqual([2, 1]);
  });

  test('a removed app is let go, and its checkups end', async () => {
    const app = await addApp('music', {});
    begin();
    await rounds.start();
    await pass(1_000);
    await store.apps.remove(app.id);
    await rounds.refresh('music');
    expect(stage.closedCount).toBe(1);
    await pass(5 * intervalMs);
    expect(events).toHaveLength(1);
  });

  test('a fleet that cannot be opened is told, and opened again when it can', async () => {
    await addApp('music', {});
    begin();
    await rounds.start();
    await rounds.stop();
    stage.openError = new Error('there is no Procfile');
    begin();
    await rounds.start();
    await pass(1_000);
    expect(rounds.manager('music', 'worker')!.memory.unknown).toContain('there is no Procfile');
    await expect(rounds.refresh('music')).rejects.toThrow('there is no Procfile');
    delete stage.openError;
    stage.read = waiting(10);
    await pass(intervalMs);
    expect(stage.formation.worker).toBe(1);
  });

  test('a paused manager measures and records, and changes nothing', async () => {
    await addApp('music', { paused: true });
    begin();
    await rounds.start();
    stage.read = waiting(80);
    await pass(1_000);
    expect(stage.scaled).toEqual([]);
    expect(events).toMatchObject([{ point: { waiting: 80, current: 0, desired: 0 } }]);
  });

  test('a dry run decides and shows it, and knows no process type beforehand', async () => {
    const app = await store.apps.create({
      name: 'dry',
      token: 't',
      fleet: { use: 'dry-run', options: {} },
      createdAt: clock.now(),
    });
    await addManager(app);
    begin();
    await rounds.start();
    stage.read = waiting(30);
    await pass(1_000);
    expect(await lastDecision(app)).toMatchObject({ current: 0, desired: 3, outcome: 'dry-run' });
  });
});

describe('an evaluation', () => {
  test('decides as a checkup would, and changes, records and remembers nothing', async () => {
    const app = await addApp('music', {});
    begin();
    await rounds.start();
    await pass(1_000);
    stage.read = waiting(35);
    const judged = await rounds.evaluate('music', 'worker');
    expect(judged.decision).toMatchObject({ current: 0, desired: 4 });
    expect(stage.scaled).toEqual([]);
    expect(rounds.manager('music', 'worker')!.memory.samples).toHaveLength(1);
    expect(await lastDecision(app)).toMatchObject({ desired: 0 });
    await expect(rounds.evaluate('music', 'mailer')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a stop', () => {
  test('finishes the running checkup, closes fleets and leaves no timer behind', async () => {
    await addApp('music', {});
    begin();
    await rounds.start();
    let answer = (): void => {};
    stage.read = () =>
      new Promise((resolve) => {
        answer = () => resolve([jobs(clock.now(), 20)]);
      });
    clock.advance(1_000);
    for (let round = 0; round < 100 && clock.waitingCount() < 2; round++) await Promise.resolve();
    const stopping = rounds.stop();
    answer();
    await stopping;
    expect(stage.closedCount).toBe(1);
    expect(clock.waitingCount()).toBe(0);
    expect(rounds.stop()).toBe(stopping);
  });
});
