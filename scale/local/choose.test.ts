import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Process } from '../../decide/words.ts';
import { lowestFreeIndex, victims } from './choose.ts';

const candidates = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { maxLength: 20 }).chain((indexes) =>
  fc.tuple(
    ...indexes.map((index) =>
      fc.record<Process>({
        name: fc.constant(`worker.${index}`),
        since: fc.constant(0),
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
      const works = ({ state, busy }: Process): boolean => state !== 'crashed' && busy === true;
      if (gone.some(works)) expect(stay.every(works)).toBe(true);
    }),
  );
});

const eight: Process[] = [
  { name: 'w.1', since: 0, state: 'up', busy: true },
  { name: 'w.2', since: 0, state: 'up', busy: false },
  { name: 'w.3', since: 0, state: 'up' },
  { name: 'w.4', since: 0, state: 'up', busy: false },
  { name: 'w.5', since: 0, state: 'starting' },
  { name: 'w.6', since: 0, state: 'crashed' },
  { name: 'w.7', since: 0, state: 'stopping' },
  { name: 'w.8', since: 0, state: 'up', busy: true },
];

test('the order: crashed, starting, idle, unknown, busy; the highest index first', () => {
  expect(names(victims(eight, 9))).toEqual(['w.6', 'w.5', 'w.4', 'w.2', 'w.3', 'w.8', 'w.1']);
});

test('those that are named go before all others, in that order too, and nobody else is dragged along', () => {
  expect(names(victims(eight, 3, ['w.3', 'w.1']))).toEqual(['w.3', 'w.1', 'w.6']);
  expect(names(victims(eight, 1, ['w.7', 'w.9']))).toEqual(['w.6']);
});

function names(processes: readonly Process[]): string[] {
  return processes.map(({ name }) => name);
}
