import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { known, noon, sampleOf, viewOf } from './contract.ts';
import { waitsLonger } from './erlang.ts';
import { headroom, lateShares } from './headroom.ts';
import { situationOf } from './situation.ts';

interface Case {
  readonly perSecond: number;
  readonly boot?: number;
  readonly goal?: number;
  readonly trust?: number;
  readonly slots?: number;
  readonly service?: number;
  readonly guessed?: boolean;
}

function kept({ perSecond, boot = 30, goal = 30, trust = 0, slots = 1, service = 2, guessed }: Case): number {
  const view = viewOf({
    samples: Array.from({ length: 90 }, (_, place) =>
      sampleOf(noon - (89 - place) * 10_000, {
        waiting: 0,
        running: 0,
        startedTotal: Math.round(place * 10 * perSecond),
      }),
    ),
    learned: {
      serviceSeconds: guessed ? { value: 1, observations: 0 } : known(service),
      bootSeconds: known(boot),
      concurrency: known(slots),
      trust,
    },
  });
  const seen = situationOf({ goalSeconds: goal }, view, noon);
  return seen ? headroom(seen, view, noon, false).workers : Number.NaN;
}

describe('workers to keep where a boot takes most of the goal', () => {
  test('none where the goal is long enough, nothing comes, or the time per job is a guess', () => {
    expect(kept({ perSecond: 5, boot: 10 })).toBe(0);
    expect(kept({ perSecond: 0 })).toBe(0);
    expect(kept({ perSecond: 5, guessed: true })).toBe(0);
    expect(kept({ perSecond: 5 })).toBeGreaterThanOrEqual(10);
  });

  test('at least the mean load, and not a multiple of it', () => {
    for (const perSecond of [0.5, 2, 10, 50]) {
      const load = 2 * perSecond;
      expect(kept({ perSecond })).toBeGreaterThanOrEqual(Math.floor(load * 0.99));
      expect(kept({ perSecond })).toBeLessThan(load + 6 * Math.sqrt(load) + 3);
    }
  });

  test('a trickle is not worth a worker, a rush is worth several more than it keeps busy', () => {
    expect(kept({ perSecond: 0.002, trust: 0.9 })).toBe(0);
    expect(kept({ perSecond: 2, boot: 10, goal: 5 })).toBeGreaterThan(5);
  });

  test('the less the trust, the more', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 30, noNaN: true }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.constantFrom(1, 4),
        (perSecond, one, other, slots) => {
          const setting = { perSecond, slots, goal: 5, boot: 10 };
          const [low, high] = [Math.min(one, other), Math.max(one, other)];
          expect(kept({ ...setting, trust: low })).toBeGreaterThanOrEqual(kept({ ...setting, trust: high }));
        },
      ),
    );
  });

  test('so many slots per worker, so many workers fewer', () => {
    const [one, four] = [1, 4].map((slots) => kept({ perSecond: 20, slots }));
    expect(four).toBeGreaterThanOrEqual(Math.floor((one ?? 0) / 4));
    expect(four).toBeLessThanOrEqual((one ?? 0) / 4 + 2);
  });

  test('100,000 jobs per second are answered, without a recursion over all slots', () => {
    expect(kept({ perSecond: 100_000 })).toBeGreaterThanOrEqual(190_000);
  });
});

describe('the share of late jobs', () => {
  test('is that of Erlang for a whole number of slots and exponential times', () => {
    for (const [load, slots] of [
      [0.4, 1],
      [5, 7],
      [45, 50],
    ] as const) {
      const line = { load, slots, serviceSeconds: 2, spread: 1 };
      expect(lateShares(load, Math.exp(-5 / 2))(slots)).toBeCloseTo(waitsLonger(line, 5), 9);
    }
  });

  test('falls with every slot, also between whole numbers, and is all of them at the load or below', () => {
    const late = lateShares(6.3, 0.5);
    expect(late(6)).toBe(1);
    const shares = Array.from({ length: 40 }, (_, place) => late(6 + place / 4));
    expect(shares).toEqual(shares.toSorted((a, b) => b - a));
    expect(shares.at(-1)).toBeLessThan(0.001);
  });
});
