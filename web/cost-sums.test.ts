import { expect, test } from 'vitest';
import type { Cost, TypeCost } from '../server/api-overview.ts';
import { daysOf, monthOf, sumsOf } from './cost-sums.ts';

const type = (processType: string, change: Partial<TypeCost> = {}): TypeCost => ({
  processType,
  hours: 48,
  unknownHours: 0,
  processHours: 96,
  peak: 4,
  alwaysOnHours: 192,
  forecastHours: 960,
  money: { pricePerHour: 0.5, spent: 48, alwaysOn: 96, saved: 48, forecast: 480 },
  days: [24, 72],
  ...change,
});
const bare = (processType: string, change: Partial<TypeCost> = {}): TypeCost => {
  const { money: _, ...rest } = type(processType, change);
  return rest;
};
const cost = (...types: TypeCost[]): Cost => ({
  from: 0,
  to: 2,
  until: 3,
  apps: [{ name: 'music', fleet: 'heroku', processTypes: types }],
});

test('money is summed over what has a price, and what has none is named when it ran', () => {
  expect(sumsOf(cost(type('web'), bare('worker'), bare('idle', { processHours: 0 })).apps)).toEqual({
    spent: 48,
    alwaysOn: 96,
    saved: 48,
    forecast: 480,
    processHours: 192,
    priced: 1,
    unpriced: ['music/worker'],
    unknownHours: 0,
  });
});

test('no forecast where one of several cannot be foreseen', () => {
  const money = { pricePerHour: 1, spent: 1, alwaysOn: 1, saved: 0 };
  expect(sumsOf(cost(type('web'), type('new', { money })).apps)).not.toHaveProperty('forecast');
  expect(sumsOf(cost(type('web'), type('never', { money, hours: 0 })).apps).forecast).toBe(481);
});

test('a day of which nothing is known has no money', () => {
  expect(daysOf(cost(type('web', { days: [null, 2] }), type('worker', { days: [null, null] })))).toEqual([
    { at: 0 },
    { at: 86_400_000, spent: 1 },
  ]);
  expect(daysOf(cost(bare('web')))).toEqual([]);
});

test('months where the reader is, over the turn of a year', () => {
  const month = monthOf('2026-12', 0);
  expect(month).toMatchObject({ key: '2026-12', before: '2026-11', after: '2027-01' });
  expect(new Date(month.from).getDate()).toBe(1);
  expect(month.until).toBe(monthOf('2027-01', 0).from);
  expect(monthOf(undefined, new Date(2026, 2, 31, 23).getTime()).key).toBe('2026-03');
});
