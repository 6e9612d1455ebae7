import { expect, test } from 'vitest';
import { decision } from '../fixture-data.ts';
import { foldDecisions } from './fold-decisions.ts';

const kept = { outcome: 'kept', current: 3, desired: 3 } as const;

test('neighbours that say the same are one line; a change never is', () => {
  const folds = foldDecisions([
    decision(9, 90),
    decision(8, 80),
    decision(7, 70, kept),
    decision(6, 60, kept),
    decision(5, 50, { ...kept, unknown: true }),
    decision(4, 40, { outcome: 'failed', error: 'a' }),
    decision(3, 30, { outcome: 'failed', error: 'a' }),
    decision(2, 20, { outcome: 'failed', error: 'b' }),
  ]);
  expect(folds.map((fold) => [fold.newest.id, fold.oldest.id, fold.checkups])).toEqual([
    ['9', '9', 1],
    ['8', '8', 1],
    ['7', '6', 2],
    ['5', '5', 1],
    ['4', '3', 2],
    ['2', '2', 1],
  ]);
});
