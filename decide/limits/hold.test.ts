import { expect, test } from 'vitest';
import { limitContract, noon, viewOf } from '../contract.ts';
import { hold } from './hold.ts';

limitContract({ test, expect }, hold, { count: 3, until: noon + 60_000, by: 'ada' });

test('it says who holds and for how long, and ends at its moment', () => {
  const limit = hold.create({ count: 3, until: noon + 600_000, by: 'ada' });
  expect(limit.apply(8, viewOf(), noon)).toEqual({ count: 3, reason: 'held by ada for 10 min more' });
  expect(limit.apply(8, viewOf(), noon + 599_999).count).toBe(3);
  expect(limit.apply(8, viewOf(), noon + 600_000)).toEqual({ count: 8 });
});

test('without an end it holds until somebody ends it', () => {
  const reason = 'held by a person until it is ended';
  expect(hold.create({ count: 0 }).apply(8, viewOf(), noon)).toEqual({ count: 0, reason });
});
