import { expect, test } from 'vitest';
import type { Manager, Point } from '../server/api.ts';
import { adapters, manager } from './fixture-data.ts';
import { goalOf, isUnknown, needsAttention, oldestWait, statesOf } from './manager-state.ts';

const now = 1_760_000_000_000;
const latest = (change: Partial<Point> = {}): Point => ({
  at: now - 1_000,
  waiting: 5,
  oldestSeconds: 3,
  current: 2,
  desired: 2,
  unknown: 0,
  ...change,
});
const words = (change: Partial<Manager>): string[] =>
  statesOf(manager('worker', { latest: latest(), ...change }), 30, now).map(({ word }) => word);

test.each<[Partial<Manager>, string[]]>([
  [{}, ['working']],
  [{ latest: latest({ waiting: 0, running: 0, oldestSeconds: 0 }) }, ['quiet']],
  [{ latest: latest({ desired: 4 }) }, ['hiring']],
  [{ latest: latest({ desired: 0 }) }, ['letting go']],
  [{ latest: latest({ oldestSeconds: 31 }) }, ['past the goal']],
  [{ latest: latest({ oldestSeconds: 31, desired: 4 }) }, ['past the goal, hiring']],
  [{ latest: latest({ oldestSeconds: 31, current: 8, desired: 8 }) }, ['late, at maximum']],
  [{ latest: latest({ unknown: 1 }) }, ['reading unknown']],
  [{ unknown: 'Redis refused' }, ['reading unknown']],
  [{ latest: latest({ at: now - 300_000 }) }, ['no checkups']],
  [{ paused: true, latest: latest({ desired: 0 }) }, ['paused']],
  [{ hold: { count: 4, until: now + 1 } }, ['held at 4', 'working']],
  [{ hold: { count: 4, until: now } }, ['working']],
  [{ meters: [] }, ['fixed']],
])('%j is %j', (change, expected) => {
  expect(words(change)).toEqual(expected);
});

test('without a checkup it says so, and unknown asks for a look', () => {
  const { latest: _, ...fresh } = manager('worker');
  expect(statesOf(fresh, 30, now).map(({ word }) => word)).toEqual(['no checkup yet']);
  expect(isUnknown(fresh)).toBe(true);
  expect(needsAttention(statesOf(manager('w', { latest: latest(), unknown: 'x' }), 30, now))).toBe(true);
  expect(needsAttention(statesOf(manager('w', { latest: latest() }), 30, now))).toBe(false);
});

test('an absent age is unknown, but where nothing waits nothing is old', () => {
  const { oldestSeconds: _, ...untold } = latest();
  expect(oldestWait(untold)).toBeUndefined();
  expect(oldestWait({ ...untold, waiting: 0 })).toBe(0);
});

test('the goal is what was set, else the default of an option of that name', () => {
  const rules = (options: Record<string, number>) => manager('w', { rules: [{ use: 'wait-goal', options }] });
  expect(goalOf(rules({ goalSeconds: 12 }), adapters)).toBe(12);
  expect(goalOf(rules({}), adapters)).toBe(30);
  expect(goalOf(rules({}), undefined)).toBeUndefined();
  expect(
    goalOf(manager('w', { rules: [{ use: 'queue-size', options: { ratio: 3 } }] }), adapters),
  ).toBeUndefined();
});
