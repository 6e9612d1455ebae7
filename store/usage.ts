/**
 * How many processes ran, of many managers at once: mean counts by hour, summed into steps such as days. One statement for
 * all of them, from hours where they are folded, from minutes and checkups after that, as charts.ts does for one. An hour
 * in which nothing was recorded is in no sum: nobody knows what ran then. An hour that was watched in part counts in
 * whole, and the one that `to` cuts counts up to it.
 */
import { type Kysely, sql } from 'kysely';
import type { Database } from './database.ts';
import { hourMs } from './folds.ts';
import { rowId } from './values.ts';

export interface Use {
  readonly managerId: string;
  /** Where the step begins. */
  readonly at: number;
  /** How many hours of the step are known. */
  readonly hours: number;
  /** Mean processes times hours. */
  readonly processHours: number;
  /** The highest mean count of an hour. */
  readonly peak: number;
}

/** `from` is rounded down to a whole hour; `to` is excluded. Steps count from there. */
export type ReadUsage = (
  managerIds: readonly string[],
  span: { readonly from: number; readonly to: number; readonly stepMs: number },
) => Promise<Use[]>;

export function createUsage(kysely: Kysely<Database>): ReadUsage {
  return async (managerIds, { from, to, stepMs }) => {
    const start = Math.floor(Math.max(0, from) / hourMs) * hourMs;
    const end = Math.ceil(to);
    if (managerIds.length === 0 || !(end > start)) return [];
    const rows = await usage(kysely, managerIds.map(rowId), start, end, Math.max(hourMs, Math.round(stepMs)));
    return rows.map(({ manager_id, at, hours, process_hours, peak }) => ({
      managerId: String(manager_id),
      at,
      hours,
      processHours: process_hours,
      peak,
    }));
  };
}

/** Since a whole hour, all of it in one. */
export async function usedSince(
  kysely: Kysely<Database>,
  ids: readonly number[],
  from: number,
  until: number,
): Promise<UseRow[]> {
  const start = Math.floor(from / hourMs) * hourMs;
  return await usage(kysely, ids, start, until, until - start + hourMs);
}

interface UseRow {
  readonly manager_id: number;
  /** The first hour of the step that is known. */
  readonly first: number;
  readonly at: number;
  readonly hours: number;
  readonly process_hours: number;
  readonly peak: number;
}

const doneUntil = (grain: 'hour' | 'minute') =>
  sql.raw(`(select done_until from roll_ups where grain = '${grain}')`);

async function usage(
  kysely: Kysely<Database>,
  ids: readonly number[],
  start: number,
  end: number,
  step: number,
): Promise<UseRow[]> {
  const mine = sql`manager_id = any(${ids}::int[]) and at >= ${start}::bigint and at < ${end}::bigint`;
  const answer = await sql<UseRow>`
    with parts as (
      select manager_id, at, checkups, current_sum from point_hours where ${mine} and at < ${doneUntil('hour')}
      union all
      select manager_id, at, checkups, current_sum from point_minutes
      where ${mine} and at >= ${doneUntil('hour')} and at < ${doneUntil('minute')}
      union all
      select manager_id, at, 1, current from points where ${mine} and at >= ${doneUntil('minute')}
    ), hours as (
      select manager_id, at / ${hourMs}::bigint * ${hourMs}::bigint as hour,
        sum(current_sum)::float8 / sum(checkups) as mean
      from parts group by 1, 2
    ), weighed as (
      select manager_id, hour, mean, least(1, (${end}::bigint - hour)::float8 / ${hourMs}::float8) as share from hours
    )
    select manager_id, (hour - ${start}::bigint) / ${step}::bigint * ${step}::bigint + ${start}::bigint as at,
      sum(share) as hours, sum(mean * share) as process_hours, max(mean) as peak,
      min(hour) as first
    from weighed group by 1, 2 order by 1, 2`.execute(kysely);
  return answer.rows;
}
