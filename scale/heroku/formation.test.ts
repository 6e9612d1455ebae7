/** What is made of every state that Heroku's lists can be in. */
import { expect, test } from 'vitest';
import { agree, readDynos, readRows, toFormation } from './formation.ts';

const at = (second: number): string => new Date(second * 1000).toISOString();
const row = (type: string, quantity: number): unknown => ({
  type,
  quantity,
  updated_at: at(100),
  size: 'Standard-1X',
  app: { id: 'app-id' },
});
const dyno = (name: string, state: string, updated = 50, created = 10): unknown => ({
  name,
  type: name.split('.')[0],
  state,
  created_at: at(created),
  updated_at: at(updated),
});
const picture = (quantity: number, ...dynos: unknown[]): string => {
  const rows = readRows([row('worker', quantity)]) ?? [];
  const { worker = [] } = toFormation(rows, readDynos(dynos) ?? []);
  return worker.map(({ name, state, since }) => `${name} ${state} ${since / 1000}`).join(', ');
};

test('a quantity without its dyno starts, under the lowest free number, since it was ordered', () => {
  expect(picture(3, dyno('worker.2', 'up'))).toBe(
    'worker.1 starting 100, worker.2 up 50, worker.3 starting 100',
  );
});

test('a dyno beyond the quantity stops, always the highest number', () => {
  expect(picture(1, dyno('worker.10', 'up'), dyno('worker.9', 'up'), dyno('worker.2', 'up', 200))).toBe(
    'worker.2 up 200, worker.9 stopping 100, worker.10 stopping 100',
  );
});

test('one that is down comes back where there is room, and goes where there is none', () => {
  expect(picture(2, dyno('worker.1', 'down'), dyno('worker.2', 'up'))).toBe(
    'worker.1 starting 50, worker.2 up 50',
  );
  expect(picture(1, dyno('worker.1', 'down'), dyno('worker.2', 'up'))).toBe(
    'worker.1 stopping 100, worker.2 up 50',
  );
});

test('a crashed one fills the quantity; a sleeping one is up and idle; a state nobody knows starts', () => {
  expect(picture(3, dyno('worker.1', 'crashed'), dyno('worker.2', 'idle'), dyno('worker.3', 'new'))).toBe(
    'worker.1 crashed 50, worker.2 up 50, worker.3 starting 50',
  );
  const rows = readRows([row('worker', 1)]) ?? [];
  expect(toFormation(rows, readDynos([dyno('worker.1', 'idle')]) ?? []).worker?.[0]?.busy).toBe(false);
});

test('with preboot two dynos have one name: the one that is up stands for both, else the newer', () => {
  const old = dyno('worker.1', 'up', 50, 10);
  const next = dyno('worker.1', 'starting', 60, 60);
  expect(picture(1, old, next)).toBe('worker.1 up 50');
  expect(picture(1, next, old)).toBe('worker.1 up 50');
  expect(picture(1, old, dyno('worker.1', 'up', 70, 60))).toBe('worker.1 up 70');
  expect(picture(1, dyno('worker.1', 'starting', 60, 60), dyno('worker.1', 'down'))).toBe(
    'worker.1 starting 60',
  );
});

test('one-off rows and dynos are left out', () => {
  const rows = readRows([row('release', 0), row('worker', 1)]) ?? [];
  const dynos = readDynos([dyno('run.1234', 'up'), dyno('worker.1', 'up'), dyno('release.3', 'up')]) ?? [];
  expect(Object.keys(toFormation(rows, dynos))).toEqual(['worker']);
  expect(agree(rows, dynos)).toBe(true);
});

test('lists agree when each type has as many dynos as were ordered, those that end not counted', () => {
  const rows = readRows([row('worker', 1)]) ?? [];
  const dynos = (...list: unknown[]): boolean => agree(rows, readDynos(list) ?? []);
  expect(dynos(dyno('worker.1', 'up'), dyno('worker.2', 'down'))).toBe(true);
  expect(dynos(dyno('worker.1', 'down'))).toBe(false);
  expect(dynos(dyno('worker.1', 'up'), dyno('worker.2', 'up'))).toBe(false);
});
