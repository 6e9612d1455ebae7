/**
 * Charts: a span of points at a grain that fits.
 *
 * A chart is put together in one statement from up to three tables: hours and minutes where the points are already folded
 * or forgotten, and the points themselves after that. So it has no hole at its right end, where nothing is folded
 * yet, and none at its left end, where only hours are left. The boundaries are read in the same statement, which keeps
 * a point from being counted twice while `tidy` moves them.
 */
import { type Kysely, sql } from 'kysely';
import type { Database } from './database.ts';
import {
  foldedParts,
  hourMs,
  keptMs,
  minuteMs,
  type PointRow,
  partAsPoint,
  partColumns,
  pointAsPart,
  toPoint,
} from './folds.ts';
import type { Grain, Point } from './store.ts';

export const mostPoints = 2_000;

export interface Chart {
  readonly grain: Grain;
  readonly points: Point[];
}

/** `from` included, `to` excluded, whole milliseconds. */
export interface Span {
  readonly managerId: number;
  readonly from: number;
  readonly to: number;
}

/** The finest grain of which the whole span is still kept and fits; hours, as wide as needed, when none does. */
export async function finestChart(kysely: Kysely<Database>, span: Span): Promise<Chart> {
  const kept = await kysely.selectFrom('roll_ups').select(['grain', 'forgotten_until']).execute();
  for (const grain of ['raw', 'minute'] as const) {
    const from = kept.find((row) => row.grain === grain)?.forgotten_until ?? 0;
    if (span.from < from) continue;
    const points = await chart(kysely, span, grain, grainMs[grain]);
    if (points.length <= mostPoints) return { grain, points };
  }
  return await chartOf(kysely, span, 'hour');
}

/** In steps of the grain, or of several where more than fit would come out. */
export async function chartOf(kysely: Kysely<Database>, span: Span, grain: Grain): Promise<Chart> {
  const points = await chart(kysely, span, grain, grainMs[grain]);
  if (points.length <= mostPoints) return { grain, points };
  const kept = { ...span, from: Math.max(span.from, span.to - keptMs.hour) };
  return { grain, points: await chart(kysely, kept, grain, fittingStep(kept, grain)) };
}

const grainMs: Readonly<Record<Grain, number>> = { raw: 1, minute: minuteMs, hour: hourMs };

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
