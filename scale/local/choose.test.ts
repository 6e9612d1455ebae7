import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candidate, lowestFreeIndex, victims } from './choose.ts';

const candidates = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { maxLength: 20 }).chain((indexes) =>
  fc.tuple(
    ...indexes.map((index) =>
      fc.record<Candidate>({
        index: fc.constant(index),
        state: fc.constantFrom('starting', 'up', 'stopping', 'crashed'),
        busy: fc.constantFrom(true, false, undefined),
      }),
    ),
  ),
);

test('a new index is free, and no lower one is', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 })), (taken) => {
      const index = lowestFreeIndex(taken);
      expect(taken).not.toContain(index);
      for (let lower = 1; lower < index; lower++) expect(taken).toContain(lower);
    }),
  );
});

test('a busy one goes only when nobody else is left, and nobody goes twice', () => {
  fc.assert(
    fc.property(candidates, fc.integer({ min: -2, max: 25 }), (all, count) => {
      const gone = victims(all, count);
      const able = all.filter(({ state }) => state !== 'stopping');
      expect(gone.length).toBe(Math.min(Math.max(0, count), able.length));
      expect(gone.every((one) => able.includes(one))).toBe(true);
      const stay = able.filter((one) => !gone.includes(one));
      const works = ({ state, busy }: Candidate): boolean => state === 'up' && busy === true;
      if (gone.some(works)) expect(stay.every(works)).toBe(true);
    }),
  );
});

test('the order: crashed, starting, idle, unknown, busy; the highest index first', () => {
  const all: Candidate[] = [
    { index: 1, state: 'up', busy: true },
    { index: 2, state: 'up', busy: false },
    { index: 3, state: 'up' },
    { index: 4, state: 'up', busy: false },
    { index: 5, state: 'starting' },
    { index: 6, state: 'crashed' },
    { index: 7, state: 'stopping' },
    { index: 8, state: 'up', busy: true },
  ];
  expect(victims(all, 9).map(({ index }) => index)).toEqual([6, 5, 4, 2, 3, 8, 1]);
});
