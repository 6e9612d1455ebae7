import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundOf, createGauge, createTimes, percentile } from './window.ts';

const times = fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 200 });

describe('percentile', () => {
  test('errs by at most 1.6 % and a millisecond, upwards', () => {
    fc.assert(
      fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const window = createTimes(60);
        for (const ms of list) window.add(100, 1, ms);
        const sorted = [...list].sort((a, b) => a - b);
        const truth = sorted[Math.max(1, Math.ceil(share * list.length - 1e-9)) - 1]!;
        const found = percentile(window.over(0, 200).histogram, share)!;
        expect(found).toBeGreaterThanOrEqual(truth);
        expect(found).toBeLessThanOrEqual(Math.ceil(truth) * (1 + 2 / 128));
      }),
    );
  });

  test('is exact for whole milliseconds to 128, and nothing of nothing', () => {
    for (let ms = 0; ms <= 128; ms++) expect(boundOf(ms)).toBe(ms);
    expect(percentile([], 0.5)).toBeUndefined();
    expect(boundOf(60_000)).toBeLessThan(61_000);
  });

  test('there are at most 704 buckets to a minute', () => {
    const bounds = new Set(Array.from({ length: 60_001 }, (_, ms) => boundOf(ms)));
    expect(bounds.size).toBeLessThanOrEqual(704);
  });
});

describe('times', () => {
  const pushes = fc.array(
    fc.record({
      second: fc.integer({ min: 1_000, max: 1_300 }),
      count: fc.integer({ min: 0, max: 9 }),
      ms: fc.option(fc.integer({ min: 0, max: 60_000 }), { nil: undefined }),
    }),
    { maxLength: 300 },
  );

  test('count what the last seconds brought, neither more nor less, in any order', () => {
    fc.assert(
      fc.property(pushes, fc.integer({ min: 1, max: 120 }), (list, width) => {
        const window = createTimes(120);
        for (const { second, count, ms } of list) window.add(second, count, ms);
        const newest = Math.max(0, ...list.map(({ second }) => second));
        const inside = list.filter(({ second }) => second > newest - width);
        const { count, coveredSeconds, histogram } = window.over(newest - width + 1, newest);
        expect(count).toBe(inside.reduce((sum, one) => sum + one.count, 0));
        expect(coveredSeconds).toBe(new Set(inside.map(({ second }) => second)).size);
        expect(histogram.reduce((sum, [, n]) => sum + n, 0)).toBe(
          inside.reduce((sum, one) => sum + (one.ms === undefined ? 0 : one.count), 0),
        );
        expect(histogram.map(([bound]) => bound)).toEqual(
          [...new Set(histogram.map(([bound]) => bound))].sort((a, b) => a - b),
        );
      }),
    );
  });

  test('an old second is refused and never counted in the place of a new one', () => {
    const window = createTimes(10);
    expect(window.add(100, 1, 5)).toBe(true);
    expect(window.add(90, 1, 5)).toBe(false);
    expect(window.add(110, 0)).toBe(true);
    expect(window.over(0, 200)).toEqual({ coveredSeconds: 1, count: 0, histogram: [] });
  });
});

describe('gauges', () => {
  test('average the processes, or take the last word', () => {
    const gauge = createGauge(60);
    expect(gauge.mean(0)).toBeUndefined();
    expect(gauge.newest(0)).toBeUndefined();
    gauge.add(100, 30);
    gauge.add(100, 50);
    gauge.add(101, 100);
    expect(gauge.mean(100)).toBe(60);
    expect(gauge.newest(100)).toEqual({ second: 101, value: 100 });
    gauge.set(101, 7);
    expect(gauge.newest(100)).toEqual({ second: 101, value: 7 });
    expect(gauge.newest(102)).toBeUndefined();
  });
});
