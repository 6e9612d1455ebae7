/** Three years of work, a day in forty of it: what is kept stays bounded, in every table that grows. */
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { decision, newManager, onEachStore, point, told } from './contract.ts';

const dayMs = 86_400_000;
const start = 1_700_000_000_000 - (1_700_000_000_000 % dayMs);
const days = 1_100;
const everyDays = 40;
/** Days of work within the 400 that anything is kept, and the one that is just going. */
const keptDays = 400 / everyDays + 1;

onEachStore((store) => {
  test('years of data stay bounded', async () => {
    const manager = await newManager(store());
    const { readings, decisions, issues, tasks, tidy } = store();
    for (let day = 0; day <= days; day += everyDays) {
      const at = start + day * dayMs;
      for (const minutes of [0, 1, 61]) await readings.record(manager.id, point(at + minutes * 60_000), []);
      await decisions.record({ ...decision(at), ...told, managerId: manager.id });
      const seen = { since: at, openedAt: at, seenAt: at };
      await issues.open(manager.id, { kind: 'late', severity: 'warning', title: 't', text: 't', ...seen });
      await issues.resolve(manager.id, 'late', at + 1);
      const counts = { received: 1, succeeded: 1, failed: 0, retried: 0, revoked: 0 };
      const part = { task: 't', queue: 'q', at, ...counts, runMs: [], runMsSum: 0, waitMs: [] };
      const failure = { at, task: 't', queue: 'q', id: String(day), worker: 'w', error: 'e' };
      await tasks.record(manager.appId, { parts: [part], failures: [failure] });
      await tidy(at + dayMs / 2);
    }
    const mine = sql`manager_id = ${Number(manager.id)}`;
    const ofApp = sql`app_id = ${Number(manager.appId)}`;
    const count = async (table: string, where = mine): Promise<number> => {
      const { rows } = await sql<{
        n: number;
      }>`select count(*)::int as n from ${sql.table(table)} where ${where}`.execute(store().kysely);
      return rows[0]?.n ?? Number.NaN;
    };
    expect(await count('points')).toBe(0);
    expect(await count('point_minutes')).toBe(3);
    expect(await count('point_hours')).toBeLessThanOrEqual(2 * keptDays);
    expect(await count('point_hours')).toBeGreaterThanOrEqual(2 * (keptDays - 1));
    expect(await count('decisions')).toBeLessThanOrEqual(keptDays);
    expect(await count('issues')).toBeLessThanOrEqual(keptDays);
    expect(await count('task_parts', ofApp)).toBeLessThanOrEqual(keptDays + 1);
    expect(await count('task_failures', ofApp)).toBeLessThanOrEqual(keptDays);
    // What is kept is still there.
    const { points } = await readings.series(
      manager.id,
      start + (days - 390) * dayMs,
      start + (days + 1) * dayMs,
    );
    expect(points.length).toBeGreaterThan(12);
  }, 180_000);
});
