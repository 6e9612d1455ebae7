import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generate } from './generate.ts';
import { rivals } from './policies/registry.ts';
import type { Policy, WorldOptions } from './policy.ts';
import { defaultWorld } from './policy.ts';
import { seeded } from './random.ts';
import { replay } from './replay.ts';
import { sorted, type Trace, workSeconds } from './traces.ts';
import { runWorld } from './world.ts';

const always =
  (count: number): Policy =>
  () =>
    count;

/** Poisson arrivals and exponential services. */
function markov(perSecond: number, meanSeconds: number, jobs: number): Trace {
  const random = seeded(5);
  let now = 1_000;
  const arrivals = Float64Array.from({ length: jobs }, () => {
    now += random.exponential() / perSecond;
    return now;
  });
  const services = Float64Array.from({ length: jobs }, () => meanSeconds * random.exponential());
  return sorted('markov', arrivals, services);
}

/** Probability that a job waits longer than w, by Erlang. */
function waitsLonger(load: number, servers: number, meanSeconds: number, w: number): number {
  let blocked = 1;
  for (let j = 1; j <= servers; j++) blocked = (load * blocked) / (j + load * blocked);
  const waits = blocked / (1 - (load / servers) * (1 - blocked));
  return waits * Math.exp((-(servers - load) * w) / meanSeconds);
}

test.each([
  { servers: 1, load: 0.7, slots: 1 },
  { servers: 7, load: 5, slots: 1 },
  { servers: 6, load: 5, slots: 3 },
])(
  'waits are those of Erlang: $servers servers in workers of $slots, load $load',
  ({ servers, load, slots }) => {
    const trace = markov(load / 2, 2, 400_000);
    const options = { goalSeconds: 3, bootSeconds: 1, slots, minimum: servers / slots };
    const { lateShare, undone } = runWorld(trace, always(servers / slots), options).score();
    expect(undone).toBe(0);
    expect(Math.abs(lateShare / waitsLonger(load, servers, 2, 3) - 1)).toBeLessThan(0.05);
  },
);

test('every job is done once, under each policy and victim rule', () => {
  const setting = fc.record({
    policy: fc.constantFrom(...rivals),
    victims: fc.constantFrom<WorldOptions['victims']>('kill', 'suffix', 'free'),
    slots: fc.constantFrom(1, 3),
    bootJitter: fc.constantFrom(0, 0.5),
    refusedShare: fc.constantFrom(0, 0.3),
    name: fc.constantFrom('poisson', 'onoff', 'cron'),
    seed: fc.integer({ min: 1, max: 1_000 }),
  });
  fc.assert(
    fc.property(setting, ({ policy, name, ...rest }) => {
      const trace = generate(name, { hours: 0.5, seed: rest.seed });
      const world = { ...defaultWorld, ...rest, periodSeconds: policy.periodSeconds, maximum: 60 };
      const score = runWorld(trace, policy.create(policy.settings, world), world).score();
      expect(score.jobs).toBe(trace.arrivals.length);
      expect(score.undone).toBe(0);
      if (rest.victims !== 'kill') expect(score.killed).toBe(0);
      const paid = score.costSeconds * rest.slots;
      expect(paid).toBeGreaterThanOrEqual(workSeconds(trace) + score.wastedSeconds - 1e-6);
    }),
    { numRuns: 60 },
  );
});

describe('who is stopped', () => {
  const jobs = (...rows: [number, number][]): Trace =>
    sorted(
      'rows',
      Float64Array.from(rows, ([at]) => at),
      Float64Array.from(rows, ([, seconds]) => seconds),
    );
  // Two workers; the first has a short job, the second a long one. From second 20 on one is wanted.
  const trace = jobs([1, 5], [1.1, 100]);
  const downUntil =
    (end: number): Policy =>
    ({ now }) =>
      now < 20 ? 2 : now < end ? 1 : 0;
  const world = { bootSeconds: 0.5, next: 'lowest-index' as const };

  test('kill: the last one, and its job begins anew after the grace time', () => {
    const score = runWorld(trace, downUntil(160), { ...world, victims: 'kill' }).score();
    expect(score.killed).toBe(1);
    expect(score.wastedSeconds).toBeCloseTo(20 + 30 - 1.1, 6);
    expect(score.undone).toBe(0);
    expect(score.lastFinished).toBeGreaterThan(100 + 20);
  });

  test('suffix: the last one is busy, so nobody goes', () => {
    const score = runWorld(trace, downUntil(103), { ...world, victims: 'suffix' }).score();
    expect(score.killed).toBe(0);
    expect(score.costSeconds).toBeGreaterThan(200);
    expect(score.costSeconds).toBeLessThan(230);
  });

  test('free: the idle one goes at once', () => {
    const score = runWorld(trace, downUntil(103), { ...world, victims: 'free' }).score();
    expect(score.killed).toBe(0);
    expect(score.costSeconds).toBeLessThan(130);
  });
});

test('the same seed gives the same run, another one another', () => {
  const trace = generate('poisson', { hours: 0.5, seed: 2 });
  const run = (seed: number) => {
    const world = { ...defaultWorld, bootJitter: 0.5, refusedShare: 0.2, seed };
    return runWorld(trace, replay(world), world).score();
  };
  expect(run(4)).toEqual(run(4));
  expect(run(4)).not.toEqual(run(5));
});

test('checkups come at their period and time never goes back, however short the jobs', () => {
  const trace = generate('poisson', { hours: 0.2, perSecond: 20, law: { meanSeconds: 0.02, variation: 2 } });
  const moments: number[] = [];
  const three: Policy = ({ now }) => {
    moments.push(now);
    return 3;
  };
  runWorld(trace, three, { periodSeconds: 5, minimum: 3 });
  expect(moments.every((moment, place) => moment === place * 5)).toBe(true);
});
