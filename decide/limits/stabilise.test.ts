import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyView, limitContract, noon, processesOf, viewOf } from '../contract.ts';
import type { Decision } from '../words.ts';
import { stabilise } from './stabilise.ts';

limitContract({ test, expect }, stabilise, { downSeconds: 300, upSeconds: 60 });

const limit = stabilise.create({ downSeconds: 300, upSeconds: 60 });

function wish(secondsAgo: number, count: number): Decision {
  const reasons = [{ by: 'wait-goal', from: 5, to: count, text: 'so many wait' }];
  return { at: noon - secondsAgo * 1000, current: 5, desired: 5, reasons, unknown: false };
}

function apply(count: number, ...decisions: Decision[]) {
  return limit.apply(count, viewOf({ processes: processesOf(5), decisions }), noon);
}

describe('down', () => {
  test('to the largest wish of the window, and no higher than the count', () => {
    expect(apply(1, wish(200, 3), wish(100, 2))).toEqual({
      count: 3,
      reason: 'the largest wish of the last 5 min was 3',
    });
    expect(apply(1, wish(200, 40)).count).toBe(5);
    expect(apply(4, wish(200, 3))).toEqual({ count: 4 });
  });

  test('a wish of before the window is forgotten', () => {
    expect(apply(1, wish(300, 9)).count).toBe(1);
    expect(apply(1, wish(299, 9)).count).toBe(5);
  });
});

describe('up', () => {
  test('to the smallest wish of the window, and no lower than the count', () => {
    expect(apply(20, wish(50, 8), wish(10, 12))).toEqual({
      count: 8,
      reason: 'the smallest wish of the last 60 s was 8',
    });
    expect(apply(20, wish(50, 1)).count).toBe(5);
    expect(apply(20, wish(60, 1)).count).toBe(20);
  });
});

test('wishes from the future, left by a clock that was set back, are not looked at', () => {
  expect(apply(1, wish(-10, 9)).count).toBe(1);
});

test('never below the largest wish that it saw, never above the smallest', () => {
  fc.assert(
    fc.property(
      anyView,
      fc.array(fc.nat(60), { minLength: 1, maxLength: 9 }),
      fc.nat(60),
      (view, wishes, count) => {
        const current = view.processes.filter(({ state }) => state !== 'stopping').length;
        const decisions = wishes.map((each, place) => wish(50 - place, each));
        const limited = limit.apply(count, { ...view, decisions }, noon).count;
        if (limited < current) expect(limited).toBeGreaterThanOrEqual(Math.max(...wishes));
        if (limited > current) expect(limited).toBeLessThanOrEqual(Math.min(...wishes));
      },
    ),
  );
});
