/**
 * `npm run bench -- drain [--minutes 30] [--scale-ins 200] [--json]`: jobs that are killed by letting workers go, with drain-first
 * and without.
 *
 * Half an hour of jobs of 60 s in four apps, on virtual dynos that behave as Heroku's (the highest number goes first, SIGTERM, 30 s,
 * SIGKILL), longer where there were fewer scale-ins than asked for. Everything else is what runs in a controller: the
 * checkups, the decisions, the store, the drain. Only the clock is virtual, so it takes seconds; both runs get the same jobs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { type OpenStore, openStore } from '../../store/open.ts';
import { shippedKinds } from '../kinds.ts';
import { createRounds } from '../rounds.ts';
import { type DrainWorld, drainWorld, likeHeroku } from './drain-world.ts';
import { movingClock } from './moving-clock.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    'scale-ins': { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const leastMs = Number(values.minutes) * 60_000;
const scaleIns = Number(values['scale-ins']);
const longestMs = 8 * leastMs;
const jobSeconds = 60;
const jobsPerSecond = 0.3;
const appCount = 4;
const intervalMs = 4_000;

interface Outcome {
  readonly drain: boolean;
  readonly minutes: number;
  readonly jobs: number;
  readonly scaleIns: number;
  readonly killedRunning: number;
  readonly processMinutes: number;
}

const folder = mkdtempSync(join(tmpdir(), 'headcount-bench-drain-'));
const store = await openStore({ folder });
try {
  const outcomes = [await run(store, true), await run(store, false)];
  if (values.json) console.log(JSON.stringify(outcomes));
  else show(outcomes);
  const [drained, fired] = outcomes;
  if (drained?.killedRunning !== 0 || !fired || fired.killedRunning === 0) process.exitCode = 1;
} finally {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}

async function run(store: OpenStore, drain: boolean): Promise<Outcome> {
  const clock = movingClock();
  const worlds = Array.from({ length: appCount }, () => drainWorld(clock, likeHeroku));
  const kinds = {
    ...shippedKinds,
    meters: worlds.map(({ meter }, index) => ({ ...meter, use: `virtual-${index}` })),
    fleets: worlds.map(({ fleet }, index) => ({ ...fleet, use: `virtual-${index}` })),
  };
  for (const index of worlds.keys()) await addApp(store, index, drain, clock.now());
  const log = pino({ level: 'silent' });
  const rounds = createRounds({ store, kinds, clock, log, dataFolder: folder, intervalMs }, () => {});
  await rounds.start();
  const startedAt = clock.now();
  const passed = (): number => clock.now() - startedAt;
  const loads = worlds.map((world, index) => createLoad(world, Number(values.seed) + index));
  const sum = (number: (world: DrainWorld) => number): number =>
    worlds.reduce((total, world) => total + number(world), 0);
  while (passed() < leastMs || (sum(({ count }) => count.scaleIns) < scaleIns && passed() < longestMs)) {
    clock.advance(1_000);
    for (const load of loads) load.until(passed());
    await rounds.idle();
  }
  const seconds = sum(({ count, living }) => count.processSeconds + living());
  await rounds.stop();
  await Promise.all((await store.apps.list()).map(({ id }) => store.apps.remove(id)));
  return {
    drain,
    minutes: Math.round(passed() / 60_000),
    jobs: loads.reduce((total, load) => total + load.published(), 0),
    scaleIns: sum(({ count }) => count.scaleIns),
    killedRunning: sum(({ count }) => count.killed),
    processMinutes: Math.round(seconds / 60),
  };
}

async function addApp(
  { apps, managers }: OpenStore,
  index: number,
  drain: boolean,
  now: number,
): Promise<void> {
  const virtual = { use: `virtual-${index}`, options: {} };
  const app = await apps.create({
    name: `app-${index}`,
    token: `token-${index}`,
    fleet: virtual,
    createdAt: now,
  });
  const manager = {
    processType: 'worker',
    minimum: 0,
    maximum: 100,
    paused: false,
    meters: [virtual],
    rules: [{ use: 'queue-size', options: { ratio: 1 } }],
    // Without: told, and gone at once.
    limits: drain ? [] : [{ use: 'drain-first', options: { patienceSeconds: 0 } }],
  };
  await managers.create(app.id, manager, now);
}

interface Load {
  /** Publishes what comes until then. */
  until(ms: number): void;
  published(): number;
}

/** Jobs that come by chance, each on its own. */
function createLoad(world: DrainWorld, seed: number): Load {
  const random = chance(seed);
  let published = 0;
  let nextMs = 0;
  return {
    published: () => published,
    until(ms) {
      while (nextMs <= ms) {
        world.publish(jobSeconds);
        published += 1;
        nextMs += (-Math.log(1 - random()) / jobsPerSecond) * 1000;
      }
    },
  };
}

function show(outcomes: readonly Outcome[]): void {
  console.log(
    `Jobs of ${jobSeconds} s, ${jobsPerSecond} a second in each of ${appCount} apps, on dynos whose highest number goes first.\n`,
  );
  console.log('                 minutes   jobs   scale-ins   killed running   dyno minutes');
  for (const { drain, minutes, jobs, scaleIns, killedRunning, processMinutes } of outcomes)
    console.log(
      (drain ? 'with drain-first' : 'without').padEnd(16) +
        [minutes, jobs, scaleIns, killedRunning, processMinutes]
          .map((number, index) => String(number).padStart([8, 7, 12, 17, 15][index] ?? 10))
          .join(''),
    );
}

/** The same numbers for the same seed (mulberry32). */
function chance(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
