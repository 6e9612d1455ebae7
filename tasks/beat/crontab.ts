/**
 * When a crontab is due next. Fields are joined with "and", day of week and day of month too, as in Celery.
 *
 * Nights in which the clock changes, decided as Vixie cron does: where the hour is `*`, the entry means elapsed time, so
 * it runs in both copies of a repeated hour, and a skipped hour has no runs. Otherwise it means the clock on the wall: a
 * time that comes twice runs the first time only, and a time that is skipped runs once, right after the leap. (Celery
 * agrees on the latter two; of a repeated hour it leaves out the second copy even of `* * * * *`.)
 *
 * It walks days, not minutes, so that "29 February on a Monday" costs some thousand steps and not millions.
 */
import { expand } from './fields.ts';
import { offsetMs, zonedDay } from './zone.ts';

export interface CrontabSchedule {
  readonly kind: 'crontab';
  readonly minute: string;
  readonly hour: string;
  readonly dayOfWeek: string;
  readonly dayOfMonth: string;
  readonly monthOfYear: string;
  readonly timeZone: string;
}

interface Sets {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfWeek: ReadonlySet<number>;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
}

const dayMs = 86_400_000;
/** 29 February falls on a given day of the week at least once in 40 years. */
const mostMonths = 41 * 12;

const parsed = new WeakMap<CrontabSchedule, Sets>();

function setsOf(schedule: CrontabSchedule): Sets {
  const known = parsed.get(schedule);
  if (known) return known;
  const made = {
    minutes: expand('minute', schedule.minute),
    hours: expand('hour', schedule.hour),
    daysOfWeek: new Set(expand('dayOfWeek', schedule.dayOfWeek)),
    daysOfMonth: new Set(expand('dayOfMonth', schedule.dayOfMonth)),
    months: new Set(expand('monthOfYear', schedule.monthOfYear)),
  };
  parsed.set(schedule, made);
  return made;
}

/** The first moment after `afterMs`; undefined when there is no such date at all, such as 30 February. */
export function nextCrontab(schedule: CrontabSchedule, afterMs: number): number | undefined {
  const sets = setsOf(schedule);
  const wallMs = afterMs + offsetMs(schedule.timeZone, afterMs);
  for (const midnight of daysFrom(sets, wallMs)) {
    const found = firstOfDay(schedule.timeZone, sets, midnight, afterMs);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Midnights, as wall times, of the days that match, from the day of `wallMs`. */
function* daysFrom(sets: Sets, wallMs: number): Generator<number> {
  const start = Math.floor(wallMs / dayMs) * dayMs;
  const first = new Date(start);
  for (let count = 0; count <= mostMonths; count++) {
    const monthMs = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + count, 1);
    const month = new Date(monthMs).getUTCMonth();
    if (!sets.months.has(month + 1)) continue;
    for (let dayMsNow = Math.max(monthMs, start); ; dayMsNow += dayMs) {
      const day = new Date(dayMsNow);
      if (day.getUTCMonth() !== month) break;
      if (sets.daysOfMonth.has(day.getUTCDate()) && sets.daysOfWeek.has(day.getUTCDay())) yield dayMsNow;
    }
  }
}

function firstOfDay(timeZone: string, sets: Sets, midnight: number, afterMs: number): number | undefined {
  const day = zonedDay(timeZone, midnight);
  const elapsed = sets.hours.length === 24;
  let found: number | undefined;
  for (const hour of sets.hours) {
    for (const minute of sets.minutes) {
      const wall = midnight + hour * 3_600_000 + minute * 60_000;
      const moments = day.momentsOf(wall);
      if (!elapsed) moments.splice(1);
      if (!elapsed && moments.length === 0) moments.push(day.afterGap(wall));
      const next = moments.find((at) => at > afterMs);
      if (next !== undefined && next < (found ?? Infinity)) found = next;
      // In order of the wall is in order of time, unless the clock changes.
      if (found !== undefined && day.plain) return found;
    }
  }
  return found;
}
