/** What tidying leaves of tasks; the rest is in the contract that every store passes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { newApp } from './contract.ts';
import { type OpenStore, openStore } from './open.ts';

const folder = temporaryFolder('store-tasks');
const dayMs = 86_400_000;
let store: OpenStore;
beforeAll(async () => {
  store = await openStore({ folder: folder.path });
});
afterAll(async () => {
  await store.close();
  folder.remove();
});

test('minutes go after a week and hours after 400 days, with the failures', async () => {
  const app = await newApp(store);
  const counts = { received: 1, succeeded: 0, failed: 0, retried: 0, revoked: 0 };
  const part = { task: 'a', queue: 'q', at: 0, ...counts, runMs: [], runMsSum: 0, waitMs: [] };
  const failure = { at: 0, task: 'a', queue: 'q', id: '1', worker: 'w', error: 'e' };
  await store.tasks.record(app.id, { parts: [part], failures: [failure] });
  const left = async (grain: 'minute' | 'hour'): Promise<number> =>
    (await store.tasks.parts(app.id, 0, 1_000, { grain })).parts.length;
  await store.tidy(6 * dayMs);
  expect([await left('minute'), await left('hour')]).toEqual([1, 1]);
  await store.tidy(8 * dayMs);
  expect([await left('minute'), await left('hour')]).toEqual([0, 1]);
  expect(await store.tasks.failures(app.id, 5)).toHaveLength(1);
  await store.tidy(401 * dayMs);
  expect([await left('minute'), await left('hour')]).toEqual([0, 0]);
  expect(await store.tasks.failures(app.id, 5)).toEqual([]);
});
