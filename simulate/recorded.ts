/**
 * Jobs from what a controller has recorded. Readings tell how many jobs waited and ran, not when each came, so arrivals follow
 * from two neighbours: what waits and runs more than before, plus what was finished meanwhile, which is the running jobs
 * times the time over the time per job. Jobs in are jobs out and what is left. What one interval gets too many the next
 * ones pay back, so their number stays right; within an interval they are spread evenly at random.
 *
 * The work that is played, in seconds of busy slots, is what was recorded, however wrong the time per job is; that only makes it
 * more small jobs or fewer long ones. Where nobody told what runs, slots are taken for busy while jobs wait, and for idle
 * while none does: a guess, and counted as one.
 *
 * A time in which nothing was known is a gap. It divides the history into stretches that are played each for itself, begun with
 * what was recorded there. Filling gaps with nothing was rejected: unknown is never zero.
 */
import type { Random } from './random.ts';
import type { Trace } from './traces.ts';

/** A recorded point, as far as it is needed. An absent number was unknown. */
export interface RecordedPoint {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly waiting?: number;
  readonly running?: number;
  readonly slots?: number;
  readonly oldestSeconds?: number;
  /** Processes that existed. */
  readonly current: number;
}

export interface KnownPoint {
  readonly at: number;
  readonly waiting: number;
  /** Jobs that ran, or are taken to have run. */
  readonly running: number;
  /** Nobody told what ran. */
  readonly guessed: boolean;
  readonly current: number;
  readonly oldestSeconds?: number;
}

/** Known points without a gap between them, oldest first, at least two. */
export type Stretch = readonly KnownPoint[];

const minuteMs = 60_000;

/** @param slotsPerProcess how many jobs a process works on at a time, for points that do not tell what runs */
export function stretchesOf(points: readonly RecordedPoint[], slotsPerProcess: number): Stretch[] {
  const bridgeMs = 1.5 * Math.max(minuteMs, usualStepMs(points));
  const stretches: KnownPoint[][] = [];
  for (const known of knownOf(points, slotsPerProcess)) {
    const last = stretches.at(-1)?.at(-1);
    if (last && known.at - last.at <= bridgeMs) stretches.at(-1)?.push(known);
    else stretches.push([known]);
  }
  return stretches.filter(({ length }) => length > 1);
}

/** Those that tell what waited, in order; whoever takes them for one stretch bridges every gap evenly. */
export function knownOf(points: readonly RecordedPoint[], slotsPerProcess: number): KnownPoint[] {
  const all: KnownPoint[] = [];
  for (const { at, waiting, running, slots, current, oldestSeconds } of points) {
    if (waiting === undefined || at <= (all.at(-1)?.at ?? Number.NEGATIVE_INFINITY)) continue;
    all.push({
      at,
      waiting,
      running: running ?? (waiting > 0 ? (slots ?? current * slotsPerProcess) : 0),
      guessed: running === undefined,
      current,
      ...(oldestSeconds !== undefined && { oldestSeconds }),
    });
  }
  return all;
}

export function secondsOf(stretch: Stretch): number {
  return ((stretch.at(-1)?.at ?? 0) - (stretch[0]?.at ?? 0)) / 1000;
}

/** The median distance between points, whether anything was known or not. */
export function usualStepMs(points: readonly { readonly at: number }[]): number {
  const steps = points.slice(1).map(({ at }, place) => at - (points[place]?.at ?? at));
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
}

/** What came and went in a stretch, in jobs. */
export interface Balance {
  /** Waiting and running at the start. */
  readonly first: number;
  readonly arrived: number;
  readonly finished: number;
  /** Waiting and running at the end. */
  readonly rest: number;
  /** Jobs that were taken to have come and never paid back: the readings and the time per job do not agree. */
  readonly unpaid: number;
}

export function balanceOf(stretch: Stretch, meanSeconds: number): Balance {
  let [arrived, finished] = [0, 0];
  let owed = fractionOf(stretch);
  for (const interval of intervalsOf(stretch, meanSeconds)) {
    owed += interval.owed;
    finished += interval.finished;
    const come = Math.floor(Math.max(0, owed));
    arrived += come;
    owed -= come;
  }
  const [start, end] = [stretch[0], stretch.at(-1)];
  return {
    first: start ? inside(start) : 0,
    arrived,
    finished,
    rest: end ? inside(end) : 0,
    unpaid: Math.max(0, -owed),
  };
}

/** Of the jobs that came in a stretch, those of which nobody can tell how they came. */
export interface Bursts {
  readonly arrived: number;
  /** Those that came between two readings in far greater number than before and after. */
  readonly atOnce: number;
  /** The longest time between two such readings; 0 where there are none. */
  readonly withinSeconds: number;
}

/**
 * Single intervals that stand out from the five on either side, and by more than chance and the estimate of what was finished
 * explain. A load that rises or falls over several readings is none: its shape is seen.
 *
 * @param leastSeconds shorter intervals tell when jobs came as well as anybody needs it
 */
