/** Jobs from readings: none is lost, none is invented, and what was unknown stays so. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seeded } from './random.ts';
import {
  balanceOf,
  burstsOf,
  partsOf,
  type RecordedPoint,
  secondsOf,
  stretchesOf,
  wholeTraceOf,
} from './recorded.ts';

const minute = 60_000;
const start = Date.UTC(2026, 2, 10);

/** Neighbours 10 to 60 s apart, each of which told what waits and what runs. */
const told = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 10, max: 60 }),
      waiting: fc.integer({ min: 0, max: 500 }),
      running: fc.integer({ min: 0, max: 40 }),
    }),
    { minLength: 2, maxLength: 60 },
  )
  .map((steps) => {
    let at = start;
    return steps.map(({ gap, waiting, running }): RecordedPoint => {
      at += gap * 1000;
      return { at, waiting, running, current: 5 };
    });
  });
const mean = fc.double({ min: 0.1, max: 60, noNaN: true });

function jobsOf(points: readonly RecordedPoint[], meanSeconds: number) {
  const [stretch = []] = stretchesOf(points, 1);
  return { stretch, trace: wholeTraceOf(stretch, meanSeconds, seeded(1), () => meanSeconds) };
}

describe('arrivals', () => {
  test('jobs in are jobs out and what is left', () => {
    fc.assert(
      fc.property(told, mean, (points, meanSeconds) => {
        const { stretch, trace } = jobsOf(points, meanSeconds);
        const { first, arrived, finished, rest, unpaid } = balanceOf(stretch, meanSeconds);
        expect(trace.arrivals.length).toBe(Math.round(first) + arrived);
        const out = finished + rest + unpaid;
        expect(Math.abs(first + arrived - out)).toBeLessThanOrEqual(1 + 1e-6 * out);
      }),
    );
  });

  test('they come in order, within the time that was recorded, and those of the start at once', () => {
    fc.assert(
      fc.property(told, mean, (points, meanSeconds) => {
        const { stretch, trace } = jobsOf(points, meanSeconds);
        const { first } = balanceOf(stretch, meanSeconds);
        const ordered = trace.arrivals.every((at, job) => job === 0 || at >= (trace.arrivals[job - 1] ?? 0));
        expect(ordered).toBe(true);
        expect(trace.arrivals.slice(0, first).every((at) => at === 0)).toBe(true);
        expect(trace.arrivals.at(-1) ?? 0).toBeLessThanOrEqual(secondsOf(stretch));
      }),
    );
  });

  test('a job less runs less long: the work stays what the slots did', () => {
    const busy = Array.from({ length: 61 }, (_, place) => ({
      at: start + place * minute,
      waiting: 3,
      running: 4,
      current: 4,
    }));
    for (const meanSeconds of [0.5, 2, 30]) {
      const { trace } = jobsOf(busy, meanSeconds);
      const work = trace.services.reduce((sum, seconds) => sum + seconds, 0);
      // Four slots for an hour, and the seven jobs that are there at the end.
      expect(Math.abs(work - 4 * 3_600 - 7 * meanSeconds)).toBeLessThanOrEqual(meanSeconds);
    }
  });

  test('what vanishes faster than it can be finished is counted, not hidden', () => {
    const points = [
      { at: start, waiting: 100, running: 1, current: 1 },
      { at: start + 10_000, waiting: 0, running: 1, current: 1 },
    ];
    const [stretch = []] = stretchesOf(points, 1);
    expect(balanceOf(stretch, 10)).toMatchObject({ arrived: 0, finished: 1, unpaid: 99 });
  });
});

