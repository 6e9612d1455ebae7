import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Point } from '../../server/api.ts';
import { count } from '../formats.ts';
import { columnsOf, type Line, summaryOf } from './chart-data.ts';

const lines: readonly Line[] = [
  { label: 'waiting', colour: '--a', look: 'area', of: (point) => point.waiting },
];
const start = 1_760_000_000_000;
const point = (index: number, change: Partial<Point> = {}): Point => ({
  at: start + index * 10_000,
  waiting: index,
  current: 1,
  desired: 1,
  unknown: 0,
  ...change,
});
const { waiting: _, ...bare } = point(3, { unknown: 1 });

test('an unknown reading is a gap with a band, not a zero', () => {
  const columns = columnsOf([point(1), point(2), bare, point(4)], lines, start + 45_000);
  expect(columns.ys).toEqual([[1, 2, null, 4]]);
  expect(columns.bands).toEqual([{ from: start + 25_000, to: start + 35_000 }]);
  expect(columns.unknown).toEqual([false, false, true, false]);
});

test('a time without checkups is a gap with a band', () => {
  const columns = columnsOf([point(1), point(2), point(3), point(4), point(40)], lines, start + 400_000);
  expect(columns.ys[0]).toEqual([1, 2, 3, 4, null, 40]);
  expect(columns.bands).toEqual([{ from: start + 40_000, to: start + 400_000 }]);
});

test('checkups that stopped leave a band up to now', () => {
  const columns = columnsOf([point(1), point(2)], lines, start + 120_000);
  expect(columns.bands).toEqual([{ from: start + 20_000, to: start + 120_000 }]);
});

test('a value that no meter tells is a gap without a band', () => {
  const { waiting: _, ...untold } = point(2);
  const columns = columnsOf([point(1), untold, point(3)], lines, start + 31_000);
  expect(columns).toMatchObject({ ys: [[1, null, 3]], bands: [], unknown: [false, false, false] });
});

test('no absent number ever becomes a number, and times grow', () => {
  const points = fc
    .array(
      fc.record({
        step: fc.integer({ min: 1, max: 200_000 }),
        waiting: fc.option(fc.nat(), { nil: undefined }),
        unknown: fc.constantFrom(0, 0.5, 1),
      }),
      { maxLength: 60 },
    )
    .map((raw) => {
      let at = start;
      return raw.map(({ step, waiting, unknown }): Point => {
        at += step;
        return { at, current: 0, desired: 0, unknown, ...(waiting === undefined ? {} : { waiting }) };
      });
    });
  fc.assert(
    fc.property(points, (made) => {
      const { x, ys, bands } = columnsOf(made, lines, (made.at(-1)?.at ?? start) + 1);
      expect(ys[0]?.filter((value) => value !== null)).toEqual(made.flatMap((p) => p.waiting ?? []));
      expect(x.every((at, index) => index === 0 || at > (x[index - 1] ?? 0))).toBe(true);
      expect(bands.every((band, index) => index === 0 || band.from > (bands[index - 1]?.to ?? 0))).toBe(true);
    }),
  );
});

test('the summary says now, the highest, and for how long nothing was known', () => {
  const points = [point(1, { waiting: 4_300 }), point(2), bare, point(4)];
  const columns = columnsOf(points, lines, start + 45_000);
  const text = summaryOf(points, lines, count, columns, start + 45_000);
  expect(text).toMatch(
    /^waiting: now 4, highest 4,300 at \d\d:\d\d\. Unknown for about 10 s in 1 stretch\.$/,
  );
  expect(summaryOf([], lines, count, columnsOf([], lines, start), start)).toBe('No checkups in this time.');
});
