import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { niceTicks, timeTicks } from './axes.ts';
import { picture } from './picture.ts';
import type { Observation } from './policy.ts';
import { createTrack, recorded, type Track } from './recording.ts';
import type { Trace } from './traces.ts';

const trace: Trace = {
  name: 'three',
  arrivals: Float64Array.from([0, 10, 3_599]),
  services: Float64Array.from([1, 1, 1]),
};

function track(waiting: number[], workers = waiting, late = waiting.map(() => 0)): Track {
  return { seconds: waiting.map((_, place) => place * 5), waiting, workers, late };
}

/** Every tag is closed in its turn, and no number is broken. */
function wellFormed(svg: string): boolean {
  const open: string[] = [];
  for (const [, close, name = '', empty] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (close && open.pop() !== name) return false;
    if (!close && !empty) open.push(name);
  }
  return open.length === 0 && !/NaN|Infinity|undefined/.test(svg);
}

test('it names what it shows, its axes and their units', () => {
  const runs = [
    { name: 'headcount', caption: '1.1 x work, 0 % late', track: track([0, 4, 9, 1]) },
    { name: 'keda', caption: '1.6 x work, 2 % late', track: track([0, 40, 90, 1]) },
  ];
  const svg = picture({ title: 'A <bulk> upload', subtitle: '3 jobs', trace, runs });
  for (const text of [
    'A &#60;bulk&#62; upload',
    'Arrivals, jobs per second',
    'Waiting jobs',
    'Workers',
    'Late jobs so far',
    'minutes',
    'headcount',
    'keda',
    '2 % late',
  ])
    expect(svg).toContain(text);
  expect(wellFormed(svg)).toBe(true);
  expect(svg.match(/<path /g)).toHaveLength(1 + 3 * runs.length);
});

test('whatever was seen, the picture is whole, and drawn within its frame', () => {
  const any = fc.array(fc.nat(300_000), { maxLength: 60 }).map((values) => track(values, values, values));
  fc.assert(
    fc.property(fc.array(any, { maxLength: 12 }), (tracks) => {
      const runs = tracks.map((each, place) => ({ name: `p${place}`, caption: '', track: each }));
      const svg = picture({ title: '', subtitle: '', trace, runs });
      expect(wellFormed(svg)).toBe(true);
      const height = Number(/viewBox="0 0 1000 (\d+)"/.exec(svg)?.[1]);
      for (const [, path = ''] of svg.matchAll(/ d="([^"]+)"/g))
        for (const [, axis, value] of path.matchAll(/([HV])([-\d.]+)/g)) {
          expect(Number(value)).toBeGreaterThanOrEqual(0);
          expect(Number(value)).toBeLessThanOrEqual(axis === 'H' ? 1_000 : height);
        }
    }),
    { numRuns: 30 },
  );
});

test('a peak of one checkup stays to be seen', () => {
  const waiting = Array.from({ length: 5_000 }, (_, place) => (place === 2_345 ? 777 : 1));
  const svg = picture({
    title: '',
    subtitle: '',
    trace,
    runs: [{ name: 'a', caption: '', track: track(waiting) }],
  });
  expect(svg).toContain('>800<');
});

describe('axes', () => {
  test.each([
    [0, [0, 0.5, 1]],
    [7, [0, 2, 4, 6, 8]],
    [300_000, [0, 100_000, 200_000, 300_000]],
    [0.4, [0, 0.1, 0.2, 0.3, 0.4]],
  ])('values to %d', (largest, expected) => {
    expect(niceTicks(largest)).toEqual(expected);
  });

  test('values have few marks, the last one not below them', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), (largest) => {
        const ticks = niceTicks(largest);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(largest * (1 - 1e-9));
        expect(ticks.length).toBeGreaterThanOrEqual(3);
        expect(ticks.length).toBeLessThanOrEqual(6);
      }),
    );
  });

  test.each([
    [20, 'seconds'],
    [600, 'minutes'],
    [12 * 3_600, 'hours'],
    [14 * 86_400, 'days'],
  ])('%d seconds are told in %s', (end, unit) => {
    const { unit: told, ticks } = timeTicks(end);
    expect(told).toBe(unit);
    expect(ticks.length).toBeLessThanOrEqual(15);
    expect(ticks.at(-1)?.seconds).toBeLessThanOrEqual(end);
  });
});

test('a recorded policy answers as it did', () => {
  const kept = createTrack();
  const moments: number[] = [];
  const policy = recorded(
    ({ waiting }) => waiting * 2,
    kept,
    (now) => moments.push(now),
  );
  const seen = { now: 5, waiting: 4, workers: 3, lateStarts: 1 } as Observation;
  expect(policy(seen)).toBe(8);
  expect(kept).toEqual({ seconds: [5], waiting: [4], workers: [3], late: [1] });
  expect(moments).toEqual([5]);
});
