/** Searching in a sorted trace. */

/** The first index from `from` on whose arrival is later than `moment`, by doubling steps and halving. */
export function indexAfter(arrivals: Float64Array, moment: number, from: number): number {
  let step = 1;
  let low = from;
  while (low + step <= arrivals.length && (arrivals[low + step - 1] as number) <= moment) {
    low += step;
    step *= 2;
  }
  let high = Math.min(arrivals.length, low + step);
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((arrivals[middle] as number) <= moment) low = middle + 1;
    else high = middle;
  }
  return low;
}
