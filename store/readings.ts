/** Readings: what each checkup saw. Their charts are in charts.ts. */
import {
  type ExpressionBuilder,
  type Kysely,
  type OnConflictDatabase,
  type OnConflictTables,
  type RawBuilder,
  sql,
} from 'kysely';
import type { Reading } from '../decide/words.ts';
import { chartOf, finestChart, mostPoints } from './charts.ts';
import type { Database } from './database.ts';
import { hourMs, minuteMs, type PointRow, partAsPoint, partColumns, pointAsPart, toPoint } from './folds.ts';
import type { Checkup, Point, Readings } from './store.ts';
import { finite, json, ownerGone, rowId, soundReading } from './values.ts';

/** The largest time that a JavaScript date can be. */
const lastDateMs = 8.64e15;

export function createReadings(kysely: Kysely<Database>): Readings {
  return {
    record: async (managerId, point, readings) => await record(kysely, managerId, point, readings),
    recordMany: async (checkups) => await recordMany(kysely, checkups),
    series: async (managerId, from, to, grain) => {
      const span = {
        managerId: rowId(managerId),
        from: Math.ceil(Math.max(from, 0)),
        to: Math.ceil(Math.min(to, lastDateMs)),
      };
      if (!(span.to > span.from)) return { grain: grain ?? 'raw', points: [] };
      return grain ? await chartOf(kysely, span, grain) : await finestChart(kysely, span);
    },
    recent: async (managerId, from) => {
      const rows = await kysely
        .selectFrom('points')
        .select(['at', 'readings'])
        .where('manager_id', '=', rowId(managerId))
        .where('at', '>=', Math.ceil(from))
        .orderBy('at', 'desc')
        .limit(mostPoints)
        .execute();
      return rows.reverse();
    },
    latest: async (managerIds) => await latest(kysely, managerIds),
  };
}

async function record(
  kysely: Kysely<Database>,
  managerId: string,
  point: Point,
  readings: readonly Reading[],
): Promise<void> {
  const values = { ...numbersOf(point), readings: json(readings.map(soundReading)) };
  const at = Math.round(point.at);
  // The lock on the mark waits for a fold that is under way, and the next fold waits for this row.
  const stored = await kysely
    .insertInto('points')
    .values({ manager_id: rowId(managerId), at, ...values })
    .onConflict((conflict) => conflict.columns(['manager_id', 'at']).doUpdateSet(replaced))
    .returning((row) =>
      row
        .selectFrom('roll_ups')
        .select('done_until')
        .where('grain', '=', 'minute')
        .forShare()
        .as('folded_until'),
    )
    .executeTakeFirst()
    .catch(ownerGone(`manager with the id ${managerId}`));
  // A point that comes after its minute was folded: the clock was set back.
  if (stored?.folded_until && stored.folded_until > at) await reopen(kysely, at);
}

function numbersOf(point: Point) {
  return {
    waiting: finite(point.waiting),
    running: finite(point.running),
    later: finite(point.later),
    oldest_seconds: finite(point.oldestSeconds),
    slots: finite(point.slots),
    current: finite(point.current),
    desired: finite(point.desired),
    unknown: finite(point.unknown) ?? 1,
  };
}

/** As `record`, with one lock on the mark for all. Of a checkup that is given twice the later one counts. */
async function recordMany(kysely: Kysely<Database>, checkups: readonly Checkup[]): Promise<void> {
  const rows = new Map<string, object>();
  for (const { managerId, point, readings } of checkups) {
    const [manager_id, at] = [rowId(managerId), Math.round(point.at)];
    rows.set(`${manager_id} ${at}`, {
      manager_id,
      at,
      ...numbersOf(point),
      readings: readings.map(soundReading),
    });
  }
  if (rows.size === 0) return;
  const columns = sql.raw(pointColumns.join(', '));
  const replace = sql.raw(
    pointColumns
      .slice(2)
      .map((name) => `${name} = excluded.${name}`)
      .join(', '),
  );
  const answer = await sql<{ first: number | null; folded: number | null }>`
    with mark as materialized (select done_until from roll_ups where grain = 'minute' for share),
    written as (
      insert into points (${columns})
      select ${sql.raw(pointColumns.map((name) => `given.${name}`).join(', '))}
      from jsonb_to_recordset(${json([...rows.values()])}::jsonb) as given (manager_id int, at bigint, waiting float8,
        running float8, later float8, oldest_seconds float8, slots float8, current float8, desired float8,
        unknown float8, readings jsonb)
      join managers on managers.id = given.manager_id
      cross join mark
      on conflict (manager_id, at) do update set ${replace}
      returning at
    )
    select (select min(at) from written) as first, (select done_until from mark) as folded`.execute(kysely);
  const { first, folded } = answer.rows[0] ?? {};
  if (first != null && folded && folded > first) await reopen(kysely, first);
}

const pointColumns = [
  'manager_id',
  'at',
  'waiting',
  'running',
  'later',
  'oldest_seconds',
  'slots',
  'current',
  'desired',
  'unknown',
  'readings',
];

/** A repetition replaces: writing each value a second time would double the work of a statement that runs all day. */
function replaced({
  ref,
}: ExpressionBuilder<OnConflictDatabase<Database, 'points'>, OnConflictTables<'points'>>) {
  return {
    waiting: ref('excluded.waiting'),
    running: ref('excluded.running'),
    later: ref('excluded.later'),
    oldest_seconds: ref('excluded.oldest_seconds'),
    slots: ref('excluded.slots'),
    current: ref('excluded.current'),
    desired: ref('excluded.desired'),
    unknown: ref('excluded.unknown'),
    readings: sql<string>`excluded.readings`,
  };
}

/** `tidy` then folds that minute and hour anew, from all their points; nothing to do where those are forgotten. */
async function reopen(kysely: Kysely<Database>, at: number): Promise<void> {
  await sql`update roll_ups set done_until = ${at}::bigint / width * width
    from (values ('minute', ${sql.lit(minuteMs)}), ('hour', ${sql.lit(hourMs)})) as size (name, width)
    where grain = name and done_until > ${at}::bigint
      and ${at}::bigint >= (select forgotten_until from roll_ups where grain = 'raw')`.execute(kysely);
}

async function latest(kysely: Kysely<Database>, managerIds: readonly string[]): Promise<Map<string, Point>> {
  const ids = managerIds.map(rowId);
  const newest = (table: string, part: RawBuilder<unknown>) =>
    sql`(select at, ${part} from ${sql.raw(table)} where manager_id = wanted.id order by at desc limit 1)`;
  const rows = await sql<PointRow & { id: number }>`
    select wanted.id, part.at, ${partAsPoint}
    from unnest(${ids}::int[]) as wanted (id)
    cross join lateral (
      ${newest('points', pointAsPart)} union all
      ${newest('point_minutes', partColumns)} union all
      ${newest('point_hours', partColumns)}
      order by at desc limit 1
    ) as part`.execute(kysely);
  return new Map(rows.rows.map((row) => [String(row.id), toPoint(row)]));
}
