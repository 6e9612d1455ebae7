/**
 * The promise, on loads that nothing was tuned on: whenever somebody who knows all jobs beforehand could keep it with the same
 * maximum, boot and readings, ours keeps it for all but four and one in 200 of the jobs, and for all but one in 3,000 over all loads.
 * The second is the sharper one: a rule that asks for half of what is needed asks again a period later, and is hardly late
 * on any single load.
 *
 * Who knows all jobs has the maximum up all the time. What stands between a job and the first moment at which anybody could answer
 * to it is a period and a boot, so that fleet has to start every job within the goal less these two.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { generate } from './generate.ts';
import { defaultWorld, type WorldOptions } from './policy.ts';
import { replay } from './replay.ts';
import { runWorld } from './world.ts';

const load = fc.record({
  name: fc.constantFrom('poisson', 'ramp', 'onoff', 'flash', 'cron', 'diurnal'),
  seed: fc.integer({ min: 1_000, max: 1_000_000 }),
  perSecond: fc.constantFrom(0.2, 1, 3),
  meanSeconds: fc.constantFrom(0.5, 2, 8),
  variation: fc.constantFrom(0.5, 1, 2),
  slots: fc.constantFrom(1, 1, 4),
  bootSeconds: fc.constantFrom(2, 10, 20),
  periodSeconds: fc.constantFrom(5, 10),
  slack: fc.constantFrom(2, 3, 6),
  maximum: fc.constantFrom(5, 30, 200),
});

const few = 4;
const mostLate = 1 / 200;
const mostLateOverall = 1 / 3_000;

test('whoever could keep the promise with the same maximum, boot and readings: so do we', () => {
  const total = { loads: 0, jobs: 0, late: 0 };
  fc.assert(
    fc.property(load, ({ name, seed, perSecond, meanSeconds, variation, slack, ...given }) => {
      const trace = generate(name, { seed, hours: 1, perSecond, law: { meanSeconds, variation } });
      const answer = given.bootSeconds + given.periodSeconds;
      const world: WorldOptions = { ...defaultWorld, ...given, goalSeconds: slack * answer };
      const clairvoyant = { ...world, bootSeconds: 0, goalSeconds: world.goalSeconds - answer };
      if (runWorld(trace, () => world.maximum, clairvoyant).score().lateShare > 0) return;
      const rules = [
        { use: 'wait-goal', options: { goalSeconds: world.goalSeconds, serviceSeconds: meanSeconds } },
      ];
      const score = runWorld(trace, replay(world, { rules }), world).score();
      expect(score.undone).toBe(0);
      expect(score.killed).toBe(0);
      const late = score.lateShare * score.jobs;
      expect(late).toBeLessThanOrEqual(few + mostLate * score.jobs);
      total.loads++;
      total.jobs += score.jobs;
      total.late += late;
    }),
    // Without shrinking: a smaller load would be added to the sums.
    { numRuns: 40, seed: 20_261_122, endOnFailure: true },
  );
  expect(total.loads).toBeGreaterThan(25);
  expect(total.late / total.jobs).toBeLessThanOrEqual(mostLateOverall);
});
