import fc from 'fast-check';
import { expect, test } from 'vitest';
import { costOf, type UsedStep } from './cost.ts';

const hour = 3_600_000;
const day = 24 * hour;
const span = { from: 0, to: 10 * day, until: 30 * day };
const daily = (days: number, processes: number, peak = processes): UsedStep[] =>
  Array.from({ length: days }, (_, index) => ({
    at: index * day,
    hours: 24,
    processHours: 24 * processes,
    peak,
  }));

test('what was spent, what the peak would have cost, and what the month will', () => {
  expect(costOf(daily(10, 2, 5), 0.5, span)).toEqual({
    hours: 240,
    unknownHours: 0,
    processHours: 480,
    peak: 5,
    alwaysOnHours: 1_200,
    forecastHours: 480 + 2 * 24 * 20,
    money: { pricePerHour: 0.5, spent: 240, alwaysOn: 600, saved: 360, forecast: 720 },
  });
});

test('without a price there are hours and no money', () => {
  const cost = costOf(daily(10, 2), undefined, span);
  expect(cost.processHours).toBe(480);
  expect(cost).not.toHaveProperty('money');
});

test('hours of which nothing is known are counted apart, and are no part of what always on would cost', () => {
  const cost = costOf(daily(4, 3), 1, span);
  expect(cost).toMatchObject({
    hours: 96,
    unknownHours: 144,
    money: { spent: 288, alwaysOn: 288, saved: 0 },
  });
});

test('the forecast goes by the last seven days; nothing known is no forecast', () => {
  const quiet = daily(10, 2).map((step) => (step.at < 3 * day ? { ...step, processHours: 2_400 } : step));
  expect(costOf(quiet, 1, span).money?.forecast).toBeCloseTo(3 * 2_400 + 7 * 48 + 20 * 48);
  const nothing = costOf([], 1, span);
  expect(nothing).toMatchObject({ unknownHours: 240, money: { spent: 0 } });
  expect(nothing.money).not.toHaveProperty('forecast');
});

test('a past span is its own forecast', () => {
  const past = { from: 0, to: 10 * day, until: 10 * day };
  const { money } = costOf(daily(10, 2), 1, past);
  expect(money?.forecast).toBe(money?.spent);
});

test('saved is never negative, and spent and saved make up always on', () => {
  const step = fc.record({
    at: fc.integer({ min: 0, max: 30 }).map((index) => index * day),
    hours: fc.double({ min: 0, max: 24, noNaN: true }),
    mean: fc.double({ min: 0, max: 100, noNaN: true }),
    more: fc.double({ min: 0, max: 10, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 31 }),
      fc.double({ min: 0, max: 10, noNaN: true }),
      (list, price) => {
        const steps = list.map(({ at, hours, mean, more }) => ({
          at,
          hours,
          processHours: mean * hours,
          peak: mean + more,
        }));
        const { money } = costOf(steps, price, span);
        expect(money?.saved).toBeGreaterThanOrEqual(0);
        expect((money?.spent ?? 0) + (money?.saved ?? 0)).toBeCloseTo(money?.alwaysOn ?? 0, 3);
      },
    ),
  );
});
