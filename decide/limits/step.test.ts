import { expect, test } from 'vitest';
import { limitContract, noon, processesOf, viewOf } from '../contract.ts';
import { step } from './step.ts';

limitContract({ test, expect }, step, { maxUp: 3, maxDown: 1 });

const view = viewOf({ processes: processesOf(10) });

test('each direction has its own measure', () => {
  const limit = step.create({ maxUp: 3, maxDown: 1 });
  expect(limit.apply(20, view, noon)).toEqual({ count: 13, reason: 'at most 3 more at once' });
  expect(limit.apply(13, view, noon)).toEqual({ count: 13 });
  expect(limit.apply(0, view, noon)).toEqual({ count: 9, reason: 'at most 1 fewer at once' });
  expect(limit.apply(9, view, noon)).toEqual({ count: 9 });
});

test('a direction that is left out is free', () => {
  expect(step.create({ maxUp: 3 }).apply(0, view, noon)).toEqual({ count: 0 });
  expect(step.create({ maxDown: 1 }).apply(5_000, view, noon)).toEqual({ count: 5_000 });
});

test('per cent of what is there, and at least one', () => {
  const limit = step.create({ maxUpPercent: 50, maxDownPercent: 30 });
  expect(limit.apply(20, view, noon)).toEqual({ count: 15, reason: 'at most 5 more at once (50 % of 10)' });
  expect(limit.apply(0, view, noon)).toEqual({ count: 7, reason: 'at most 3 fewer at once (30 % of 10)' });
  expect(limit.apply(9, viewOf(), noon).count).toBe(1);
  expect(limit.apply(0, viewOf({ processes: processesOf(2) }), noon).count).toBe(1);
});

test('of a number and a part the larger holds', () => {
  const limit = step.create({ maxUp: 4, maxUpPercent: 100 });
  expect(limit.apply(90, view, noon).count).toBe(20);
  expect(limit.apply(90, viewOf({ processes: processesOf(2) }), noon).count).toBe(6);
});
