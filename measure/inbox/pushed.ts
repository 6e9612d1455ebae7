/**
 * The words of what apps push to us, whatever dialect they speak, and what no dialect may say. What is out of bounds is
 * dropped and counted, and the rest of the same push is kept: one broken value must not hide the others.
 */

/** Of requests; each has a time, or none where only the request is known. `failed`: of the served ones, those that got 5xx. */
export type TimesMetric = 'queue-time' | 'service-time' | 'connect-time' | 'failed';
/** How high something stands; the last second counts. */
export type GaugeMetric =
  | 'jobs'
  | 'latency'
  | 'working'
  | 'sample'
  | 'cpu'
  | 'load1'
  | 'load5'
  | 'load15'
  | 'utilisation'
  | 'event-loop'
  | 'in-flight'
  | 'later'
  | 'alive';

/** One number of a push. Seconds since the Unix epoch; times in milliseconds, latency in seconds, CPU in percent. */
export type Pushed =
  | {
      readonly metric: TimesMetric;
      readonly name: string;
      readonly second: number;
      readonly count: number;
      /** Absent: the requests count, how long they took is not known. */
      readonly ms?: number;
    }
  | { readonly metric: GaugeMetric; readonly name: string; readonly second: number; readonly value: number };

export const dropReasons = [
  'malformed', // no such shape, not a number, below zero
  'absurd', // more than any true value
  'late', // older than a minute
  'early', // from the future
  'crowded', // more process types, entries or seconds than are kept
  'lost', // the sender says that it lost them
  'too-large', // the body was over the limit
] as const;
export type DropReason = (typeof dropReasons)[number];

/** What a parser made of a body. */
export interface Parsed {
  readonly pushed: readonly Pushed[];
  readonly dropped: Tally;
}

/** What a parser fills. */
export interface Work extends Parsed {
  readonly nowSecond: number;
  readonly pushed: Pushed[];
  readonly dropped: Tally;
}

export function beginWork(now: number): Work {
  return { nowSecond: Math.floor(now / 1_000), pushed: [], dropped: {} };
}

export type Tally = Partial<Record<DropReason, number>>;

export function drop(tally: Tally, why: DropReason, count = 1): void {
  tally[why] = (tally[why] ?? 0) + count;
}

/** A queue time over a minute is a header in another unit, not a wait: the router gives up after 30 s. */
export const timeMaximumMs = 60_000;
const oldestSeconds = 60;
const aheadSeconds = 10;

/** Why a second cannot be taken. */
export function problemWithSecond(second: number, nowSecond: number): DropReason | undefined {
  if (!Number.isSafeInteger(second) || second <= 0) return 'malformed';
  if (second < nowSecond - oldestSeconds) return 'late';
  return second > nowSecond + aheadSeconds ? 'early' : undefined;
}

/** Why a number cannot be taken. */
export function problemWithNumber(value: unknown, maximum: number): DropReason | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return 'malformed';
  return value > maximum ? 'absurd' : undefined;
}

/** A process type as the libraries may call it: any text of at most 128 bytes. */
export function isName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= 128;
}
