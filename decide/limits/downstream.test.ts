import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyView, limitContract, noon, processesOf, viewOf } from '../contract.ts';
import { currentCount } from '../formation.ts';
import { downstream } from './downstream.ts';

const options = { connectionsMaximum: 100, connectionsPerProcess: 8, reserved: 10 };
limitContract({ test, expect }, downstream, options);

const limit = downstream.create(options);

test('the maximum follows from the connections', () => {
  expect(limit.apply(11, viewOf(), noon)).toEqual({ count: 11 });
  expect(limit.apply(12, viewOf(), noon)).toEqual({
    count: 11,
    reason: '100 connections less 10 for others are room for 11 with 8 each',
  });
  expect(downstream.create({ ...options, reserved: 200 }).apply(5, viewOf(), noon).count).toBe(0);
});

test('those that stop hold their connections, which keeps new ones waiting and drives nobody out', () => {
  const processes = [...processesOf(6), ...processesOf(3, 'stopping')];
  expect(limit.apply(11, viewOf({ processes }), noon)).toEqual({
    count: 8,
    reason:
      '100 connections less 10 for others are room for 11 with 8 each, and 3 that stop hold theirs still',
  });
  const full = [...processesOf(10), ...processesOf(5, 'stopping')];
  expect(limit.apply(10, viewOf({ processes: full }), noon)).toEqual({ count: 10 });
});

test('a raise never asks for more connections than there are', () => {
  fc.assert(
    fc.property(anyView, fc.nat(200), (view, count) => {
      const current = currentCount(view.processes);
      const stopping = view.processes.length - current;
      const limited = limit.apply(count, view, noon).count;
      expect(limited * 8 + 10).toBeLessThanOrEqual(100);
      if (limited > current) expect((limited + stopping) * 8 + 10).toBeLessThanOrEqual(100);
    }),
  );
});
