import fc from 'fast-check';
import { expect, test } from 'vitest';
import { processesForRandom, serviceFrom, slotsFor, waitsLonger } from './erlang.ts';

const second = { serviceSeconds: 1, spread: 1 };

test('Erlang C, as tables have it', () => {
  // One server waits with the probability of its load; five of seven, from the tables of Erlang C.
  expect(waitsLonger({ ...second, load: 0.7, slots: 1 }, 0)).toBeCloseTo(0.7, 9);
  expect(waitsLonger({ ...second, load: 5, slots: 7 }, 0)).toBeCloseTo(0.3241, 4);
  expect(waitsLonger({ ...second, load: 0.7, slots: 1 }, 2)).toBeCloseTo(0.7 * Math.exp(-0.6), 9);
  expect(waitsLonger({ ...second, load: 7, slots: 7 }, 100)).toBe(1);
  expect(waitsLonger({ ...second, load: 0, slots: 0 }, 0)).toBe(0);
});

test('sizes are the least that keep the share, also where each process is a line of its own', () => {
  const line = fc.record({
    load: fc.double({ min: 0.01, max: 300, noNaN: true }),
    slots: fc.integer({ min: 1, max: 16 }),
    serviceSeconds: fc.double({ min: 0.001, max: 10, noNaN: true }),
    spread: fc.double({ min: 1, max: 5, noNaN: true }),
    share: fc.constantFrom(0.001, 0.05, 0.5),
    seconds: fc.double({ min: 0, max: 5, noNaN: true }),
  });
  fc.assert(
    fc.property(line, ({ share, seconds, ...one }) => {
      const count = slotsFor(one, seconds, share);
      expect(waitsLonger({ ...one, slots: count }, seconds)).toBeLessThanOrEqual(share);
      if (count > 1) expect(waitsLonger({ ...one, slots: count - 1 }, seconds)).toBeGreaterThan(share);
      const apart = processesForRandom(one, seconds, share);
      const each = (processes: number) => waitsLonger({ ...one, load: one.load / processes }, seconds);
      expect(each(apart)).toBeLessThanOrEqual(share);
      if (apart > 1) expect(each(apart - 1)).toBeGreaterThan(share);
      expect(apart * one.slots).toBeGreaterThanOrEqual(count);
    }),
  );
});

test('the waits give back the service time that made them', () => {
  for (const serviceSeconds of [0.02, 0.08, 0.15]) {
    const share = waitsLonger({ load: 50 * serviceSeconds, slots: 8, serviceSeconds, spread: 1 }, 0.1);
    expect(serviceFrom(50, 8, 0.1, share)).toBeCloseTo(serviceSeconds, 6);
  }
  expect(serviceFrom(0, 8, 0.1, 0.5)).toBeUndefined();
  expect(serviceFrom(50, 0, 0.1, 0.5)).toBeUndefined();
});

test('more than it is made for is answered at once', () => {
  expect(slotsFor({ ...second, load: 1e9 }, 0.1, 0.05)).toBe(1.1e9);
  expect(processesForRandom({ ...second, load: 1e6, slots: 5 }, 0.1, 0.05)).toBeGreaterThan(2e5);
});
