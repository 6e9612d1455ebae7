/**
 * What no schedule can beat: the cheapest number of workers over time that can do the work between the two curves of
 * demand.ts, where a worker costs a second each second and `bootSeconds` when it starts. It forgets that jobs are whole and
 * that a boot takes time, so its optimum is a lower bound for every real schedule without a late job.
 *
 * Method: dynamic programming backward over (workers, work done) on whole seconds and whole worker-seconds. Doing as much
 * as possible is always right, since the value falls with the work done. Rounding work up keeps it a bound, because
 * ceil(x + c) = ceil(x) + c for whole c; a start within a second can save the part that was rounded, less than one
 * worker-second in all, which is taken off. More workers than the steepest second of arriving work are never needed:
 * the top layer of such a plan can be moved to the left, under the cap, at no cost (there is backlog there, or the
 * plan would not be so high), and its boot is saved.
 *
 * For each amount of work the minimum over next counts is a prefix and a suffix minimum, so that a second costs
 * (work range) x (workers), not times workers again.
 */
import type { Demand } from './demand.ts';

export interface Bound {
  /** Worker-seconds, boots included at `bootSeconds` each. */
  readonly cost: number;
}

/** @param progress called now and then with the share that is done, 0 to 1 */
export function lowerBound(demand: Demand, bootSeconds: number, progress?: (share: number) => void): Bound {
  const step = valueStep(demand, bootSeconds);
  const width = widest(demand) * (demand.peak + 1);
  let later = new Float64Array(width);
  let now = new Float64Array(width);
  for (let t = demand.seconds - 1; t >= 0; t--) {
    step(t, later, now);
    [later, now] = [now, later];
    if (progress && t % 20_000 === 0) progress(1 - t / demand.seconds);
  }
  return { cost: Math.max(0, (later[0] ?? 0) - 1) };
}

/**
 * The number of workers in each second of [from, to), on the optimal way of that window from a state, with nothing owed after
 * it. The caller looks further than it follows.
 */
export function windowPlan(
  demand: Demand,
  bootSeconds: number,
  from: number,
  to: number,
  state: { workers: number; done: number },
): Uint16Array {
  const step = valueStep(demand, bootSeconds);
  const columns = demand.peak + 1;
  const values: Float64Array[] = [];
  values[to - from] = new Float64Array(range(demand, to) * columns);
  for (let t = to - 1; t > from; t--) {
    const now = new Float64Array(range(demand, t) * columns);
    step(t, values[t + 1 - from] ?? now, now);
    values[t - from] = now;
  }
  const plan = new Uint16Array(to - from);
  let { workers, done } = state;
  for (let t = from; t < to; t++) {
    const next = values[t + 1 - from] ?? new Float64Array(0);
    workers = bestCount(demand, bootSeconds, t, workers, done, next);
    done = Math.max(demand.must[t + 1] ?? 0, Math.min(done + workers, demand.can[t + 1] ?? 0));
    plan[t - from] = workers;
  }
  return plan;
}

/** How many values the work done can have at second t. */
function range(demand: Demand, t: number): number {
  return (demand.can[t] ?? 0) - (demand.must[t] ?? 0) + 1;
}

function widest(demand: Demand): number {
  let most = 1;
  for (let t = 0; t <= demand.seconds; t++) most = Math.max(most, range(demand, t));
  return most;
}

/** Fills `now` with the value of every state at the start of second t, from the values at its end. */
function valueStep(demand: Demand, bootSeconds: number) {
  const { can, must, peak } = demand;
  const columns = peak + 1;
  const below = new Float64Array(columns + 1);
  return (t: number, later: Float64Array, now: Float64Array): void => {
    const low = must[t] ?? 0;
    const high = can[t] ?? 0;
    const nextLow = must[t + 1] ?? 0;
    const nextHigh = can[t + 1] ?? 0;
    for (let done = low; done <= high; done++) {
      const row = (done - low) * columns;
      let least = Number.POSITIVE_INFINITY;
      below[0] = least;
      for (let count = 0; count < columns; count++) {
        const reached = done + count;
        const to = Math.min(reached, nextHigh);
        const value =
          to < nextLow ? Number.POSITIVE_INFINITY : count + (later[(to - nextLow) * columns + count] ?? 0);
        if (value < least) least = value;
        below[count + 1] = least;
        now[row + count] = value;
      }
      let above = Number.POSITIVE_INFINITY;
      for (let count = peak; count >= 0; count--) {
        const stay = below[count + 1] ?? 0;
        const value = (now[row + count] ?? 0) + bootSeconds * count;
        const start = above - bootSeconds * count;
        now[row + count] = Math.min(stay, start);
        if (value < above) above = value;
      }
    }
  };
}

/** The cheapest count for second t; when none can keep up (a window that starts behind), the most there is. */
function bestCount(
  demand: Demand,
  bootSeconds: number,
  t: number,
  workers: number,
  done: number,
  next: Float64Array,
): number {
  const low = demand.must[t + 1] ?? 0;
  const high = demand.can[t + 1] ?? 0;
  let best = demand.peak;
  let least = Number.POSITIVE_INFINITY;
  for (let count = 0; count <= demand.peak; count++) {
    const to = Math.min(done + count, high);
    if (to < low) continue;
    const value =
      count +
      bootSeconds * Math.max(0, count - workers) +
      (next[(to - low) * (demand.peak + 1) + count] ?? 0);
    if (value < least) [least, best] = [value, count];
  }
  return best;
}
