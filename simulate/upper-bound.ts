/**
 * A real schedule without a late job, and what it costs: the optimum lies between this and lower-bound.ts.
 *
 * The plan of the lower bound, made window by window, caps how many jobs run at once; jobs start in order of arrival when
 * the cap allows, and at their deadline in any case. The starts that result are priced with the exact rule for a known
 * future (Lu and Chen 2013): a free worker that was freed last takes the next job, and is kept through a gap that is
 * shorter than a boot. A plan for a tighter goal leaves room for jobs that do not fit together, so a few are tried and the
 * cheapest counts.
 */
import { type Demand, demandOf } from './demand.ts';
import { createHeap } from './heap.ts';
import { type Bound, windowPlan } from './lower-bound.ts';
import type { Trace } from './traces.ts';

const windowSeconds = 1_200;
const lookAheadSeconds = 120;
const tighterGoals = [0.9, 0.85, 0.7, 0.5, 0.2];

export function upperBound(
  trace: Trace,
  goalSeconds: number,
  bootSeconds: number,
  progress?: (share: number) => void,
): Bound {
  let cost = Number.POSITIVE_INFINITY;
  tighterGoals.forEach((share, turn) => {
    const demand = demandOf(trace, goalSeconds * share);
    const plan = wholePlan(demand, bootSeconds, (part) => progress?.((turn + part) / tighterGoals.length));
    cost = Math.min(cost, priceOfCapped(trace, goalSeconds, bootSeconds, plan));
  });
  return { cost };
}

function wholePlan(demand: Demand, bootSeconds: number, progress: (share: number) => void): Uint16Array {
  const plan = new Uint16Array(demand.seconds);
  let state = { workers: 0, done: 0 };
  for (let from = 0; from < demand.seconds; from += windowSeconds) {
    const to = Math.min(demand.seconds, from + windowSeconds + lookAheadSeconds);
    const part = windowPlan(within(demand, from, to), bootSeconds, from, to, state);
    const until = Math.min(from + windowSeconds, to);
    plan.set(part.subarray(0, until - from), from);
    state = stateAt(demand, state, plan, from, until);
    progress(from / demand.seconds);
  }
  return plan;
}

/** A window needs no more workers than its own steepest second; a smaller table is a quicker one. */
function within(demand: Demand, from: number, to: number): Demand {
  let peak = 1;
  for (let t = from + 1; t <= to; t++) peak = Math.max(peak, (demand.can[t] ?? 0) - (demand.can[t - 1] ?? 0));
  return { ...demand, peak };
}

function stateAt(
  demand: Demand,
  state: { workers: number; done: number },
  plan: Uint16Array,
  from: number,
  to: number,
) {
  let { workers, done } = state;
  for (let t = from; t < to; t++) {
    workers = plan[t] ?? 0;
    done = Math.max(demand.must[t + 1] ?? 0, Math.min(done + workers, demand.can[t + 1] ?? 0));
  }
  return { workers, done };
}

/** Runs the jobs in order under the cap and prices the starts; the stack holds when each idle worker was freed. */
function priceOfCapped(trace: Trace, goalSeconds: number, bootSeconds: number, plan: Uint16Array): number {
  const running = createHeap();
  const idleSince: number[] = [];
  let cost = 0;
  let now = 0;
  const finishUntil = (moment: number): void => {
    while (running.nextAt() <= moment) {
      idleSince.push(running.nextAt());
      running.pop();
    }
  };
  trace.arrivals.forEach((arrival, job) => {
    now = Math.max(now, arrival);
    const deadline = arrival + goalSeconds;
    finishUntil(now);
    while (now < deadline && running.size() >= (plan[Math.floor(now)] ?? 0)) {
      now = Math.min(deadline, Math.floor(now) + 1, Math.max(now, running.nextAt()));
      finishUntil(now);
    }
    const service = trace.services[job] ?? 0;
    const freed = idleSince.pop();
    cost += service + (freed === undefined ? bootSeconds : Math.min(bootSeconds, now - freed));
    running.push(now + service, job);
  });
  return cost;
}
