import { expect, test } from 'vitest';
import type { Decision, JobsReading } from '../decide/words.ts';
import { generate } from './generate.ts';
import { defaultWorld } from './policy.ts';
import { headcount, headcountCounts, replay } from './replay.ts';
import { workSeconds } from './traces.ts';
import { runWorld } from './world.ts';

const sum = (groups: readonly (readonly [number, number])[] = []) =>
  groups.reduce((total, [, jobs]) => total + jobs, 0);

test('readings are whole: ages count all that wait, elapsed times all that run', () => {
  const trace = generate('cron', { hours: 1, seed: 3 });
  let checked = 0;
  const policy = replay(defaultWorld, {
    onDecision: (decision, view, seen) => {
      const reading = view.samples.at(-1)?.readings[0] as JobsReading;
      expect(sum(reading.ages)).toBe(seen.waiting);
      expect(sum(reading.runningSeconds)).toBe(seen.running);
      expect(reading.ages?.length ?? 0).toBeLessThanOrEqual(64);
      expect(reading.runningSeconds?.length ?? 0).toBeLessThanOrEqual(64);
      expect(
        reading.ages?.every(([age], place, all) => place === 0 || age <= (all[place - 1]?.[0] ?? 0)),
      ).toBe(true);
      expect(decision.current).toBe(seen.workers);
      expect(JSON.stringify(view.learned).length).toBeLessThan(8_192);
      expect(view.samples.length).toBeLessThanOrEqual(2 * 180 + 2);
      checked++;
    },
  });
  runWorld(trace, policy, defaultWorld);
  expect(checked).toBeGreaterThan(700);
});

test.each([headcount, headcountCounts])(
  '$name keeps the goal on loads of several kinds, near the work',
  (kind) => {
    for (const seed of [1, 2])
      for (const name of ['poisson', 'ramp', 'onoff']) {
        const trace = generate(name, { hours: 2, seed });
        const world = { ...defaultWorld, periodSeconds: kind.periodSeconds };
        const score = runWorld(trace, kind.create(kind.settings, world), world).score();
        expect(score.undone).toBe(0);
        expect(score.lateShare, `${name} ${seed}`).toBeLessThan(0.01);
        expect(score.costSeconds / workSeconds(trace), `${name} ${seed}`).toBeLessThan(1.3);
      }
  },
);

test('limits are played as well: with stabilise the number falls to the largest wish of the window only', () => {
  const trace = generate('onoff', { hours: 2, seed: 5 });
  const play = (downSeconds: number) => {
    const limits = downSeconds > 0 ? [{ use: 'stabilise', options: { downSeconds } }] : [];
    const wishes: { at: number; wish: number; desired: number; current: number }[] = [];
    const onDecision = ({ at, current, desired, reasons }: Decision) =>
      wishes.push({ at, wish: reasons[0]?.to ?? desired, desired, current });
    const score = runWorld(trace, replay(defaultWorld, { limits, onDecision }), defaultWorld).score();
    return { score, wishes };
  };
  const [free, held] = [play(0), play(120)];
  for (const [place, { at, current, desired }] of held.wishes.entries()) {
    if (desired >= current) continue;
    const window = held.wishes
      .slice(Math.max(0, place - 60), place + 1)
      .filter((one) => one.at > at - 120_000);
    expect(desired).toBe(Math.min(current, Math.max(...window.map(({ wish }) => wish))));
  }
  expect(held.wishes.some(({ wish, desired }) => wish < desired)).toBe(true);
  expect(held.score.costSeconds).toBeGreaterThan(free.score.costSeconds);
  expect(held.score.lateShare).toBeLessThanOrEqual(free.score.lateShare);
});

test('300,000 jobs at once and at most 100 workers: all of them until it is done', () => {
  const trace = generate('bulk', { hours: 4, seed: 1 });
  const world = { ...defaultWorld, maximum: 100 };
  const score = runWorld(trace, replay(world), world).score();
  expect(score.undone).toBe(0);
  expect(score.costSeconds / score.workSeconds).toBeLessThan(1.25);
});
