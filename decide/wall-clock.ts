/** The time on the wall of a place: a pure function of the moment and the IANA time zone, summer time included. */

export interface WallTime {
  /** 0 is Monday. */
  readonly weekday: number;
  /** Since midnight on the wall; on a night with a change of the clock an hour is missing or comes twice. */
  readonly minute: number;
  readonly day: number;
  readonly second: number;
}

export const weekdays: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** Making a formatter takes a hundred times as long as using it, and there are only so many zones. */
const formatters = new Map<string, Intl.DateTimeFormat>();

/** @throws RangeError when there is no such time zone */
export function wallTime(now: number, timeZone: string): WallTime {
  const parts = new Map(
    formatter(timeZone)
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  );
  const number = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type));
  return {
    weekday: weekdays.indexOf((parts.get('weekday') ?? '').toLowerCase()),
    minute: number('hour') * 60 + number('minute'),
    day: number('day'),
    second: number('second'),
  };
}

export function isTimeZone(name: string): boolean {
  try {
    formatter(name);
    return true;
  } catch {
    return false;
  }
}

export function timeZones(): string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone')];
}

/** The first moment of the calendar month (UTC) that `now` lies in. */
export function monthStart(now: number): number {
  const { day, minute, second } = wallTime(now, 'UTC');
  const whole = Math.floor(now / 1000) * 1000;
  return whole - (((day - 1) * 1_440 + minute) * 60 + second) * 1000;
}

function formatter(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  formatters.set(timeZone, made);
  return made;
}
