/**
 * The two curves between which every schedule that keeps the promise must run, on a grid of one second.
 *
 * `can[t]` is the work that can have been done by second t, if each job started when it arrived; `must[t]` is the work that must have
 * been done, if each started as late as the goal allows. Both are sums over jobs of min(service, time since the start),
 * so each job adds a ramp: slopes are summed with a second difference and integrated twice, in time linear in jobs.
 */
import type { Trace } from './traces.ts';

export interface Demand {
  /** Seconds of the grid: curves have one more element, for the end of each second. */
  readonly seconds: number;
  /** Worker-seconds, rounded up. */
  readonly can: Int32Array;
  readonly must: Int32Array;
  /** The largest growth of `can` in one second: no optimum needs more workers (see lower-bound.ts). */
  readonly peak: number;
}

export function demandOf(trace: Trace, goalSeconds: number): Demand {
  let last = 0;
  trace.arrivals.forEach((arrival, job) => {
    last = Math.max(last, arrival + (trace.services[job] ?? 0));
  });
  const seconds = Math.ceil(last + goalSeconds) + 1;
  const can = ramps(trace, 0, seconds);
  const must = ramps(trace, goalSeconds, seconds);
  let peak = 1;
  for (let t = 1; t <= seconds; t++) peak = Math.max(peak, (can[t] ?? 0) - (can[t - 1] ?? 0));
  return { seconds, can, must, peak };
}

/** Sum over jobs of min(service, (t - arrival - delay)+) at each second t, rounded up. */
function ramps(trace: Trace, delay: number, seconds: number): Int32Array {
  const level = new Float64Array(seconds + 2);
  const slope = new Float64Array(seconds + 2);
  trace.arrivals.forEach((arrival, job) => {
    const start = arrival + delay;
    bend(level, slope, start, 1);
    bend(level, slope, start + (trace.services[job] ?? 0), -1);
  });
  const curve = new Int32Array(seconds + 1);
  let height = 0;
  let steepness = 0;
  for (let t = 0; t <= seconds; t++) {
    height += steepness + (level[t] ?? 0);
    steepness += slope[t] ?? 0;
    curve[t] = Math.ceil(height - 1e-6);
  }
  return curve;
}

/** From moment `at` on the curve is steeper by `by`; at the next whole second it has gained the part of a second between. */
function bend(level: Float64Array, slope: Float64Array, at: number, by: number): void {
  const next = Math.ceil(at);
  if (next >= level.length) return;
  level[next] = (level[next] ?? 0) + by * (next - at);
  slope[next] = (slope[next] ?? 0) + by;
}
