/**
 * Clocks of a time zone, by the tables that Node brings (Intl). A wall time is written as the UTC milliseconds of a clock
 * in UTC that shows the same; the offset of a zone is what its clock is ahead of UTC.
 *
 * Twice a year a wall time may come twice, or never. What a schedule makes of that is not decided here: `momentsOf`
 * answers with none, one or two.
 */
import { TasksError } from '../errors.ts';

const hourMs = 3_600_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const mostFormats = 500;

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  if (formats.size >= mostFormats) formats.clear();
  formats.set(timeZone, made);
  return made;
}

/** Answers with what it was given. @throws TasksError OPTION_INVALID */
export function checkTimeZone(timeZone: string): string {
  try {
    formatOf(timeZone);
    return timeZone;
  } catch (error) {
    throw new TasksError(
      'OPTION_INVALID',
      `"${String(timeZone).slice(0, 60)}" is no time zone`,
      'the time zones of this Node have no such name',
      'Give a name such as Europe/Berlin or UTC',
      { cause: error },
    );
  }
}

/** Milliseconds that the zone's clock is ahead of UTC at a moment. */
export function offsetMs(timeZone: string, atMs: number): number {
  if (timeZone === 'UTC') return 0;
  const second = Math.floor(atMs / 1000) * 1000;
  const fields: Record<string, number> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(second)) fields[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: seconds = 0 } = fields;
  return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
}

/** A day of a zone, ready to turn many of its wall times into moments. */
export interface ZonedDay {
  /** Moments at which the zone's clock shows this, in order; none when the clock leaps over it. */
  momentsOf(wallMs: number): number[];
  /** The first moment after a leap over this wall time. */
  afterGap(wallMs: number): number;
  /** No change of the clock on this day, nor close to it. */
  readonly plain: boolean;
}

/** @param wallMs the day's midnight as wall time */
export function zonedDay(timeZone: string, wallMs: number): ZonedDay {
  // Clocks are at most 14 hours from UTC.
  const fromMs = wallMs - 15 * hourMs;
  const toMs = wallMs + 39 * hourMs;
  const before = offsetMs(timeZone, fromMs);
  const after = offsetMs(timeZone, toMs);
  if (before === after)
    return { momentsOf: (wall) => [wall - before], afterGap: (wall) => wall - before, plain: true };
  let change: number | undefined;
  return {
    plain: false,
    momentsOf: (wall) =>
      [wall - before, wall - after]
        .filter((at, index) => offsetMs(timeZone, at) === (index === 0 ? before : after))
        .sort((a, b) => a - b),
    afterGap: () => {
      change ??= changeBetween(timeZone, fromMs, toMs, before);
      return change;
    },
  };
}

/** The moment from which the offset is no longer `before`, to the second. */
function changeBetween(timeZone: string, fromMs: number, toMs: number, before: number): number {
  let low = fromMs / 1000;
  let high = toMs / 1000;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMs(timeZone, middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}
