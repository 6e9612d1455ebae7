import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { known, managerOf, noon, sampleOf, viewOf } from './contract.ts';
import { learnTrust, trustManner } from './trust.ts';
import type { Decision, Groups, Manager, View } from './words.ts';

const before = sampleOf(noon - 5_000, { waiting: 0, startedTotal: 0 });

/** What is made of jobs that started after these waits. */
function next(
  trust: number | undefined,
  waits: Groups,
  change: Partial<View> = {},
  manager: Manager = managerOf(),
): number | undefined {
  const jobs = waits.reduce((sum, [, count]) => sum + count, 0);
  const newest = sampleOf(noon, {
    waiting: 0,
    startedTotal: jobs,
    recent: { since: noon - 5_000, startedWaits: waits },
  });
  return learnTrust(trust, viewOf({ samples: [before, newest], ...change }), manager, before, newest);
}

const decision = (desired: number, wish = desired): Decision => ({
  at: noon - 5_000,
  current: 0,
  desired,
  unknown: false,
  reasons: [{ by: 'wait-goal', from: 0, to: wish, text: 'because' }],
});

describe('trust', () => {
  test('falls with a late job by far more than it rises with a punctual one', () => {
    const fell = 0.5 - (next(0.5, [[31, 1]]) ?? 0);
    const rose = (next(0.5, [[29, 1]]) ?? 0) - 0.5;
    expect(fell).toBeGreaterThan(0);
    expect(rose).toBeGreaterThan(0);
    const { lateShare } = trustManner(30, 10);
    expect(rose / (rose + fell)).toBeCloseTo(lateShare, 9);
  });

  test('begins where its regime says, and with more care where a boot takes most of the goal', () => {
    const slow = { learned: { serviceSeconds: known(1), bootSeconds: known(30), concurrency: known(1) } };
    expect(next(undefined, [[1, 1]])).toBeCloseTo(trustManner(30, 10).first, 2);
    expect(next(undefined, [[1, 1]], slow)).toBeCloseTo(trustManner(30, 30).first, 2);
    expect(trustManner(30, 30).first).toBeLessThan(trustManner(30, 10).first);
  });

  test('jobs that came while the time per job was a guess do not lower it, those that came after do', () => {
    const first = { serviceSeconds: known(1), bootSeconds: known(10), concurrency: known(1) };
    const knownFor = (seconds: number) => ({ learned: { ...first, knownSince: noon - seconds * 1000 } });
    const late: Groups = [[35, 400]];
    expect(next(0.8, late, knownFor(5))).toBe(0.8);
    expect(next(0.8, late, knownFor(30))).toBe(0.8);
    expect(next(0.8, late, knownFor(31))).toBe(-1);
    expect(next(0.8, late, { learned: first })).toBe(-1);
    expect(next(0.8, [[2, 400]], knownFor(5))).toBeGreaterThan(0.8);
    const told = managerOf({
      rules: [{ use: 'wait-goal', options: { goalSeconds: 30, serviceSeconds: 1 } }],
    });
    expect(next(0.8, late, knownFor(5), told)).toBe(-1);
    const slow = { ...knownFor(5).learned, bootSeconds: known(30) };
    expect(next(0.8, late, { learned: slow })).toBe(-1);
  });

  test('stays within -1 and 1, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.array(fc.tuple(fc.double({ min: 0, max: 900, noNaN: true }), fc.integer({ min: 1, max: 1e5 }))),
        (trust, waits) => {
          const risen = next(trust, waits) ?? 0;
          expect(risen).toBeGreaterThanOrEqual(-1);
          expect(risen).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  test('settles where the allowed share is late: with exactly that share it neither rises nor falls', () => {
    const { lateShare } = trustManner(30, 10);
    const late = Math.round(lateShare * 1_000);
    expect(
      next(
        0,
        [
          [31, late],
          [1, 1_000 - late],
        ].map(([s, n]) => [s ?? 0, n ?? 0]),
      ),
    ).toBeCloseTo(0, 9);
  });
});

describe('late jobs say nothing of the plan', () => {
  const late: Groups = [[60, 20]];

  test('at the maximum of the manager', () => {
    expect(next(0.5, late, { decisions: [decision(100)] })).toBe(0.5);
    expect(next(0.5, late, { decisions: [decision(99)] })).toBeLessThan(0.5);
  });

  test('where a limit gave it less than it asked for: a step, a schedule, a budget', () => {
    expect(next(0.5, late, { decisions: [decision(5, 40)] })).toBe(0.5);
    expect(next(0.5, late, { decisions: [decision(5, 40), decision(40)] })).toBeLessThan(0.5);
  });

  test('where no rule has a goal, or nothing started', () => {
    const other = managerOf({ rules: [{ use: 'queue-size', options: { ratio: 5 } }] });
    expect(next(0.5, late, {}, other)).toBe(0.5);
    expect(next(0.5, [])).toBe(0.5);
  });
});

test('from counts alone: those that started are the oldest of those that waited', () => {
  const samples = [0, 1, 2, 3, 4].map((place) =>
    sampleOf(noon - (4 - place) * 10_000, { waiting: place < 4 ? 10 : 4, startedTotal: place < 4 ? 0 : 6 }),
  );
  const [from, to] = [samples[3], samples[4]];
  if (!from || !to) throw new Error('no samples');
  const manager = (goalSeconds: number) =>
    managerOf({ rules: [{ use: 'wait-goal', options: { goalSeconds } }] });
  const view = viewOf({ samples });
  expect(learnTrust(0.5, view, manager(10), from, to)).toBeLessThan(0.5);
  expect(learnTrust(0.5, view, manager(600), from, to)).toBeGreaterThan(0.5);
});
