/**
 * What the samples say about requests: how many come per second and will when a process that is started now is up, how long
 * one occupies a slot, and how many waited longer than they should.
 *
 * Several meters may look at the same requests (their queue times here, their response times there), so rates are not summed:
 * the largest is believed. Meters tell the mean of about a minute. What grows is taken to go on growing until a boot is over; what
 * falls is believed only after a while, since the next minute may bring it back.
 */
import type { Histogram, RequestsReading, Sample, ValueReading, View } from './words.ts';
import { sum } from './work.ts';

export interface Traffic {
  /** Now, as the meters tell it. */
  readonly perSecond: number;
  /** To be planned for. */
  readonly planned: number;
  /** Of one request: until the answer, and standard deviation over mean. Absent: nobody timed answers lately. */
  readonly response?: { readonly seconds: number; readonly variation: number };
  /** Of what the newest reading tells. Absent: nobody timed the waits. */
  readonly meanWaitSeconds?: number;
}

export interface Outlook {
  /** Until a process that is started now helps. */
  readonly horizonSeconds: number;
  /** How long a rate is kept after it fell. */
  readonly keepSeconds: number;
  /** How far the meters look back. */
  readonly windowSeconds: number;
}

export function requestsIn(sample: Sample | undefined): RequestsReading[] {
  return (sample?.readings ?? []).filter((reading) => reading.kind === 'requests');
}

/** Nothing when no meter counted requests. */
export function trafficOf({ samples }: View, outlook: Outlook): Traffic | undefined {
  const newest = samples.at(-1);
  const perSecond = rateOf(newest);
  if (!newest || perSecond === undefined) return undefined;
  const response = responseOf(samples);
  const waits = merged(requestsIn(newest).map(({ queueTimeMs }) => queueTimeMs));
  return {
    perSecond,
    planned: Math.max(
      kept(samples, newest.at - outlook.keepSeconds * 1000),
      grown(samples, perSecond, outlook),
    ),
    ...(response && { response }),
    ...(waits && { meanWaitSeconds: meanMs(waits) / 1000 }),
  };
}

/** Busy share of the processes: what the newest sample tells of their use, of CPU in per cent, or of load per core. */
export function busyShare(sample: Sample | undefined, cores: number | undefined): number | undefined {
  const told = requestsIn(sample).flatMap(({ busy }) => busy ?? []);
  const gauges = (sample?.readings ?? []).flatMap((reading) =>
    reading.kind === 'value' ? shareOf(reading, cores) : [],
  );
  const shares = [...told, ...gauges].filter((share) => Number.isFinite(share) && share >= 0);
  return shares.length > 0 ? Math.max(...shares) : undefined;
}

export interface Waits {
  readonly requests: number;
  /** Of these, how many waited longer than the goal. */
  readonly late: number;
}

/**
 * Over the readings from a moment on, as far back as they go. Readings overlap, so those closer than a minute to a later one
 * are left out.
 */
export function waitsSince(samples: readonly Sample[], from: number, goalMs: number): Waits | undefined {
  let [requests, late, taken] = [0, 0, Number.POSITIVE_INFINITY];
  let seen = false;
  for (let place = samples.length - 1; place >= 0; place--) {
    const sample = samples[place];
    if (!sample || sample.at < from) break;
    if (taken - sample.at < 60_000) continue;
    const waits = merged(requestsIn(sample).map(({ queueTimeMs }) => queueTimeMs));
    if (!waits) continue;
    [seen, taken] = [true, sample.at];
    requests += countOf(waits);
    late += sum(waits, ([upToMs, count]) => (upToMs > goalMs ? count : 0));
  }
  return seen ? { requests, late } : undefined;
}

function rateOf(sample: Sample | undefined): number | undefined {
  const rates = requestsIn(sample).map(({ perSecond }) => perSecond);
  return rates.length > 0 ? Math.max(0, ...rates) : undefined;
}

function kept(samples: readonly Sample[], from: number): number {
  return samples.reduce((most, sample) => (sample.at > from ? Math.max(most, rateOf(sample) ?? 0) : most), 0);
}

/**
 * What meters tell is the mean of a window. Two of them, some seconds apart, share all but their ends, so what came in the last
 * seconds is the difference, and what fell out at the other end. It counts where it is more than the noise of counting. Growth over
 * a whole window goes on until the horizon.
 */
function grown(
  samples: readonly Sample[],
  perSecond: number,
  { horizonSeconds, windowSeconds }: Outlook,
): number {
  const newest = samples.at(-1);
  const rateBefore = (seconds: number): { at: number; rate: number } | undefined => {
    const sample = samples.findLast(
      (each) => newest && each.at <= newest.at - seconds * 1000 && rateOf(each) !== undefined,
    );
    return sample && { at: sample.at, rate: rateOf(sample) ?? 0 };
  };
  const before = rateBefore(shortSeconds);
  const long = rateBefore(windowSeconds);
  if (!newest || !before) return perSecond;
  const seconds = (newest.at - before.at) / 1000;
  if (seconds > windowSeconds) return perSecond;
  const latest = ((perSecond - before.rate) * windowSeconds) / seconds + (long?.rate ?? before.rate);
  const near = latest - perSecond > 3 * Math.sqrt((2 * Math.max(latest, perSecond)) / seconds);
  const growth = long && newest.at - long.at < 3 * windowSeconds * 1000 ? perSecond - long.rate : 0;
  const far = growth > 3 * Math.sqrt(perSecond / windowSeconds);
  // The mean of a window is that of its middle.
  const behindSeconds = near ? horizonSeconds : horizonSeconds + windowSeconds / 2;
  return (near ? latest : perSecond) + (far ? (growth / windowSeconds) * behindSeconds : 0);
}

/** The shortest time over which two readings are compared. */
const shortSeconds = 9;

/** Of the newest sample that timed answers. */
function responseOf(samples: readonly Sample[]): Traffic['response'] {
  for (let place = samples.length - 1; place >= 0; place--) {
    const times = merged(requestsIn(samples[place]).map(({ responseTimeMs }) => responseTimeMs));
    if (!times || countOf(times) < fewAnswers) continue;
    const mean = meanMs(times);
    const square = sum(times, ([ms, count]) => count * (ms - mean) ** 2) / countOf(times);
    return { seconds: mean / 1000, variation: mean > 0 ? Math.sqrt(square) / mean : 0 };
  }
  return undefined;
}

const fewAnswers = 5;

function shareOf({ value, unit, name }: ValueReading, cores: number | undefined): number[] {
  if (unit === '%') return [value / 100];
  if (unit === 'load' || /^load\d+$/.test(name)) return cores === undefined ? [] : [value / cores];
  return [];
}

function merged(histograms: readonly (Histogram | undefined)[]): Histogram | undefined {
  const known = histograms.filter((each) => each !== undefined);
  return known.length > 0 ? known.flat() : undefined;
}

function countOf(times: Histogram): number {
  return sum(times, ([, count]) => count);
}

function meanMs(times: Histogram): number {
  const count = countOf(times);
  return count > 0 ? sum(times, ([ms, each]) => ms * each) / count : 0;
}
