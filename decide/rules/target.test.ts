import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noon, processesOf, ruleContract, viewOf } from '../contract.ts';
import type { Process, Reading } from '../words.ts';
import { target } from './target.ts';

ruleContract({ test, expect }, target, { target: 50 });
ruleContract({ test, expect }, target, { target: 50, value: 'total' });

function want(value: number, processes: Process[], options: Record<string, string | number> = {}) {
  const readings: Reading[] = [{ kind: 'value', name: 'cpu', at: noon, value, unit: '%' }];
  const rule = target.create({ target: 50, value: 'mean', tolerancePercent: 10, ...options });
  const wanted = rule.want(viewOf({ samples: [{ at: noon, readings }], processes }), noon);
  return 'unknown' in wanted ? wanted.unknown : wanted.count;
}

describe('a mean', () => {
  test.each([
    [100, 4, 8],
    [75, 4, 6],
    [51, 4, 4],
    [54.9, 4, 4],
    [56, 4, 5],
    [20, 4, 2],
    [0, 4, 0],
    [0, 0, 0],
    [1, 0, 1],
  ])('of %d %% with %i processes wants %i', (value, current, wanted) => {
    expect(want(value, processesOf(current))).toBe(wanted);
  });

  test('one that boots has not lowered it yet and is not multiplied, nor sent home by it', () => {
    const booting = [...processesOf(2), ...processesOf(2, 'starting', noon)];
    expect(want(100, booting)).toBe(4);
    expect(want(150, booting)).toBe(6);
    expect(want(25, booting)).toBe(3);
  });

  test('busy ones stay', () => {
    expect(
      want(
        10,
        processesOf(4).map((each) => ({ ...each, busy: true })),
      ),
    ).toBe(4);
  });
});

test('a total is divided', () => {
  expect(want(1_000, processesOf(4), { value: 'total' })).toBe(20);
  expect(want(210, processesOf(4), { value: 'total' })).toBe(4);
});

test('another name is not meant', () => {
  expect(want(100, processesOf(4), { name: 'memory' })).toBe('no meter gave a value named "memory"');
  expect(want(100, processesOf(4), { name: 'cpu' })).toBe(8);
});

test('a higher value never wants fewer', () => {
  const value = fc.double({ min: 0, max: 500, noNaN: true });
  fc.assert(
    fc.property(value, value, fc.integer({ min: 0, max: 50 }), (a, b, current) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)].map((each) =>
        Number(want(each, processesOf(current))),
      );
      expect(high).toBeGreaterThanOrEqual(low ?? 0);
    }),
  );
});
