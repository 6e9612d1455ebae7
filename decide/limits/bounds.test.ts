import { expect, test } from 'vitest';
import { limitContract, noon, viewOf } from '../contract.ts';
import { bounds } from './bounds.ts';

limitContract({ test, expect }, bounds, { minimum: 2, maximum: 5 });

test('both ends are kept, and the reason names the end', () => {
  const limit = bounds.create({ minimum: 2, maximum: 5 });
  expect(limit.apply(9, viewOf(), noon)).toEqual({ count: 5, reason: 'the maximum is 5' });
  expect(limit.apply(0, viewOf(), noon)).toEqual({ count: 2, reason: 'the minimum is 2' });
  expect(limit.apply(3, viewOf(), noon)).toEqual({ count: 3 });
});

test('a maximum below the minimum wins: it is what keeps the bill', () => {
  const limit = bounds.create({ minimum: 5, maximum: 2 });
  expect(limit.apply(0, viewOf(), noon).count).toBe(2);
  expect(limit.apply(9, viewOf(), noon).count).toBe(2);
});
