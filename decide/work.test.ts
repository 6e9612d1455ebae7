import { describe, expect, test } from 'vitest';
import { noon, sampleOf } from './contract.ts';
import type { JobsReading, Sample } from './words.ts';
import { steadyPerSecond, waitingByAge, workNow } from './work.ts';

/** Ten seconds apart, the last one now. */
function history(...readings: Partial<JobsReading>[]): Sample[] {
  return readings.map((reading, index) => sampleOf(noon - (readings.length - 1 - index) * 10_000, reading));
}

describe('the work now', () => {
  test('sums the queues; the age is that of the oldest which waits', () => {
    const sample = sampleOf(
      noon,
      { queue: 'a', waiting: 3, running: 1, oldestSeconds: 4 },
      { queue: 'b', waiting: 2, running: 1, oldestSeconds: 9 },
      { queue: 'c', waiting: 0, oldestSeconds: 99 },
    );
    expect(workNow([sample])).toEqual({ waiting: 5, running: 2, oldestSeconds: 9 });
  });

  test('what no source tells is absent, not zero', () => {
    expect(workNow([sampleOf(noon, { waiting: 3 })])).toEqual({ waiting: 3 });
    expect(workNow([{ at: noon, readings: [] }])).toBeUndefined();
  });
});

describe('the waiting jobs by age', () => {
  test('walks back through the arrivals until it has found all', () => {
    const samples = history(
      { waiting: 0, startedTotal: 0 },
      { waiting: 30, startedTotal: 10 },
      { waiting: 50, startedTotal: 30 },
    );
    // 40 arrived in the second interval, of the 40 of the first 10 still wait.
    expect(waitingByAge(samples, noon)).toEqual([
      { ageSeconds: 20, jobs: 10 },
      { ageSeconds: 10, jobs: 40 },
    ]);
  });

  test('the known oldest age wins over the edge of an interval, and leads', () => {
    const samples = history({ waiting: 0 }, { waiting: 30 }, { waiting: 50, oldestSeconds: 14 });
    expect(waitingByAge(samples, noon)).toEqual([
      { ageSeconds: 14, jobs: 30 },
      { ageSeconds: 10, jobs: 20 },
    ]);
    const stuck = history({ waiting: 0 }, { waiting: 5, oldestSeconds: 300 });
    expect(waitingByAge(stuck, noon)).toEqual([
      { ageSeconds: 300, jobs: 1 },
      { ageSeconds: 10, jobs: 4 },
    ]);
  });

  test('what no interval explains is as old as the samples go', () => {
    expect(waitingByAge(history({ waiting: 30 }, { waiting: 20 }, { waiting: 10 }), noon)).toEqual([
      { ageSeconds: 20, jobs: 10 },
    ]);
    expect(waitingByAge([sampleOf(noon - 3_000, { waiting: 7 })], noon)).toEqual([
      { ageSeconds: 3, jobs: 7 },
    ]);
  });

  test('a counter that began anew falls back to what waits more', () => {
    const samples = history({ waiting: 10, startedTotal: 900 }, { waiting: 25, startedTotal: 5 });
    expect(waitingByAge(samples, noon)).toEqual(
      [
        { ageSeconds: 10, jobs: 15 },
        { ageSeconds: 10, jobs: 10 },
      ].reverse(),
    );
  });

  test('a clock that was set back makes nobody younger than now', () => {
    const samples = [sampleOf(noon + 3_600_000, { waiting: 5 }), sampleOf(noon, { waiting: 9 })];
    expect(waitingByAge(samples, noon)).toEqual([{ ageSeconds: 0, jobs: 9 }]);
  });
});

describe('the steady rate', () => {
  test('is the least of three windows: an upload is not one, and an end is seen at once', () => {
    const steady = [0, 50, 110, 170].map((startedTotal) => ({ waiting: 0, startedTotal }));
    expect(steadyPerSecond(history(...steady))).toBe(5);
    expect(steadyPerSecond(history(...steady, { waiting: 0, startedTotal: 170 }))).toBe(0);
    expect(steadyPerSecond(history({}, {}, {}, { waiting: 20_000 }))).toBe(0);
  });

  test('short intervals are put together to windows of about ten seconds', () => {
    const samples = Array.from({ length: 31 }, (_, second) =>
      sampleOf(noon - (30 - second) * 1000, { startedTotal: second % 2 ? second * 4 + 4 : second * 4 }),
    );
    expect(steadyPerSecond(samples)).toBeCloseTo(4, 0);
    expect(steadyPerSecond(samples.slice(-20))).toBe(0);
  });

  test('without counters, running jobs stand for what was finished, once the service time is known', () => {
    const samples = history(...Array.from({ length: 4 }, () => ({ waiting: 3, running: 6 })));
    expect(steadyPerSecond(samples)).toBe(0);
    expect(steadyPerSecond(samples, 2)).toBe(3);
  });
});
