import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decision } from '../fixture-data.ts';
import { marksOf, nearest, nearPx } from './chart-marks.ts';

const xOf = (at: number): number => at / 1_000;

test('a mark says whether it grew, shrank or was refused, from left to right', () => {
  const marks = marksOf(
    [
      decision(3, 300_000, { outcome: 'failed' }),
      decision(2, 200_000, { current: 8, desired: 2 }),
      decision(1, 100_000),
    ],
    xOf,
    400,
  );
  expect(marks.map(({ x, look, count }) => [x, look, count])).toEqual([
    [100, 'grew', 1],
    [200, 'shrank', 1],
    [300, 'failed', 1],
  ]);
});

test('marks on one another are one, which reads out the newest and hides no failure', () => {
  const marks = marksOf(
    [
      decision(1, 100_000, { outcome: 'failed' }),
      decision(2, 104_000),
      decision(3, 108_999),
      decision(4, 109_000),
    ],
    xOf,
    400,
  );
  expect(marks.map(({ count, look, decision: { id } }) => [count, look, id])).toEqual([
    [3, 'failed', '3'],
    [1, 'grew', '4'],
  ]);
});

test('what lies outside the picture is left out, and every other decision is in one mark', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -500_000, max: 900_000 }), { maxLength: 60 }), (times) => {
      const marks = marksOf(
        times.map((at, index) => decision(index, at)),
        xOf,
        400,
      );
      const inside = times.filter((at) => at >= 0 && at <= 400_000).length;
      expect(marks.reduce((sum, { count }) => sum + count, 0)).toBe(inside);
      for (let index = 1; index < marks.length; index++)
        expect((marks[index]?.x ?? 0) - (marks[index - 1]?.x ?? 0)).toBeGreaterThanOrEqual(9);
    }),
  );
});

test('the nearest mark within reach of the pointer is read out', () => {
  const marks = marksOf([decision(1, 100_000), decision(2, 115_000)], xOf, 400);
  expect(nearest(marks, 106)?.decision.id).toBe('1');
  expect(nearest(marks, 110)?.decision.id).toBe('2');
  expect(nearest(marks, 100 - nearPx)?.decision.id).toBe('1');
  expect(nearest(marks, 100 - nearPx - 1)).toBeUndefined();
});
