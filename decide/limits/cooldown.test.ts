import { describe, expect, test } from 'vitest';
import { limitContract, noon, processesOf, viewOf } from '../contract.ts';
import type { Decision } from '../words.ts';
import { cooldown } from './cooldown.ts';

limitContract({ test, expect }, cooldown, { upSeconds: 30, downSeconds: 300 });

const limit = cooldown.create({ upSeconds: 30, downSeconds: 300 });

function change(secondsAgo: number, current: number, desired: number): Decision {
  return { at: noon - secondsAgo * 1000, current, desired, reasons: [], unknown: false };
}

function apply(count: number, current: number, ...decisions: Decision[]) {
  return limit.apply(count, viewOf({ processes: processesOf(current), decisions }), noon);
}

describe('between two cuts', () => {
  test('the second waits until the time is over', () => {
    expect(apply(1, 4, change(299, 8, 4))).toEqual({
      count: 4,
      reason: 'the last cut was too short ago, 1 s to go',
    });
    expect(apply(1, 4, change(300, 8, 4))).toEqual({ count: 1 });
  });

  test('a raise in between does not count, nor does a decision that changed nothing', () => {
    expect(apply(1, 4, change(400, 8, 4), change(10, 2, 4)).count).toBe(1);
    expect(apply(1, 4, change(400, 8, 4), change(10, 4, 4)).count).toBe(1);
  });

  test('the first one is free', () => {
    expect(apply(1, 4)).toEqual({ count: 1 });
  });
});

describe('between two raises', () => {
  test('the second waits, and a cut does not keep it back', () => {
    expect(apply(9, 4, change(29, 2, 4)).count).toBe(4);
    expect(apply(9, 4, change(30, 2, 4)).count).toBe(9);
    expect(apply(9, 4, change(1, 8, 4)).count).toBe(9);
  });

  test('what was asked for may be asked for again, while the platform does not show it or refused it', () => {
    expect(apply(9, 2, change(10, 2, 6)).count).toBe(6);
    expect(apply(5, 2, change(10, 2, 6)).count).toBe(5);
  });

  test('but not once it was taken back', () => {
    expect(apply(6, 2, change(10, 2, 6), change(5, 6, 2)).count).toBe(2);
  });
});

test('a decision from the future, left by a clock that was set back, keeps nobody waiting', () => {
  expect(apply(9, 4, change(-3_600, 2, 4)).count).toBe(9);
  expect(apply(1, 4, change(-3_600, 8, 4)).count).toBe(1);
});
