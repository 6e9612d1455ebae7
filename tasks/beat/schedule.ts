/**
 * Schedules as plain data, and the pure arithmetic on them: a schedule is a row of *slots*, moments at which an entry is
 * due. Everything else follows from "the first slot after": what is due now, what was missed, when to wake.
 *
 * Slots are kept, not the times of actual runs as in Celery: an interval does not drift by the delay of each run, and two
 * beats that see the same state agree on which slot comes next, which is what makes "never twice" possible.
 */
import { TasksError } from '../errors.ts';
import { type CrontabSchedule, nextCrontab } from './crontab.ts';
import { type CronFields, fieldText } from './fields.ts';
import { nextSolar, type SolarEvent, type SolarSchedule, type Sun, solarEvents } from './solar.ts';
import { checkTimeZone, offsetMs, zonedDay } from './zone.ts';

export interface IntervalSchedule {
  readonly kind: 'every';
  readonly seconds: number;
  /** Celery's `relative`: rounded down to the day, hour or minute that the interval has. */
  readonly relative: boolean;
  /** Whose days and hours those are. */
  readonly timeZone: string;
}

export type Schedule = CrontabSchedule | IntervalSchedule | SolarSchedule;

const dayMs = 86_400_000;
const leastSeconds = 0.1;
const mostSeconds = 100 * 365 * 86_400;

/**
 * Celery's crontab. Day of week and day of month must both match.
 *
 * @param timeZone IANA name, `Europe/Berlin`. Default UTC, as Celery's
 * @throws TasksError OPTION_INVALID, also for a date that there never is
 */
export function crontab(fields: CronFields = {}, timeZone = 'UTC'): Schedule {
  const schedule: CrontabSchedule = {
    kind: 'crontab',
    minute: fieldText('minute', fields.minute),
    hour: fieldText('hour', fields.hour),
    dayOfWeek: fieldText('dayOfWeek', fields.dayOfWeek),
    dayOfMonth: fieldText('dayOfMonth', fields.dayOfMonth),
    monthOfYear: fieldText('monthOfYear', fields.monthOfYear),
    timeZone: checkTimeZone(timeZone),
  };
  if (nextCrontab(schedule, Date.UTC(2000, 0, 1)) === undefined)
    invalid('a crontab', shownSchedule(schedule), 'a date that exists, unlike 30 February');
  return schedule;
}

/** @param seconds at least 0.1 @throws TasksError OPTION_INVALID */
export function every(
  seconds: number,
  options: { readonly relative?: boolean; readonly timeZone?: string } = {},
): Schedule {
  if (!(seconds >= leastSeconds && seconds <= mostSeconds))
    invalid('the seconds of an interval', seconds, `a number from ${leastSeconds}`);
  return {
    kind: 'every',
    seconds,
    relative: options.relative ?? false,
    timeZone: checkTimeZone(options.timeZone ?? 'UTC'),
  };
}

/**
 * @param latitude degrees, north is positive
 * @param longitude degrees, east is positive
 * @throws TasksError OPTION_INVALID
 */
export function solar(event: SolarEvent, latitude: number, longitude: number): Schedule {
  if (!solarEvents.includes(event)) invalid('the event of the sun', event, solarEvents.join(', '));
  if (!(Math.abs(latitude) <= 90)) invalid('a latitude', latitude, 'between -90 and 90');
  if (!(Math.abs(longitude) <= 180)) invalid('a longitude', longitude, 'between -180 and 180');
  return { kind: 'solar', event, latitude, longitude };
}

/** The schedule that a JSON value means. @throws TasksError OPTION_INVALID */
export function checkSchedule(given: unknown): Schedule {
  const value = (typeof given === 'object' && given !== null ? given : {}) as Partial<Record<string, never>>;
  if (value.kind === 'crontab') return crontab(value, value.timeZone);
  if (value.kind === 'every') return every(value.seconds ?? Number.NaN, value);
  if (value.kind === 'solar')
    return solar(value.event ?? ('' as never), value.latitude ?? Number.NaN, value.longitude ?? Number.NaN);
  if (typeof given === 'number') return every(given);
  return invalid('a schedule', JSON.stringify(given) ?? given, 'made by crontab(), every() or solar()');
}

/**
 * The first slot after a moment, in milliseconds since the epoch. Undefined: there is none.
 *
 * @param sun needed for solar schedules, see loadSun()
 */
export function nextRun(schedule: Schedule, afterMs: number, sun?: Sun): number | undefined {
  if (schedule.kind === 'crontab') return nextCrontab(schedule, afterMs);
  if (schedule.kind === 'every') return nextInterval(schedule, afterMs);
  if (!sun) return invalid('nextRun', 'a solar schedule without the sun', 'given what loadSun() answers');
  return nextSolar(schedule, afterMs, sun);
}

