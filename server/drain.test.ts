/** Drain before fire on a virtual clock: the real loop, decisions and store; a platform whose dynos work on jobs. */
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import type { ManagerSettings } from '../store/store.ts';
import { type DrainWorld, type DynoOptions, drainWorld, likeHeroku } from './bench/drain-world.ts';
import { type MovingClock, movingClock } from './bench/moving-clock.ts';
import { shippedKinds } from './kinds.ts';
import { createRounds, type Rounds } from './rounds.ts';

const folder = temporaryFolder('drain');
let store: OpenStore;
beforeAll(async () => {
  store = await openStore({ folder: folder.path });
});
afterAll(async () => {
  await store.close();
  folder.remove();
});

let clock: MovingClock;
let world: DrainWorld;
let rounds: Rounds;
let managerId: string;
/** Ends the controller as kill -9 does: nothing of it is called any more. */
let kill: () => void;
beforeEach(() => {
  clock = movingClock();
});
afterEach(async () => {
  await rounds.stop();
  for (const { id } of await store.apps.list()) await store.apps.remove(id);
});

const intervalMs = 5_000;

async function begin(over: Partial<ManagerSettings> = {}, options: DynoOptions = likeHeroku): Promise<void> {
  world = drainWorld(clock, options);
  const app = await store.apps.create({
    name: 'music',
    token: 'token',
    fleet: { use: 'virtual', options: {} },
    createdAt: clock.now(),
  });
  const manager = await store.managers.create(
    app.id,
    {
      processType: 'worker',
      minimum: 0,
      maximum: 10,
      paused: false,
      meters: [{ use: 'virtual', options: {} }],
      rules: [{ use: 'queue-size', options: { ratio: 1 } }],
      limits: [{ use: 'drain-first', options: {} }],
      ...over,
    },
    clock.now(),
  );
  managerId = manager.id;
  await watch();
}

async function watch(): Promise<void> {
  let alive = true;
  kill = () => {
    alive = false;
  };
  const after: MovingClock['after'] = (ms, callback) => clock.after(ms, () => alive && callback());
  rounds = createRounds(
    {
      store,
      kinds: { ...shippedKinds, meters: [world.meter], fleets: [world.fleet] },
      clock: { ...clock, after },
      log: pino({ level: 'silent' }),
      dataFolder: folder.path,
      intervalMs,
    },
    () => {},
  );
  await rounds.start();
}

async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1_000);
    await rounds.idle();
  }
}

const hold = (count: number | undefined) =>
  store.managers
    .update(managerId, { hold: count === undefined ? null : { count } })
    .then(() => rounds.refresh('music'));
/** What drain-first said last. */
const said = (): string =>
  (rounds.manager('music', 'worker')?.memory.decisions ?? [])
    .flatMap(({ reasons }) => reasons.filter(({ by }) => by === 'drain-first'))
    .at(-1)?.text ?? '';

