/** A manager that only says what it would do: nothing is scaled, it is on record once, and going live takes effect. */
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { createStage, jobs, virtualClock } from '../checks/stage.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import type { CheckupEvent } from './api.ts';
import { shippedKinds } from './kinds.ts';
import { createRounds } from './rounds.ts';

const folder = temporaryFolder('dry-run-manager');
let store: OpenStore;
beforeAll(async () => {
  store = await openStore({ folder: folder.path });
});
afterAll(async () => {
  await store.close();
  folder.remove();
});

test('it decides, records what it would have done once, and changes nothing until it goes live', async () => {
  const clock = virtualClock();
  const stage = createStage(clock, { worker: 1, mailer: 1 });
  const kinds = { ...shippedKinds, meters: [stage.meter], fleets: [stage.fleet] };
  const events: CheckupEvent[] = [];
  const log = pino({ level: 'silent' });
  const around = { store, kinds, clock, log, dataFolder: folder.path, intervalMs: 3_600_000 };
  const rounds = createRounds(around, (event) => events.push(event));
  const fleet = { use: 'staged', options: {} };
  const app = await store.apps.create({ name: 'music', token: 'secret', fleet, createdAt: clock.now() });
  const settings = {
    minimum: 0,
    maximum: 8,
    paused: false,
    meters: [fleet],
    rules: [{ use: 'queue-size', options: { ratio: 10 } }],
    limits: [{ use: 'cooldown', options: { upSeconds: 600, downSeconds: 600 } }],
  };
  const dry = await store.managers.create(app.id, { ...settings, processType: 'worker', dryRun: true }, 0);
  await store.managers.create(app.id, { ...settings, processType: 'mailer' }, 0);
  expect(dry.dryRun).toBe(true);
  await rounds.start();
  const checkUp = async (waiting: number): Promise<void> => {
    clock.advance(10_000);
    stage.read = async () => [jobs(clock.now(), waiting)];
    await rounds.idle();
    await rounds.checkUp('music');
  };
  try {
    await checkUp(50);
    // The other one of the app is scaled; this one is not, whatever it wants.
    expect(stage.scaled).toEqual([{ mailer: 5 }]);
    await checkUp(50);
    await checkUp(50);
    const told = async () =>
      (await store.decisions.list(dry.id, { limit: 20 })).map(
        ({ outcome, current, desired }) => `${outcome} ${current} to ${desired}`,
      );
    expect(await told()).toEqual(['dry-run 1 to 5']);
    // What it only would have done starts no cooldown.
    await checkUp(30);
    expect(await told()).toEqual(['dry-run 1 to 3', 'dry-run 1 to 5']);
    expect(stage.scaled.filter((each) => 'worker' in each)).toEqual([]);
    const heard = events.filter(({ processType }) => processType === 'worker');
    expect(heard.at(-1)?.point).toMatchObject({ current: 1, desired: 3 });

    await store.managers.update(dry.id, { dryRun: false });
    await rounds.refresh('music');
    await checkUp(30);
    expect(stage.scaled.at(-1)).toEqual({ worker: 3 });
    expect((await told())[0]).toBe('scaled 1 to 3');
    expect(await store.managers.get(app.id, 'worker')).not.toHaveProperty('dryRun');
  } finally {
    await rounds.stop();
  }
});

test('who was told to rest takes jobs again once nothing is carried out any more', async () => {
  const clock = virtualClock();
  const stage = createStage(clock, { worker: 2 });
  const resting = new Set<string>();
  const node = (name: string) => ({
    node: `${name}@host`,
    queues: resting.has(`${name}@host`) ? [] : ['celery'],
    quiet: resting.has(`${name}@host`),
    jobs: 1,
  });
  stage.workers = {
    queue: 'celery',
    ask: async () => ({ nodes: [node('worker.1'), node('worker.2')], silentCount: 0 }),
    quiet: async (nodes) => {
      for (const each of nodes) resting.add(each.node);
    },
    resume: async (nodes) => {
      for (const each of nodes) resting.delete(each.node);
    },
  };
  const kinds = { ...shippedKinds, meters: [stage.meter], fleets: [stage.fleet] };
  const log = pino({ level: 'silent' });
  const around = { store, kinds, clock, log, dataFolder: folder.path, intervalMs: 3_600_000 };
  const rounds = createRounds(around, () => {});
  const fleet = { use: 'staged', options: {} };
  const app = await store.apps.create({ name: 'rest', token: 'other', fleet, createdAt: clock.now() });
  const { id } = await store.managers.create(
    app.id,
    {
      processType: 'worker',
      minimum: 0,
      maximum: 8,
      paused: false,
      meters: [fleet],
      rules: [{ use: 'queue-size', options: { ratio: 10 } }],
      limits: [],
    },
    0,
  );
  await rounds.start();
  try {
    clock.advance(10_000);
    stage.read = async () => [jobs(clock.now(), 0)];
    await rounds.idle();
    await rounds.checkUp('rest');
    expect(resting.size).toBeGreaterThan(0);
    await store.managers.update(id, { dryRun: true });
    await rounds.refresh('rest');
    clock.advance(10_000);
    await rounds.idle();
    await rounds.checkUp('rest');
    expect([...resting]).toEqual([]);
    expect(stage.formation).toEqual({ worker: 2 });
  } finally {
    await rounds.stop();
  }
});
