import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createArrivals } from './arrivals.ts';

test('of jobs taken in order, the wait of the next is known to one look', () => {
  const steps = fc.array(
    fc.record({ came: fc.nat({ max: 5 }), took: fc.nat({ max: 5 }), ms: fc.integer({ min: 1, max: 5_000 }) }),
    { minLength: 1, maxLength: 200 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const arrivals = createArrivals();
      const queue: number[] = [];
      let at = 1_000_000;
      let started = 0;
      let before = at;
      arrivals.oldestSeconds(at, 0, 0);
      for (const { came, took, ms } of all) {
        // They come at any moment after the look before.
        for (let job = 0; job < came; job++) queue.push(at + Math.floor((ms * job) / 5));
        before = at;
        at += ms;
        started += queue.splice(0, took).length;
        const told = (arrivals.oldestSeconds(at, queue.length, started) ?? Number.NaN) * 1_000;
        const truth = queue[0] === undefined ? 0 : at - queue[0];
        expect(told).toBeLessThanOrEqual(truth + 1e-6);
        // A job is seen at the first look after it came.
        if (queue[0] !== undefined && queue[0] >= before) expect(told).toBe(0);
        else expect(truth - told).toBeLessThanOrEqual(5_000);
      }
    }),
  );
});

test('of what waited before the first look nothing is said, and of what came after it the wait is', () => {
  const { oldestSeconds } = createArrivals();
  expect(oldestSeconds(1_000, 5, 0)).toBeUndefined();
  expect(oldestSeconds(2_000, 8, 0)).toBeUndefined();
  expect(oldestSeconds(3_000, 4, 4)).toBeUndefined();
  expect(oldestSeconds(4_000, 3, 5)).toBe(2);
  expect(oldestSeconds(500, 3, 5)).toBeUndefined();
});

test('jobs that vanish make nobody older than the queue', () => {
  const arrivals = createArrivals();
  arrivals.oldestSeconds(0, 0, 0);
  arrivals.oldestSeconds(1_000, 100, 0);
  expect(arrivals.oldestSeconds(2_000, 0, 0)).toBe(0);
  expect(arrivals.oldestSeconds(9_000, 3, 0)).toBeLessThanOrEqual(8);
  expect(arrivals.oldestSeconds(10_000, 0, 3)).toBe(0);
});

test('what workers started adds up over restarts, and a gone one takes nothing away', () => {
  const { started } = createArrivals();
  expect(started(new Map([['a', 1_000]]))).toBe(0);
  expect(
    started(
      new Map([
        ['a', 1_010],
        ['b', 5],
      ]),
    ),
  ).toBe(15);
  expect(started(new Map([['b', 6]]))).toBe(16);
  expect(
    started(
      new Map([
        ['a', 2],
        ['b', 6],
      ]),
    ),
  ).toBe(18);
  expect(
    started(
      new Map([
        ['a', 1],
        ['b', 6],
      ]),
    ),
  ).toBe(19);
});