export function burstsOf(stretch: Stretch, meanSeconds: number, leastSeconds: number): Bursts {
  const intervals = [...intervalsOf(stretch, meanSeconds)].map(({ from, to, owed }) => ({
    seconds: (to.at - from.at) / 1000,
    jobs: Math.max(0, owed),
  }));
  let [arrived, atOnce, withinSeconds] = [0, 0, 0];
  intervals.forEach(({ jobs, seconds }, place) => {
    arrived += jobs;
    const around = [
      ...intervals.slice(Math.max(0, place - nearby), place),
      ...intervals.slice(place + 1, place + 1 + nearby),
    ].map((near) => near.jobs / near.seconds);
    if (seconds < leastSeconds || around.length < nearby) return;
    const usual = seconds * (around.sort((a, b) => a - b)[Math.floor(around.length / 2)] ?? 0);
    // Jobs that come by chance vary by the root of their number, and what is taken to be finished once more.
    const chance = 4 * Math.sqrt(2 * Math.max(1, usual));
    if (jobs <= outstanding * usual || jobs - usual <= chance) return;
    atOnce += jobs;
    withinSeconds = Math.max(withinSeconds, seconds);
  });
  return { arrived, atOnce, withinSeconds };
}

const nearby = 5;
const outstanding = 2.5;

/** Parts of at most so long and so many arrivals, of at least one interval each; neighbours share a point. */
export function partsOf(stretch: Stretch, meanSeconds: number, mostMs: number, mostJobs: number): Stretch[] {
  const parts: KnownPoint[][] = [];
  let part: KnownPoint[] = [];
  let jobs = 0;
  for (const { from, to, owed } of intervalsOf(stretch, meanSeconds)) {
    const start = part[0];
    const full = start && (to.at - start.at > mostMs || jobs + Math.max(0, owed) > mostJobs);
    if (!start || full) {
      part = [from];
      parts.push(part);
      jobs = 0;
    }
    part.push(to);
    jobs += Math.max(0, owed);
  }
  return parts;
}

/**
 * The jobs of a stretch, with seconds from its first point; those that waited or ran then come at 0. It yields now and then, so
 * that who makes a large one can do something else meanwhile. Nothing where there are more than `mostJobs`.
 */
export function* traceOf(
  stretch: Stretch,
  meanSeconds: number,
  random: Random,
  serviceOf: () => number,
  mostJobs = Number.POSITIVE_INFINITY,
): Generator<undefined, Trace | undefined> {
  const { first, arrived } = balanceOf(stretch, meanSeconds);
  if (first + arrived > mostJobs) return undefined;
  const arrivals = new Float64Array(Math.round(first) + arrived);
  const services = new Float64Array(arrivals.length);
  const startMs = stretch[0]?.at ?? 0;
  let job = Math.round(first);
  let owed = fractionOf(stretch);
  for (const { from, to, owed: more } of intervalsOf(stretch, meanSeconds)) {
    owed += more;
    const come = Math.floor(Math.max(0, owed));
    owed -= come;
    spread(arrivals, job, come, [(from.at - startMs) / 1000, (to.at - startMs) / 1000], random);
    job += come;
    if (come > 0) yield;
  }
  for (let place = 0; place < services.length; place++) {
    services[place] = serviceOf();
    if (place % 10_000 === 9_999) yield;
  }
  return { name: 'recorded', arrivals, services };
}

/** `traceOf` in one go. */
export function wholeTraceOf(
  stretch: Stretch,
  meanSeconds: number,
  random: Random,
  serviceOf: () => number,
): Trace {
  const making = traceOf(stretch, meanSeconds, random, serviceOf);
  for (;;) {
    const { done, value } = making.next();
    if (done)
      return value ?? { name: 'recorded', arrivals: new Float64Array(), services: new Float64Array() };
  }
}

/** In order, without sorting: the places of evenly spread points are sums of exponential gaps. */
function spread(
  arrivals: Float64Array,
  start: number,
  count: number,
  [from, to]: readonly [number, number],
  random: Random,
): void {
  let total = 0;
  for (let place = start; place < start + count; place++) {
    total += random.exponential();
    arrivals[place] = total;
  }
  total += random.exponential();
  for (let place = start; place < start + count; place++)
    arrivals[place] = from + ((to - from) * (arrivals[place] ?? 0)) / total;
}

interface Interval {
  readonly from: KnownPoint;
  readonly to: KnownPoint;
  readonly finished: number;
  /** Jobs that must have come; less than zero where more vanished than can have been finished. */
  readonly owed: number;
}

function* intervalsOf(stretch: Stretch, meanSeconds: number): Generator<Interval> {
  let from: KnownPoint | undefined;
  for (const to of stretch) {
    if (from) {
      const seconds = (to.at - from.at) / 1000;
      const finished = (((from.running + to.running) / 2) * seconds) / meanSeconds;
      yield { from, to, finished, owed: inside(to) - inside(from) + finished };
    }
    from = to;
  }
}

/** There is no half job at the start; of a mean of several checkups the rest comes later, or is paid back. */
function fractionOf([start]: Stretch): number {
  return start ? inside(start) - Math.round(inside(start)) : 0;
}

function inside({ waiting, running }: KnownPoint): number {
  return waiting + running;
}
