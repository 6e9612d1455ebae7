/**
 * When the sun does something at a place, by the package `suncalc`. The nine events of Celery, at the same heights of the
 * sun: its centre at -6, -12 and -18 degrees, its upper edge at the horizon for sunrise and sunset (-0.833 with the
 * refraction), the meridian for noon.
 *
 * Two differences, on purpose: Celery's dusk_astronomical stands at +18 degrees, by a lost sign (celery/schedules.py,
 * `_horizons`; seen with 5.2.6: a summer "dusk" at 17:11 UTC in Berlin); and where the sun does not rise for weeks, Celery
 * fails or runs the task once a day, while here the next run is the next time that it does rise.
 */
import { packageMissing } from '../errors.ts';

export const solarEvents = [
  'dawn_astronomical',
  'dawn_nautical',
  'dawn_civil',
  'sunrise',
  'solar_noon',
  'sunset',
  'dusk_civil',
  'dusk_nautical',
  'dusk_astronomical',
] as const;

export type SolarEvent = (typeof solarEvents)[number];

export interface SolarSchedule {
  readonly kind: 'solar';
  readonly event: SolarEvent;
  /** Degrees, north is positive. */
  readonly latitude: number;
  /** Degrees, east is positive. */
  readonly longitude: number;
}

/** What the sun does on the day of a moment; null for what it does not do on that day. */
export type Sun = (atMs: number, latitude: number, longitude: number) => Record<SolarEvent, number | null>;

const dayMs = 86_400_000;
/** The longest night of the poles is half a year. */
const mostDays = 400;

/** The first time after `afterMs`; undefined when it does not happen within a year. */
export function nextSolar(schedule: SolarSchedule, afterMs: number, sun: Sun): number | undefined {
  const { event, latitude, longitude } = schedule;
  for (let day = -1; day <= mostDays; day++) {
    const at = sun(afterMs + day * dayMs, latitude, longitude)[event];
    if (at !== null && at > afterMs) return at;
  }
  return undefined;
}

/** @throws TasksError PACKAGE_MISSING */
export async function loadSun(): Promise<Sun> {
  const { getTimes } = await import('suncalc').catch((error: unknown) => {
    throw packageMissing('suncalc', 'A solar schedule', error);
  });
  const ms = (date: Date | null): number | null => (date === null ? null : Math.round(date.getTime()));
  return (atMs, latitude, longitude) => {
    const times = getTimes(new Date(atMs), latitude, longitude);
    return {
      dawn_astronomical: ms(times.nightEnd),
      dawn_nautical: ms(times.nauticalDawn),
      dawn_civil: ms(times.dawn),
      sunrise: ms(times.sunrise),
      solar_noon: ms(times.solarNoon),
      sunset: ms(times.sunset),
      dusk_civil: ms(times.dusk),
      dusk_nautical: ms(times.nauticalDusk),
      dusk_astronomical: ms(times.night),
    };
  };
}
