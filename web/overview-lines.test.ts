import { expect, test } from 'vitest';
import type { OverviewApp, OverviewManager } from '../server/api-overview.ts';
import { isShown, lineOf, overviewSearch, sortedLines } from './overview-lines.ts';

const now = 1_760_000_000_000;
const manager = (change: Partial<OverviewManager> = {}): OverviewManager => ({
  processType: 'worker',
  minimum: 0,
  maximum: 5,
  paused: false,
  measured: true,
  goalSeconds: 30,
  latest: { at: now, waiting: 0, oldestSeconds: 0, current: 1, desired: 1, unknown: 0 },
  ...change,
});
const app = (name: string, managers: OverviewManager[], change: Partial<OverviewApp> = {}): OverviewApp => ({
  name,
  fleet: 'local',
  managers,
  openIssues: 0,
  ...change,
});
const unknown = manager({ unknown: 'no Redis', latest: { at: now, current: 3, desired: 3, unknown: 1 } });
const late = manager({
  latest: { at: now, waiting: 90, oldestSeconds: 40, current: 5, desired: 5, unknown: 0 },
});

test('sums say what they leave out, and unknown is no number', () => {
  const some = lineOf(app('a', [late, unknown]), 2, now);
  expect(some).toMatchObject({
    current: { value: 8, partial: false },
    waiting: { value: 90, partial: true },
    oldest: { value: 40, partial: true },
    late: true,
    pressed: 2,
    issues: 2,
  });
  expect(some.worst?.word).toBe('late, at maximum');
  const none = lineOf(app('b', [unknown]), 0, now);
  expect(none).not.toHaveProperty('waiting');
  expect(none).not.toHaveProperty('oldest');
  expect(none).toMatchObject({ measured: true, current: { value: 3, partial: false } });
  expect(lineOf(app('c', [manager({ measured: false })]), 0, now).measured).toBe(false);
  expect(lineOf(app('d', []), 0, now)).not.toHaveProperty('worst');
});

test('money without a price is none, and with some prices a part', () => {
  expect(lineOf(app('a', []), 0, now)).not.toHaveProperty('cost');
  const today = { spent: 3, unpriced: ['web'], unknownHours: 0 };
  expect(lineOf(app('a', [], { today }), 0, now).cost).toEqual({ value: 3, partial: true });
});

test('sorted: the pressing first, names by their numbers, the unknown last in both directions', () => {
  const lines = [
    lineOf(app('app-10', [manager()]), 0, now),
    lineOf(app('app-9', [manager()]), 3, now),
    lineOf(app('late', [late]), 0, now),
    lineOf(app('dark', [unknown]), 0, now),
    lineOf(app('empty', []), 0, now),
  ];
  const names = (...given: Parameters<typeof sortedLines> extends [unknown, ...infer Rest] ? Rest : never) =>
    sortedLines(lines, ...given).map((line) => line.app.name);
  expect(names('state', false)).toEqual(['late', 'dark', 'app-9', 'app-10', 'empty']);
  expect(names('name', true)).toEqual(['late', 'empty', 'dark', 'app-10', 'app-9']);
  expect(names('waiting', false)).toEqual(['late', 'app-9', 'app-10', 'dark', 'empty']);
  expect(names('waiting', true)).toEqual(['app-9', 'app-10', 'late', 'dark', 'empty']);
  expect(names('issues', false)[0]).toBe('app-9');
});

test('filtered by a name of its own or of a manager, and by what it does', () => {
  const line = lineOf(app('Music', [manager({ processType: 'mailer', paused: true })]), 0, now);
  expect(isShown(line, 'music', undefined)).toBe(true);
  expect(isShown(line, 'mail', 'set')).toBe(true);
  expect(isShown(line, '', 'attention')).toBe(false);
  expect(isShown(line, 'nothing', undefined)).toBe(false);
  expect(isShown(lineOf(app('x', []), 0, now), '', 'quiet')).toBe(true);
});

test('the address is read with care', () => {
  expect(overviewSearch({ sort: 'cost', turned: true, show: 'set' })).toEqual({
    sort: 'cost',
    turned: true,
    show: 'set',
  });
  expect(overviewSearch({ sort: 'drop table', turned: 'yes', show: 7 })).toEqual({});
});
