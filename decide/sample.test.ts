import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addToSample } from './sample.ts';
import type { Groups, ServiceSample } from './words.ts';

const fed = (groups: readonly Groups[]): ServiceSample | undefined =>
  groups.reduce<ServiceSample | undefined>((sample, each) => addToSample(sample, each), undefined);

test('few jobs are kept one by one, in order', () => {
  expect(
    fed([
      [
        [3, 1],
        [1, 2],
      ],
      [[2, 1]],
    ]),
  ).toEqual({ seconds: [1, 1, 2, 3], seen: 4 });
});

test('nothing new leaves it as it is', () => {
  const sample = fed([[[3, 1]]]);
  expect(addToSample(sample, [])).toBe(sample);
  expect(addToSample(undefined, [])).toBeUndefined();
});

test('many jobs of one reading are a few that stand for all, in their proportion', () => {
  const sample = fed([
    [
      [1, 9_000],
      [50, 1_000],
    ],
  ]);
  expect(sample?.seconds.length).toBeLessThanOrEqual(64);
  const long = sample?.seconds.filter((seconds) => seconds === 50).length ?? 0;
  expect(long / (sample?.seconds.length ?? 1)).toBeCloseTo(0.1, 1);
});

test('it forgets slowly: a burst of another kind does not push everything out, a lasting change does', () => {
  const old = Array.from({ length: 400 }, (): Groups => [[1, 1]]);
  const burst = Array.from({ length: 200 }, (): Groups => [[9, 1]]);
  const share = (sample: ServiceSample | undefined) =>
    (sample?.seconds.filter((seconds) => seconds === 9).length ?? 0) / 400;
  expect(share(fed([...old, ...burst]))).toBeGreaterThan(0.05);
  expect(share(fed([...old, ...burst]))).toBeLessThan(0.2);
  expect(share(fed([...old, ...Array.from({ length: 40 }, () => burst).flat()]))).toBeGreaterThan(0.9);
});

test('whatever comes, it is bounded, in order, and the same for the same jobs', () => {
  const group = fc.tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.integer({ min: 1, max: 5_000 }));
  fc.assert(
    fc.property(fc.array(fc.array(group, { maxLength: 20 }), { maxLength: 40 }), (readings) => {
      const sample = fed(readings);
      if (!sample) return;
      expect(sample.seconds.length).toBeLessThanOrEqual(400);
      expect(sample.seconds).toEqual(sample.seconds.toSorted((a, b) => a - b));
      expect(sample.seen).toBeGreaterThanOrEqual(sample.seconds.length);
      expect(fed(structuredClone(readings))).toEqual(sample);
      const given = readings.flat().map(([seconds]) => Number(seconds.toPrecision(4)));
      for (const seconds of sample.seconds) expect(given).toContain(seconds);
    }),
  );
});
