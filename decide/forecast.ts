/**
 * What usually comes at this time: jobs per second by the hour of the day, and rushes at a minute of the hour, as cron makes them.
 *
 * Kept are the rates of the last fourteen days by the hour and the jobs of the last three hours by the minute, nothing else, so it
 * is bounded whatever comes. An hour or minute that was not watched is a gap, not a zero.
 *
 * Every figure errs to the low side, for it may only ever raise a floor: of the days the lower median, and no more than
 * that weekday has had; of a rush the least of three hours. One odd day changes nothing, and on a day that is odd itself
 * the usual rate shrinks as the hour before it fell short. How sure it is goes from 0 to 1 and scales what is asked for.
 * Holt and Winters' smoothing was rejected: one outage or one flash crowd stays in its state for days.
 */
import type { ArrivalHistory, Sample } from './words.ts';
import { arrivedBetween } from './work.ts';

export interface Forecast {
  /** Usual at that hour; 0 when nothing is known. */
  readonly perSecond: number;
  /** 0 to 1. */
  readonly sure: number;
  /** Jobs that come within that minute of every hour, beyond the usual. */
  readonly rush: number;
  readonly rushSure: number;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
const hoursKept = 14 * 24;
const minutesKept = 180;
/** Of an hour or a minute at least this part must have been watched. */
const watchedPart = 0.7;

/** After each checkup: what came between the last two samples is added to the minute and hour of the newer one. */
export function learnArrivals(
  known: ArrivalHistory | undefined,
  before: Sample,
  newest: Sample,
): ArrivalHistory {
  const seconds = (newest.at - before.at) / 1000;
  const watched = seconds > 0 && seconds <= 60;
  const jobs = watched ? arrivedBetween(before, newest, seconds) : 0;
  const step = { jobs, seconds: watched ? seconds : 0 };
  const minute = Math.floor(newest.at / minuteMs);
  const hour = Math.floor(newest.at / hourMs);
  // A clock that was set back, or state of another time: begin anew rather than mix the two.
  const usable = known && known.minute.index <= minute && known.hour.index <= hour ? known : undefined;
  return {
    minute: added(usable?.minute, minute, step),
    hour: added(usable?.hour, hour, step),
    minutes: turned(usable?.minutes ?? [], usable?.minute, minute, minutesKept, 60, 1),
    hours: turned(usable?.hours ?? [], usable?.hour, hour, hoursKept, 3_600, 3_600),
  };
}

type Period = ArrivalHistory['minute'];

function added(period: Period | undefined, index: number, step: { jobs: number; seconds: number }): Period {
  const same = period && period.index === index ? period : { jobs: 0, seconds: 0 };
  return { index, jobs: same.jobs + step.jobs, seconds: same.seconds + step.seconds };
}

/** When a period is over its figure joins the list, and those that nobody watched join as gaps. */
function turned(
  list: ArrivalHistory['minutes'],
  period: Period | undefined,
  index: number,
  kept: number,
  seconds: number,
  divisor: number,
): ArrivalHistory['minutes'] {
  if (!period || period.index === index) return list;
  const whole = period.seconds >= watchedPart * seconds;
  const figure = whole ? Number(((period.jobs * seconds) / period.seconds / divisor).toPrecision(3)) : null;
  const gaps = Math.min(kept, index - period.index - 1);
  return [...list, figure, ...Array.from({ length: gaps }, () => null)].slice(-kept);
}

export const noForecast: Forecast = { perSecond: 0, sure: 0, rush: 0, rushSure: 0 };

/** @param at a moment soon, in milliseconds */
export function forecastAt(known: ArrivalHistory | undefined, at: number): Forecast {
  if (!known) return noForecast;
  const hour = Math.floor(at / hourMs);
  const minute = Math.floor(at / minuteMs);
  if (hour < known.hour.index || hour > known.hour.index + 1) return noForecast;
  const usual = usualAt(known, hour);
  const lastHour = known.hours.at(-1);
  const usualThen = usualAt(known, known.hour.index - 1);
  const fell = lastHour != null && usualThen.perSecond > 0 ? Math.min(1, lastHour / usualThen.perSecond) : 1;
  const { rush, rushSure } = rushAt(known, minute);
  return { perSecond: usual.perSecond * fell, sure: usual.sure, rush, rushSure };
}

const daysBack = [1, 2, 3, 7, 14];
const weekdaysBack = [7, 14];
/** What lies within this part of the usual agrees with it. */
const agrees = 0.5;

function usualAt(known: ArrivalHistory, hour: number): { perSecond: number; sure: number } {
  const ago = (days: number): number[] => {
    const rate = known.hours[known.hours.length - (known.hour.index - hour + 24 * days)];
    return rate == null ? [] : [rate];
  };
  const rates = daysBack.flatMap(ago).sort((a, b) => a - b);
  const median = rates[Math.floor((rates.length - 1) / 2)];
  if (median === undefined) return { perSecond: 0, sure: 0 };
  const weekday = weekdaysBack.flatMap(ago);
  const perSecond = weekday.length > 0 ? Math.min(median, Math.max(...weekday)) : median;
  const alike = rates.filter((rate) => rate >= agrees * perSecond && rate * agrees <= perSecond).length;
  return { perSecond, sure: alike / daysBack.length };
}

const rushHours = [1, 2, 3];
/** A rush is so many times what a minute of these hours usually has, and so many jobs more. */
const rushFactor = 3;
const leastRush = 10;

function rushAt(known: ArrivalHistory, minute: number): { rush: number; rushSure: number } {
  const none = { rush: 0, rushSure: 0 };
  const seen = rushHours.flatMap((hours) => {
    const jobs = known.minutes[known.minutes.length - (known.minute.index - minute + 60 * hours)];
    return jobs == null ? [] : [jobs];
  });
  if (seen.length < 2) return none;
  const all = known.minutes.flatMap((jobs) => jobs ?? []).sort((a, b) => a - b);
  const usual = all[Math.floor(all.length / 2)] ?? 0;
  const least = Math.min(...seen);
  if (least < rushFactor * usual + leastRush) return none;
  const even = Math.min(1, (2 * least) / Math.max(...seen));
  return { rush: least - usual, rushSure: (even * seen.length) / rushHours.length };
}

/** Jobs of the present minute so far: what has come of a rush need not be awaited any more. */
export function cameThisMinute(known: ArrivalHistory | undefined, now: number): number {
  return known && known.minute.index === Math.floor(now / minuteMs) ? known.minute.jobs : 0;
}
