import { expect, test } from 'vitest';
import type { App, CheckupEvent, Manager } from '../server/api.ts';
import type { DecisionFilter, Series } from './api.ts';
import { decision, demoApps, manager, points } from './fixture-data.ts';
import { applyCheckups } from './live.ts';
import { createQueryClient, queries } from './queries.ts';

const now = 1_760_000_000_000;
const point = { at: now, waiting: 7, current: 2, desired: 3, unknown: 0 };
const event: CheckupEvent = { app: 'catalogue', processType: 'worker', point };

function client() {
  const made = createQueryClient();
  made.setQueryData(queries.apps().queryKey, demoApps(now - 60_000));
  made.setQueryData(
    queries.manager('catalogue', 'worker').queryKey,
    manager('worker', { unknown: 'gone by now' }),
  );
  return made;
}

test('a checkup reaches every answer that shows it, and leaves the others as they are', () => {
  const cache = client();
  const before = cache.getQueryData<App[]>(queries.apps().queryKey);
  applyCheckups(cache, [event]);
  const after = cache.getQueryData<App[]>(queries.apps().queryKey);
  expect(after?.[0]?.managers[1]?.latest).toEqual(point);
  expect(after?.[0]?.managers[0]).toBe(before?.[0]?.managers[0]);
  expect(after?.[1]).toBe(before?.[1]);
  const shown = cache.getQueryData<Manager>(queries.manager('catalogue', 'worker').queryKey);
  expect(shown?.latest).toEqual(point);
  expect(shown).not.toHaveProperty('unknown');
});

test('an older checkup does not overwrite a newer one, and an unknown app changes nothing', () => {
  const cache = client();
  applyCheckups(cache, [event]);
  const before = cache.getQueryData(queries.apps().queryKey);
  applyCheckups(cache, [
    { ...event, point: { ...point, at: now - 1, waiting: 99 } },
    { ...event, app: 'nobody' },
  ]);
  expect(cache.getQueryData(queries.apps().queryKey)).toBe(before);
});

test('the chart of checkups moves on; a chart of minutes waits for its next minute', () => {
  const cache = client();
  const raw = queries.series('catalogue', 'worker', '15m').queryKey;
  const minutes = queries.series('catalogue', 'worker', '24h').queryKey;
  cache.setQueryData<Series>(raw, { grain: 'raw', points: points(now - 900_000, now, 10_000) });
  cache.setQueryData<Series>(minutes, { grain: 'minute', points: points(now - 86_400_000, now, 60_000) });
  const rolled = cache.getQueryData(minutes);
  const later = { ...point, at: now + 100_000 };
  applyCheckups(cache, [
    { ...event, point: later },
    { ...event, point: later },
  ]);
  const shown = cache.getQueryData(raw)?.points ?? [];
  expect(shown.at(-1)).toEqual(later);
  expect(shown.filter(({ at }) => at === later.at)).toHaveLength(1);
  expect(shown[0]?.at).toBeGreaterThanOrEqual(later.at - 900_000);
  expect(cache.getQueryData(minutes)).toBe(rolled);
});

test('a decision stands first, once, and the list does not grow without end', () => {
  const cache = client();
  const key = queries.decisions('catalogue', 'worker').queryKey;
  cache.setQueryData(key, { pages: [{ decisions: [decision(1, now)] }], pageParams: [undefined] });
  for (const id of [2, 2, 3]) applyCheckups(cache, [{ ...event, decision: decision(id, now + id) }]);
  expect(cache.getQueryData(key)?.pages[0]?.decisions.map(({ id }) => id)).toEqual(['3', '2', '1']);
  for (let id = 4; id < 600; id++) applyCheckups(cache, [{ ...event, decision: decision(id, now + id) }]);
  const [page] = cache.getQueryData(key)?.pages ?? [];
  expect(page?.decisions.length).toBeLessThanOrEqual(500);
  expect(page?.decisions[0]?.id).toBe('599');
  expect(page?.next).toBe(page?.decisions.at(-1)?.id);
});

test('a decision reaches the lists that want it, and a change is marked on the chart', () => {
  const cache = client();
  const wants = (filter: DecisionFilter) => queries.found(filter).queryKey;
  const keys = [{}, { app: 'catalogue' }, { processType: 'mailer' }, { only: 'failures' }] as const;
  const empty = { pages: [{ decisions: [] }], pageParams: [undefined] };
  for (const filter of keys) cache.setQueryData(wants(filter), empty);
  const marks = queries.marks('catalogue', 'worker', '1h').queryKey;
  cache.setQueryData(marks, { decisions: [] });
  applyCheckups(cache, [
    { ...event, decision: decision(7, now) },
    { ...event, decision: decision(8, now, { current: 3, desired: 3 }) },
  ]);
  const shown = (filter: DecisionFilter) =>
    cache.getQueryData(wants(filter))?.pages[0]?.decisions.map(({ id, app }) => `${app} ${id}`);
  expect(keys.map(shown)).toEqual([['catalogue 8', 'catalogue 7'], ['catalogue 8', 'catalogue 7'], [], []]);
  expect(cache.getQueryData(marks)?.decisions.map(({ id }) => id)).toEqual(['7']);
});
