/** Parts of tasks add up, the last failures are kept, and tidying leaves what it should. */
import { beforeAll, expect, test } from 'vitest';
import { newApp, onEachStore } from './contract.ts';
import type { OpenStore } from './open.ts';

const dayMs = 86_400_000;

onEachStore((given) => {
  let store: OpenStore;
  beforeAll(() => {
    store = given();
  });

  test('parts of tasks add up in their minute and their hour, each app for itself', async () => {
    const app = await newApp(store);
    const other = await newApp(store);
    const part = {
      task: 'music.load',
      queue: 'celery',
      at: 7_200_000,
      received: 3,
      succeeded: 2,
      failed: 1,
      retried: 0,
      revoked: 0,
      runMs: [[100, 2] as const, [250, 1] as const],
      runMsSum: 400,
      waitMs: [[10, 1] as const],
    };
    const failure = { at: 7_200_001, task: 'music.load', queue: 'celery', id: 'a', worker: 'w', error: 'e' };
    await store.tasks.record(app.id, { parts: [part], failures: [failure] });
    const more = { ...part, runMs: [[100, 1] as const], waitMs: [] };
    await store.tasks.record(app.id, { parts: [more, { ...part, at: 7_260_000 }], failures: [] });
    await store.tasks.record(other.id, { parts: [{ ...part, task: 'else' }], failures: [] });
    expect(await store.tasks.parts(app.id, 7_200_000, 7_320_000)).toEqual({
      grain: 'minute',
      parts: [
        {
          ...part,
          received: 6,
          succeeded: 4,
          failed: 2,
          runMsSum: 800,
          runMs: [
            [100, 3],
            [250, 1],
          ],
        },
        { ...part, at: 7_260_000 },
      ],
    });
    const hours = await store.tasks.parts(app.id, 0, 40 * 86_400_000, { task: 'music.load' });
    expect(hours.grain).toBe('hour');
    expect(hours.parts).toEqual([
      {
        ...part,
        received: 9,
        succeeded: 6,
        failed: 3,
        runMsSum: 1_200,
        runMs: [
          [100, 5],
          [250, 2],
        ],
        waitMs: [[10, 2]],
      },
    ]);
    expect((await store.tasks.parts(app.id, 0, 1e9, { queue: 'none' })).parts).toEqual([]);
    expect(await store.tasks.failures(app.id, 10)).toEqual([failure]);
    await expect(store.tasks.record('99999', { parts: [part], failures: [] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('of failures the last are kept', async () => {
    const app = await newApp(store);
    const failure = { at: 1, task: 'a\0', queue: 'q', worker: 'w', error: 'e' };
    for (let batch = 0; batch < 3; batch++)
      await store.tasks.record(app.id, {
        parts: [],
        failures: Array.from({ length: 100 }, (_, n) => ({ ...failure, id: `${batch}-${n}` })),
      });
    const kept = await store.tasks.failures(app.id, 1_000);
    expect(kept).toHaveLength(200);
    expect([kept[0]?.id, kept.at(-1)?.id]).toEqual(['2-99', '1-0']);
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
});
