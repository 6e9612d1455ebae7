import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyView, limitContract, noon, viewOf } from '../contract.ts';
import { monthStart } from '../wall-clock.ts';
import { budget } from './budget.ts';

const options = { perMonth: 100, pricePerHour: 0.5, warnPercent: 80, keep: 1 };
limitContract({ test, expect }, budget, options);

const limit = budget.create(options);

function atSpent(spent: number, count: number) {
  const used = { since: monthStart(noon), processSeconds: (spent / 0.5) * 3_600 };
  return limit.apply(count, viewOf({ used }), noon);
}

test('a month begins on its first at midnight, whatever the length of the one before', () => {
  for (const [moment, first] of [
    ['2026-03-29T01:30:00.250Z', '2026-03-01T00:00Z'],
    ['2028-02-29T23:59:59.999Z', '2028-02-01T00:00Z'],
    ['2026-12-01T00:00:00Z', '2026-12-01T00:00Z'],
  ] as const)
    expect(monthStart(Date.parse(moment))).toBe(Date.parse(first));
});

describe('the money', () => {
  test('far from the end says nothing, near it warns, at the end it tapers off', () => {
    expect(atSpent(79, 40)).toEqual({ count: 40 });
    expect(atSpent(80, 40)).toEqual({ count: 40, reason: '80.00 of 100.00 for this month are spent' });
    expect(atSpent(95, 40)).toEqual({
      count: 10,
      reason: '95.00 of 100.00 for this month are spent, the rest pays 10 for an hour',
    });
    expect(atSpent(1_200, 40)).toEqual({
      count: 1,
      reason: '1,200.00 of 100.00 for this month are spent, only 1 may go on',
    });
  });

  test('that nobody counted is kept by what it pays all month', () => {
    expect(budget.create({ ...options, perMonth: 1_000 }).apply(9, viewOf(), noon)).toEqual({
      count: 2,
      reason: 'what was spent this month is not known, and 1,000.00 pay 2 for a whole month',
    });
    const stale = { since: monthStart(noon) - 1, processSeconds: 1e9 };
    expect(limit.apply(9, viewOf({ used: stale }), noon).count).toBe(1);
  });
});

test('a month of any wishes costs no more than the budget, but for the one that is kept and a minute', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(200), { minLength: 1, maxLength: 40 }), (wishes) => {
      const stopAll = budget.create({ ...options, keep: 0 });
      let processSeconds = 0;
      for (let minute = 0; minute < 3_000; minute++) {
        const used = { since: monthStart(noon), processSeconds };
        const wish = wishes[minute % wishes.length] ?? 0;
        processSeconds += stopAll.apply(wish, viewOf({ used }), noon).count * 60;
      }
      expect((processSeconds * 0.5) / 3_600).toBeLessThanOrEqual(100);
    }),
    { numRuns: 5 },
  );
});

test('the more is spent, the fewer it allows', () => {
  fc.assert(
    fc.property(anyView, fc.nat(200), fc.nat(1_000_000), fc.nat(1_000_000), (view, count, spent, more) => {
      const at = (processSeconds: number) =>
        limit.apply(count, { ...view, used: { since: monthStart(noon), processSeconds } }, noon).count;
      expect(at(spent + more)).toBeLessThanOrEqual(at(spent));
    }),
  );
});
