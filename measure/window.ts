/**
 * What happened in the last seconds: how long requests took, and how high a gauge stood, second by second.
 *
 * A window is a ring of seconds, so what it holds is bounded by its size however much is pushed, and it needs no timer to
 * forget. Times fall into buckets: every whole millisecond to 128, from there 64 to each doubling, so a percentile errs by at
 * most 1.6 %, upwards. Keeping every value was rejected: a thousand requests a second would be held for minutes
 * to answer a question that a threshold of a quarter second asks. Time is an argument: nothing here looks at a clock.
 */
import type { Histogram } from '../decide/words.ts';

export { percentile } from '../decide/histogram.ts';

export interface TimesWindow {
  /**
   * `count` requests in a second, of `ms` each. Without `ms` they count and how long they took stays open; a count of 0 says
   * that the second was watched and nothing came. False: the second is older than the window and was left out.
   */
  add(second: number, count: number, ms?: number): boolean;
  /** Both ends included. */
  over(from: number, to: number): Times;
}

export interface Times {
  /** Seconds that something was said about. */
  readonly coveredSeconds: number;
  readonly count: number;
  readonly histogram: Histogram;
}

export interface GaugeWindow {
  /** One more process says how high it stands in this second; they are averaged. */
  add(second: number, value: number): boolean;
  /** Takes the place of what was said of this second. */
  set(second: number, value: number): boolean;
  /** Over all that was said from `from` on. */
  mean(from: number): number | undefined;
  newest(from: number): { readonly second: number; readonly value: number } | undefined;
}

export function createTimes(secondCount: number): TimesWindow {
  const ring = createRing<{ count: number; cells: Map<number, number> }>(secondCount, () => ({
    count: 0,
    cells: new Map(),
  }));
  return {
    add: (second, count, ms) => {
      const slot = ring.at(second);
      if (!slot) return false;
      slot.count += count;
      if (ms !== undefined && count > 0) addTo(slot.cells, boundOf(ms), count);
      return true;
    },
    over: (from, to) => {
      const cells = new Map<number, number>();
      let coveredSeconds = 0;
      let count = 0;
      for (const slot of ring.between(from, to)) {
        coveredSeconds += 1;
        count += slot.value.count;
        for (const [bound, times] of slot.value.cells) addTo(cells, bound, times);
      }
      return { coveredSeconds, count, histogram: [...cells].sort(([a], [b]) => a - b) };
    },
  };
}

export function createGauge(secondCount: number): GaugeWindow {
  const ring = createRing<{ sum: number; count: number }>(secondCount, () => ({ sum: 0, count: 0 }));
  const put = (second: number, value: number, anew: boolean): boolean => {
    const slot = ring.at(second);
    if (!slot) return false;
    slot.sum = anew ? value : slot.sum + value;
    slot.count = anew ? 1 : slot.count + 1;
    return true;
  };
  return {
    add: (second, value) => put(second, value, false),
    set: (second, value) => put(second, value, true),
    mean: (from) => {
      const slots = ring.between(from, Number.POSITIVE_INFINITY).map(({ value }) => value);
      const count = slots.reduce((total, slot) => total + slot.count, 0);
      return count === 0 ? undefined : slots.reduce((total, slot) => total + slot.sum, 0) / count;
    },
    newest: (from) => {
      const slot = ring
        .between(from, Number.POSITIVE_INFINITY)
        .reduce<Slot<{ sum: number; count: number }> | undefined>(
          (best, other) => (best && best.second > other.second ? best : other),
          undefined,
        );
      return slot && { second: slot.second, value: slot.value.sum / slot.value.count };
    },
  };
}

/** The upper bound of the bucket that a time falls into, in milliseconds. */
export function boundOf(ms: number): number {
  const whole = Math.max(0, Math.ceil(ms));
  if (whole <= 128) return whole;
  const step = 2 ** (Math.floor(Math.log2(whole - 1)) - 6);
  return Math.ceil(whole / step) * step;
}

interface Slot<V> {
  readonly second: number;
  readonly value: V;
}

interface Ring<V> {
  /** The slot of a second, emptied if it held an older one; nothing when it holds a newer one. */
  at(second: number): V | undefined;
  between(from: number, to: number): Slot<V>[];
}

function createRing<V>(secondCount: number, empty: () => V): Ring<V> {
  const slots: (Slot<V> | undefined)[] = [];
  let newest = Number.NEGATIVE_INFINITY;
  return {
    at: (second) => {
      if (second <= newest - secondCount) return undefined;
      newest = Math.max(newest, second);
      const held = slots[second % secondCount];
      if (held?.second === second) return held.value;
      const value = empty();
      slots[second % secondCount] = { second, value };
      return value;
    },
    between: (from, to) => {
      const least = Math.max(from, newest - secondCount + 1);
      return slots.flatMap((slot) => (slot && slot.second >= least && slot.second <= to ? [slot] : []));
    },
  };
}

function addTo(cells: Map<number, number>, bound: number, count: number): void {
  cells.set(bound, (cells.get(bound) ?? 0) + count);
}
