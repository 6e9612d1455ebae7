/**
 * Readings: what each checkup saw, and the charts made of them.
 *
 * A chart is put together in one statement from up to three tables: hours and minutes where the points are already folded
 * or forgotten, and the points themselves after that. So it has no hole at its right end, where nothing is folded
 * yet, and none at its left end, where only hours are left. The boundaries are read in the same statement, which keeps
 * a point from being counted twice while `tidy` moves them.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Reading } from '../decide/words.ts';
import type { Database } from './database.ts';
import { foldedParts, hourMs, minuteMs, partAsPoint, partColumns, pointAsPart } from './folds.ts';
import type { Grain, Point, Readings } from './store.ts';
import { finite, json, ownerGone, present, rowId, soundReading } from './values.ts';

const mostPoints = 2_000;

export function createReadings(kysely: Kysely<Database>): Readings {
  return {
    record: async (managerId, point, readings) => await record(kysely, managerId, point, readings),
    series: async (managerId, from, to, grain) => {
      const span = { managerId: rowId(managerId), from: Math.ceil(from), to: Math.ceil(to) };
      if (!(span.to > span.from)) return { grain: grain ?? 'raw', points: [] };
      return grain ? await named(kysely, span, grain) : await finest(kysely, span);
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
  const values = {
    waiting: finite(point.waiting),
    running: finite(point.running),
    later: finite(point.later),
    oldest_seconds: finite(point.oldestSeconds),
    slots: finite(point.slots),
    current: point.current,
    desired: point.desired,
    unknown: finite(point.unknown) ?? 1,
    readings: json(readings.map(soundReading)),
  };
  const at = Math.round(point.at);
  await kysely
    .with('late', () => reopened(at))
    .insertInto('points')
    .values({ manager_id: rowId(managerId), at, ...values })
    .onConflict((conflict) => conflict.columns(['manager_id', 'at']).doUpdateSet(values))
    .execute()
    .catch(ownerGone(`manager with the id ${managerId}`));
}

/**
 * A point older than what is folded already (the clock was set back) moves the mark back to its minute and hour, and
 * `tidy` folds them anew from all their points. It changes nothing otherwise, and costs a look at three rows.
 */
function reopened(at: number): RawBuilder<{ grain: string }> {
  return sql`(update roll_ups set done_until = case grain
      when 'minute' then ${at}::bigint / ${sql.lit(minuteMs)} * ${sql.lit(minuteMs)}
      else ${at}::bigint / ${sql.lit(hourMs)} * ${sql.lit(hourMs)} end
    where grain in ('minute', 'hour') and done_until > ${at}::bigint
      and ${at}::bigint >= (select forgotten_until from roll_ups where grain = 'raw')
    returning grain)`;
}

interface Span {
  readonly managerId: number;
  readonly from: number;
  readonly to: number;
}

const grainMs: Readonly<Record<Grain, number>> = { raw: 1, minute: minuteMs, hour: hourMs };

async function named(kysely: Kysely<Database>, span: Span, grain: Grain) {
  const points = await chart(kysely, span, grain, grainMs[grain]);
  if (points.length <= mostPoints) return { grain, points };
  return { grain, points: await chart(kysely, span, grain, fittingStep(span, grain)) };
}

async function finest(kysely: Kysely<Database>, span: Span) {
  const kept = await kysely.selectFrom('roll_ups').select(['grain', 'forgotten_until']).execute();
  for (const grain of ['raw', 'minute'] as const) {
    const from = kept.find((row) => row.grain === grain)?.forgotten_until ?? 0;
    if (span.from < from) continue;
    const points = await chart(kysely, span, grain, grainMs[grain]);
    if (points.length <= mostPoints) return { grain, points };
  }
  return await named(kysely, span, 'hour');
}

/** The width that lets any span fit: whole hours, whole minutes, or milliseconds. */
function fittingStep(span: Span, grain: Grain): number {
  const unit = grainMs[grain];
  return Math.ceil((span.to - span.from) / (mostPoints - 1) / unit) * unit;
}

/** Until where hours, and then minutes, stand for the points. */
const boundaries: Readonly<Record<Grain, readonly [hours: string, minutes: string]>> = {
  raw: [mark('minute', 'forgotten_until'), mark('raw', 'forgotten_until')],
  minute: [mark('minute', 'forgotten_until'), mark('minute', 'done_until')],
  hour: [mark('hour', 'done_until'), mark('minute', 'done_until')],
};

function mark(grain: Grain, column: 'done_until' | 'forgotten_until'): string {
  return `(select ${column} from roll_ups where grain = '${grain}')`;
}

/** One point for each step that has any, at most one more than fit. A step belongs to the span that holds its start. */
async function chart(kysely: Kysely<Database>, span: Span, grain: Grain, step: number): Promise<Point[]> {
  const from = sql`${Math.ceil(span.from / step) * step}::bigint`;
  const to = sql`${Math.ceil(span.to / step) * step}::bigint`;
  const [hoursUntil, minutesUntil] = boundaries[grain].map((boundary) => sql.raw(boundary));
  const rows = await sql<PointRow>`
    with parts as (
      select at, ${partColumns} from point_hours
      where manager_id = ${span.managerId} and at >= ${from} and at < ${to} and at < ${hoursUntil}
      union all
      select at, ${partColumns} from point_minutes
      where manager_id = ${span.managerId} and at >= ${from} and at < ${to}
        and at >= ${hoursUntil} and at < ${minutesUntil}
      union all
      select at, ${pointAsPart} from points
      where manager_id = ${span.managerId} and at >= ${from} and at < ${to} and at >= ${minutesUntil}
    ), folded as (
      select at / ${step}::bigint * ${step}::bigint as at, ${foldedParts} from parts group by 1
    )
    select at, ${partAsPoint} from folded order by at limit ${mostPoints + 1}`.execute(kysely);
  return rows.rows.map(toPoint);
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

interface PointRow {
  readonly at: number;
  readonly waiting: number | null;
  readonly running: number | null;
  readonly later: number | null;
  readonly slots: number | null;
  readonly oldest_seconds: number | null;
  readonly current: number;
  readonly desired: number;
  readonly unknown: number;
}

function toPoint(row: PointRow): Point {
  const { waiting, running, later, slots, oldest_seconds: oldestSeconds } = row;
  return {
    at: row.at,
    ...present({ waiting, running, later, oldestSeconds, slots }),
    current: row.current,
    desired: row.desired,
    unknown: row.unknown,
  };
}