/** Whether a slot has come since the last run, and when the next one after now comes. */
export function isDue(
  schedule: Schedule,
  lastRunMs: number,
  nowMs: number,
  sun?: Sun,
): { readonly due: boolean; readonly nextMs: number | undefined } {
  const next = nextRun(schedule, lastRunMs, sun);
  if (next === undefined || next > nowMs) return { due: false, nextMs: next };
  return { due: true, nextMs: nextRun(schedule, nowMs, sun) };
}

/**
 * The latest slots after `afterMs` and not after `nowMs`, in order, at most `mostCount`. It looks back from now in growing
 * steps, so that a second-by-second entry that was off for a year costs no year of seconds.
 */
export function slotsBetween(
  schedule: Schedule,
  afterMs: number,
  nowMs: number,
  mostCount: number,
  sun?: Sun,
): number[] {
  if (schedule.kind === 'every') return intervalSlots(schedule, afterMs, nowMs, mostCount);
  let slots: number[] = [];
  for (let backMs = 60_000 * mostCount; ; backMs *= 10) {
    const startMs = Math.max(afterMs, nowMs - backMs);
    slots = slotsFrom(schedule, startMs, nowMs, sun);
    if (slots.length >= mostCount || startMs === afterMs) return slots.slice(-mostCount);
  }
}

function slotsFrom(schedule: Schedule, startMs: number, nowMs: number, sun: Sun | undefined): number[] {
  const slots: number[] = [];
  for (let at = nextRun(schedule, startMs, sun); at !== undefined && at <= nowMs; ) {
    slots.push(at);
    at = nextRun(schedule, at, sun);
  }
  return slots;
}

/** Each slot of an interval follows from the one before, so a long absence is jumped over by whole steps. */
function intervalSlots(
  schedule: IntervalSchedule,
  afterMs: number,
  nowMs: number,
  mostCount: number,
): number[] {
  const unitMs = unitOf(schedule);
  const stepMs = Math.floor(Math.round(schedule.seconds * 1000) / unitMs) * unitMs;
  const first = nextInterval(schedule, afterMs);
  const jumps = unitMs === dayMs ? 0 : Math.floor((nowMs - first) / stepMs) - mostCount;
  const startMs = jumps > 0 ? first + jumps * stepMs : afterMs;
  return slotsFrom(schedule, startMs, nowMs, undefined).slice(-mostCount);
}

/** A day is a day of the zone's clock, also one of 23 hours; the rest is elapsed time. */
function nextInterval(schedule: IntervalSchedule, afterMs: number): number {
  const { seconds, relative, timeZone } = schedule;
  const end = afterMs + Math.round(seconds * 1000);
  if (!relative) return end;
  const unitMs = unitOf(schedule);
  if (unitMs < dayMs) {
    const offset = offsetMs(timeZone, end);
    return Math.floor((end + offset) / unitMs) * unitMs - offset;
  }
  const wall = Math.floor((end + offsetMs(timeZone, afterMs)) / dayMs) * dayMs;
  const day = zonedDay(timeZone, wall);
  return day.momentsOf(wall).find((at) => at > afterMs) ?? Math.max(day.afterGap(wall), afterMs + 1);
}

/** Milliseconds; slots of a relative interval are whole ones of it. */
function unitOf({ seconds, relative }: IntervalSchedule): number {
  if (!relative) return 1;
  return [dayMs, 3_600_000, 60_000].find((unit) => seconds * 1000 >= unit) ?? 1000;
}

/** For people: `crontab 0 3 * * mon-fri Europe/Berlin` (minute, hour, day of month, month, day of week), `every 30 s`. */
export function shownSchedule(schedule: Schedule): string {
  if (schedule.kind === 'every') return `every ${schedule.seconds} s${schedule.relative ? ', rounded' : ''}`;
  if (schedule.kind === 'solar') return `${schedule.event} at ${schedule.latitude}, ${schedule.longitude}`;
  const { minute, hour, dayOfMonth, monthOfYear, dayOfWeek, timeZone } = schedule;
  return `crontab ${minute} ${hour} ${dayOfMonth} ${monthOfYear} ${dayOfWeek} ${timeZone}`;
}

function invalid(name: string, value: unknown, wanted: string): never {
  throw new TasksError(
    'OPTION_INVALID',
    `${name} is ${String(value).slice(0, 120)}`,
    `it must be ${wanted}`,
    'Change the schedule',
  );
}
