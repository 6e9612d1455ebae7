import { expect, test } from 'vitest';
import { decisionFilter } from './decision-filter.ts';

test('what stands in the address is the filter', () => {
  const search = { app: 'catalogue', processType: 'worker', outcome: 'dry-run', only: 'changes' };
  expect(decisionFilter(search)).toEqual(search);
});

test('what makes no sense there is left out', () => {
  expect(decisionFilter({})).toEqual({});
  expect(decisionFilter({ app: '', processType: 7, outcome: 'sold', only: true, other: 'x' })).toEqual({});
});