describe('gaps', () => {
  const known = (at: number): RecordedPoint => ({ at, waiting: 5, running: 2, current: 2 });
  const unknown = (at: number): RecordedPoint => ({ at, current: 2 });

  test('an unknown minute ends a stretch, and no job comes within it', () => {
    const points = [0, 1, 2, 3, 4, 5, 6].map((place) =>
      (place === 3 ? unknown : known)(start + place * minute),
    );
    const stretches = stretchesOf(points, 1);
    expect(stretches.map((stretch) => stretch.map(({ at }) => (at - start) / minute))).toEqual([
      [0, 1, 2],
      [4, 5, 6],
    ]);
    const seconds = stretches.reduce((sum, stretch) => sum + secondsOf(stretch), 0);
    expect(seconds).toBe(4 * 60);
  });

  test('one unknown checkup among those of ten seconds is within a minute, as in what is rolled up', () => {
    const points = [0, 1, 2, 3, 4].map((place) => (place === 2 ? unknown : known)(start + place * 10_000));
    expect(stretchesOf(points, 1)).toHaveLength(1);
  });

  test('a controller that was away leaves a gap, whatever it says afterwards', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 600 }), (minutes) => {
        const away = start + 30 * minute + minutes * minute;
        const before = Array.from({ length: 31 }, (_, place) => known(start + place * minute));
        const after = Array.from({ length: 31 }, (_, place) => known(away + place * minute));
        const stretches = stretchesOf([...before, ...after], 1);
        expect(stretches).toHaveLength(2);
        expect(stretches.reduce((sum, stretch) => sum + secondsOf(stretch), 0)).toBe(60 * 60);
      }),
    );
  });

  test('unknown throughout is nothing at all', () => {
    expect(
      stretchesOf(
        [0, 1, 2].map((place) => unknown(start + place * minute)),
        1,
      ),
    ).toEqual([]);
  });

  test('where nobody told what runs it is a guess, and marked as one', () => {
    const points = [
      { at: start, waiting: 9, current: 3 },
      { at: start + minute, waiting: 0, current: 3 },
      { at: start + 2 * minute, waiting: 2, slots: 8, current: 3 },
    ];
    const [stretch = []] = stretchesOf(points, 4);
    expect(stretch.map(({ running, guessed }) => [running, guessed])).toEqual([
      [12, true],
      [0, true],
      [8, true],
    ]);
  });
});

describe('jobs that came many at once', () => {
  /** Nothing runs, so what waits is what has come. */
  function reading(comes: readonly number[], stepSeconds = 10): RecordedPoint[] {
    let waiting = 0;
    const first = { at: start, waiting, running: 0, current: 0 };
    return [
      first,
      ...comes.map((count, place) => {
        waiting += count;
        return { ...first, at: start + (place + 1) * stepSeconds * 1000, waiting };
      }),
    ];
  }
  const burstsIn = (comes: readonly number[], leastSeconds = 3) => {
    const [stretch = []] = stretchesOf(reading(comes), 1);
    return burstsOf(stretch, 1, leastSeconds);
  };
  const quiet = Array.from({ length: 20 }, () => 2);

  test('stand out from what came before and after', () => {
    const bursts = burstsIn([...quiet, 100, ...quiet, 60, 50, ...quiet]);
    expect(bursts).toEqual({ arrived: 3 * 40 + 210, atOnce: 210, withinSeconds: 10 });
  });

  test('are none where the load rises and falls over several readings, or stays high', () => {
    const wave = [...quiet, 10, 20, 40, 60, 80, 90, 90, 80, 60, 40, 20, 10, ...quiet];
    expect(burstsIn(wave).atOnce).toBe(0);
    expect(burstsIn([...quiet, ...quiet.map(() => 200), ...quiet]).atOnce).toBe(0);
  });

  test('are none where nobody needs to know it better, and where there is nothing beside them', () => {
    expect(burstsIn([...quiet, 100, ...quiet], 11).atOnce).toBe(0);
    expect(burstsIn([0, 100, 0]).atOnce).toBe(0);
    expect(burstsIn([])).toEqual({ arrived: 0, atOnce: 0, withinSeconds: 0 });
  });

  test('are hardly ever made by chance', () => {
    for (const perStep of [0.1, 0.5, 2, 20, 300])
      for (let seed = 1; seed <= 20; seed++) {
        const random = seeded(seed);
        const comes = Array.from({ length: 400 }, () => {
          let [count, time] = [0, random.exponential()];
          for (; time < perStep; time += random.exponential()) count++;
          return count;
        });
        const { arrived, atOnce } = burstsIn(comes);
        expect([perStep, seed, atOnce <= 0.05 * arrived]).toEqual([perStep, seed, true]);
      }
  });
});

test('parts are as long as they may be, and together they are the stretch', () => {
  fc.assert(
    fc.property(
      told,
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 2_000 }),
      (points, most, jobs) => {
        const [stretch = []] = stretchesOf(points, 1);
        const parts = partsOf(stretch, 5, most * 1000, jobs);
        expect(parts.reduce((sum, part) => sum + secondsOf(part), 0)).toBeCloseTo(secondsOf(stretch));
        expect(parts[0]?.[0]).toBe(stretch[0]);
        expect(parts.at(-1)?.at(-1)).toBe(stretch.at(-1));
        parts.slice(1).forEach((part, place) => {
          expect(part[0]).toBe(parts[place]?.at(-1));
        });
        for (const part of parts.filter(({ length }) => length > 2)) {
          expect(secondsOf(part)).toBeLessThanOrEqual(most);
          expect(balanceOf(part, 5).arrived).toBeLessThanOrEqual(jobs + 1);
        }
      },
    ),
  );
});