describe('on Heroku, where only the highest numbers go', () => {
  test('nobody is fired with a job in hand, and it is said for whom it waits', async () => {
    await begin();
    for (const seconds of [20, 40, 100]) world.publish(seconds);
    await pass(20);
    expect(world.look()).toEqual(['worker.1 1', 'worker.2 1', 'worker.3 1']);
    await pass(60);
    // Two are done, and the third, the longest, is at the top.
    expect(world.count.finished).toBe(2);
    expect(world.look()).toEqual(['worker.1 0', 'worker.2 0 quiet', 'worker.3 1 quiet']);
    expect(said()).toMatch(/^waiting for worker\.3: 1 running, \d+ s; worker\.2 below it is free to go$/);
    expect(rounds.manager('music', 'worker')?.memory.draining).toBe(said());
    // The waiting is on record once, when it began.
    const recorded = await store.decisions.list(managerId, { limit: 50 });
    const waits = recorded.filter(({ sentence }) => sentence.includes('waiting for'));
    expect(waits.map(({ outcome }) => outcome)).toEqual(['kept']);
    await pass(60);
    expect(world.look()).toEqual([]);
    expect(world.count).toMatchObject({ finished: 3, killed: 0 });
    expect(rounds.manager('music', 'worker')?.memory.draining).toBeUndefined();
  });

  test('the idle ones at the top go in the same checkup in which they are told', async () => {
    await begin();
    for (const seconds of [300, 10, 10]) world.publish(seconds);
    await pass(10);
    expect(world.look()).toHaveLength(3);
    await pass(12);
    expect(world.look()).toEqual(['worker.1 1']);
    expect(world.count.scaleIns).toBe(1);
  });

  test('when work comes while it waits, all take jobs again, and nobody new is hired', async () => {
    await begin();
    for (const seconds of [20, 20, 200]) world.publish(seconds);
    await pass(50);
    expect(world.look()).toEqual(['worker.1 0', 'worker.2 0 quiet', 'worker.3 1 quiet']);
    const before = world.count.scaleCalls;
    for (const seconds of [30, 30]) world.publish(seconds);
    await pass(6);
    expect(world.look()).toEqual(['worker.1 1', 'worker.2 1', 'worker.3 1']);
    expect(world.count.scaleCalls).toBe(before);
  });

  test('a person who wants fewer, and a lower maximum, wait as well', async () => {
    await begin();
    for (const seconds of [100, 100]) world.publish(seconds);
    await pass(15);
    await hold(0);
    await pass(6);
    expect(world.look()).toEqual(['worker.1 1 quiet', 'worker.2 1 quiet']);
    expect(said()).toContain('waiting for worker.2: 1 running');
    await hold(undefined);
    await pass(6);
    expect(world.look()).toEqual(['worker.1 1', 'worker.2 1']);
    await store.managers.update(managerId, { maximum: 1 });
    await rounds.refresh('music');
    await pass(6);
    expect(world.look()).toEqual(['worker.1 1', 'worker.2 1 quiet']);
    expect(world.count.killed).toBe(0);
  });

  test('silence is not idleness: who does not answer is waited for', async () => {
    await begin();
    world.publish(60);
    await pass(15);
    world.silent.add('worker.1');
    await hold(0);
    await pass(30);
    expect(world.look()).toEqual(['worker.1 1']);
    expect(said()).toContain('waiting for worker.1: it does not answer');
    world.silent.clear();
    await pass(40);
    expect(world.look()).toEqual([]);
    expect(world.count).toMatchObject({ finished: 1, killed: 0 });
  });

  test('the patience has an end where one is set, and then what runs is killed', async () => {
    await begin({ limits: [{ use: 'drain-first', options: { patienceSeconds: 60 } }] });
    world.publish(600);
    await pass(15);
    await hold(0);
    await pass(40);
    expect(world.look()).toEqual(['worker.1 1 quiet']);
    await pass(30);
    expect(said()).toBe('worker.1 goes, 1 running: the patience of 60 s is over');
    await pass(40);
    expect(world.look()).toEqual([]);
    expect(world.count.killed).toBe(1);
  });

  test('who lost the broker is waited for, as it may find it again, but not for ever', async () => {
    await begin();
    world.publish(3_600);
    await pass(15);
    await hold(0);
    await pass(10);
    world.gone.add('worker.1');
    await pass(9 * 60);
    expect(said()).toContain('waiting for worker.1: it does not answer');
    // It finds it again, and loses it again.
    world.gone.clear();
    await pass(10);
    expect(said()).toContain('waiting for worker.1: 1 running');
    world.gone.add('worker.1');
    await pass(9 * 60);
    expect(world.look()).toEqual(['worker.1 1 quiet']);
    await pass(2 * 60);
    expect(said()).toBe('worker.1 goes without notice: nobody named worker.1 has listened for 10 min');
    expect(world.look()).toEqual([]);
  });

  test('who listens and is silent is waited for without end', async () => {
    await begin();
    world.publish(7_200);
    await pass(15);
    world.silent.add('worker.1');
    await hold(0);
    await pass(15 * 60);
    expect(world.look()).toEqual(['worker.1 1']);
    expect(said()).toContain('waiting for worker.1: it does not answer');
  });

  test('it is so without being listed, where workers can be told', async () => {
    await begin({ limits: [] });
    world.publish(120);
    await pass(15);
    await hold(0);
    await pass(40);
    expect(said()).toMatch(/^waiting for worker\.1: 1 running, \d+ s$/);
    await pass(80);
    expect(world.look()).toEqual([]);
    expect(world.count).toMatchObject({ finished: 1, killed: 0 });
  });

  test('with a patience of 0 they are killed', async () => {
    await begin({ limits: [{ use: 'drain-first', options: { patienceSeconds: 0 } }] });
    world.publish(600);
    await pass(15);
    await hold(0);
    await pass(40);
    expect(world.count.killed).toBe(1);
  });
});

describe('where processes are named', () => {
  test('the idle ones go, whatever their number, and a busy one keeps nobody', async () => {
    await begin({}, { ...likeHeroku, leaving: 'named' });
    for (const seconds of [20, 40, 200]) world.publish(seconds);
    await pass(100);
    expect(world.look()).toEqual(['worker.3 1']);
    expect(world.count).toMatchObject({ finished: 2, killed: 0 });
  });
});

describe('a controller that goes away', () => {
  test('takes everybody back when it is stopped', async () => {
    await begin();
    for (const seconds of [20, 300]) world.publish(seconds);
    await pass(40);
    expect(world.look()).toEqual(['worker.1 0', 'worker.2 1 quiet']);
    await rounds.stop();
    expect(world.look()).toEqual(['worker.1 0', 'worker.2 1']);
  });

  test('and is killed: the next one goes on waiting, and takes back who may stay', async () => {
    await begin();
    for (const seconds of [20, 300]) world.publish(seconds);
    await pass(40);
    kill();
    const since = /(\d+) s$/.exec(said())?.[1];
    await watch();
    await pass(10);
    expect(world.look()).toEqual(['worker.1 0', 'worker.2 1 quiet']);
    // The time goes on from when it was told first.
    expect(Number(/running, (\d+) s/.exec(said())?.[1])).toBeGreaterThan(Number(since));
    for (let job = 0; job < 2; job++) world.publish(30);
    await pass(6);
    expect(world.look()[1]).toBe('worker.2 1');
  });

  test('and had nothing written down: who is found without a queue is taken back', async () => {
    await begin();
    for (const seconds of [20, 300]) world.publish(seconds);
    await pass(40);
    await store.settings.set(`drain.${managerId}`, 'torn');
    kill();
    await watch();
    world.publish(30);
    await pass(10);
    expect(world.look()).toEqual(['worker.1 1', 'worker.2 1']);
  });
});
