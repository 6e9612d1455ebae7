/** What a histogram of times amounts to: pairs of upper bound (ms) and count, the bounds ascending. */
import type { Histogram } from './words.ts';

/** The least bound that `share` of the times do not exceed (nearest rank); nothing when there are none. */
export function percentile(histogram: Histogram, share: number): number | undefined {
  const rank = Math.max(1, Math.ceil(share * countOf(histogram) - 1e-9));
  let passed = 0;
  for (const [bound, count] of histogram) {
    passed += count;
    if (passed >= rank) return bound;
  }
  return undefined;
}

/** Errs upwards by as much as the buckets are wide; nothing when there are no times. */
export function meanOf(histogram: Histogram): number | undefined {
  const count = countOf(histogram);
  return count > 0
    ? histogram.reduce((total, [bound, times]) => total + bound * times, 0) / count
    : undefined;
}

/**
 * (satisfied + tolerating / 2) / all, where a time up to T satisfies and one up to four T is tolerated (apdex.org, 2007).
 * Failed requests are part of all and worth nothing, however quick they were.
 */
export function apdexOf(histogram: Histogram, satisfiedMs: number, failedCount = 0): number | undefined {
  const count = countOf(histogram) + failedCount;
  if (count === 0) return undefined;
  const score = histogram.reduce((total, [bound, times]) => {
    const worth = bound <= satisfiedMs ? 1 : bound <= 4 * satisfiedMs ? 0.5 : 0;
    return total + worth * times;
  }, 0);
  return score / count;
}

/** What is left when the times of `others`, a part of them, are taken away. */
export function without(histogram: Histogram, others: Histogram): Histogram {
  const taken = new Map(others);
  return histogram
    .map(([bound, count]) => [bound, count - (taken.get(bound) ?? 0)] as const)
    .filter(([, count]) => count > 0);
}

export function merged(histograms: readonly Histogram[]): Histogram {
  const cells = new Map<number, number>();
  for (const histogram of histograms)
    for (const [bound, count] of histogram) cells.set(bound, (cells.get(bound) ?? 0) + count);
  return [...cells].toSorted(([a], [b]) => a - b);
}

function countOf(histogram: Histogram): number {
  return histogram.reduce((total, [, count]) => total + count, 0);
}
