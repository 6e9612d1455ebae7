/**
 * How long jobs take, as a law made of a sample, and what follows from it: how many jobs one slot can start in some time, and
 * when a running job will be done. A sample, not a mean: with heavy tails a mean says nothing of the next job.
 *
 * The bound of `starts` is the renewal bound U(y) >= y / E[min(S, y)] (Erickson 1973): it holds for every law.
 */

export interface ServiceLaw {
  /** Ascending, at least one. */
  readonly seconds: Float64Array;
  /** Sums of the first n; one longer than `seconds`. */
  readonly sums: Float64Array;
}

/** @param sample service seconds in any order; not empty */
export function serviceLaw(sample: ArrayLike<number>): ServiceLaw {
  const seconds = new Float64Array(sample);
  for (let i = 1; i < seconds.length; i++)
    if ((seconds[i] as number) < (seconds[i - 1] as number)) {
      seconds.sort();
      break;
    }
  const sums = new Float64Array(seconds.length + 1);
  for (let i = 0; i < seconds.length; i++) sums[i + 1] = (sums[i] as number) + (seconds[i] as number);
  return { seconds, sums };
}

/** A stand-in where only the mean is known: the quantiles of an exponential law, which has as much spread as mean. */
export function exponentialLaw(mean: number): ServiceLaw {
  return serviceLaw(unitQuantiles.map((value) => value * mean));
}

const quantiles = Array.from({ length: 64 }, (_, i) => -Math.log(1 - (i + 0.5) / 64));
const quantileMean = quantiles.reduce((sum, value) => sum + value, 0) / quantiles.length;
const unitQuantiles = quantiles.map((value) => value / quantileMean);

export function meanSeconds(law: ServiceLaw): number {
  return (law.sums[law.seconds.length] as number) / law.seconds.length;
}

/** E[min(S, y)]. */
export function expectedUpTo(law: ServiceLaw, y: number): number {
  const below = countUpTo(law, y);
  const size = law.seconds.length;
  return ((law.sums[below] as number) + (size - below) * y) / size;
}

/** Jobs that an idle slot can start within y seconds, the first at once. */
export function starts(law: ServiceLaw, y: number): number {
  if (y <= 0) return 1;
  const each = expectedUpTo(law, y);
  return each > 0 ? Math.max(1, y / each) : 1;
}

/**
 * Probability that a job which has run for `elapsed` seconds is done within u more. Where that time is not known it is of a
 * job met at any moment of its run: E[min(S, u)] / E[S].
 */
export function doneWithin(law: ServiceLaw, elapsed: number | undefined, u: number): number {
  return doneAfter(law, elapsed)(u);
}

/** The same for many times: what only depends on the job is worked out once. */
export function doneAfter(law: ServiceLaw, elapsed: number | undefined): (u: number) => number {
  if (elapsed === undefined) {
    const mean = meanSeconds(law);
    return (u) => (mean > 0 ? expectedUpTo(law, u) / mean : 1);
  }
  const size = law.seconds.length;
  const over = countUpTo(law, elapsed);
  const alive = size - over;
  if (alive <= 0) return () => 0.1;
  return (u) => 1 - (size - countUpTo(law, elapsed + u, u >= 0 ? over : 0)) / alive;
}

/** How many of the sample are at most y. @param least so many are for sure */
function countUpTo(law: ServiceLaw, y: number, least = 0): number {
  let low = least;
  let high = law.seconds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((law.seconds[middle] as number) <= y) low = middle + 1;
    else high = middle;
  }
  return low;
}
