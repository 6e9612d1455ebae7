/**
 * What the samples say about jobs: how many wait now, since when, and how fast they have been coming.
 *
 * All queues of a manager are one line of jobs, served oldest first. Arrivals are not measured but follow from two readings:
 * what waits more, plus what was started meanwhile. Where a counter is missing or began anew, what is left is a lower
 * bound; it errs to older jobs, thus to more workers. Fitting a curve through the readings was rejected: an upload of
 * 20,000 jobs within one second is not on any curve.
 */
import type { JobsReading, Sample } from './words.ts';

export interface Work {
  readonly waiting: number;
  /** Absent: no source tells running jobs from waiting ones; it then counts them as waiting, or not at all. */
  readonly running?: number;
  /** Of the oldest waiting job; absent: no source knows it. */
  readonly oldestSeconds?: number;
}

/** Sums over the queues of the newest sample; nothing when no meter counted jobs. */
export function workNow(samples: readonly Sample[]): Work | undefined {
  const jobs = jobsIn(samples.at(-1));
  if (jobs.length === 0) return undefined;
  const running = jobs.flatMap((reading) => reading.running ?? []);
  const ages = jobs.flatMap(({ oldestSeconds, waiting }) => (waiting > 0 ? (oldestSeconds ?? []) : []));
  return {
    waiting: sum(jobs, ({ waiting }) => waiting),
    ...(running.length > 0 && { running: sum(running, (count) => count) }),
    ...(ages.length > 0 && { oldestSeconds: Math.max(...ages) }),
  };
}

export function jobsIn(sample: Sample | undefined): JobsReading[] {
  return (sample?.readings ?? []).filter((reading) => reading.kind === 'jobs');
}

/**
 * Why the newest sample does not tell everything; empty when it does. A queue that told what runs and now does not is unknown
 * too: a Celery worker may be too busy to answer, and taking it for idle would end its job.
 */
export function unknownsIn(samples: readonly Sample[]): string[] {
  const newest = samples.at(-1);
  if (!newest) return ['nothing has been measured yet'];
  const unread = newest.readings.flatMap((reading) => (reading.kind === 'unknown' ? [reading.why] : []));
  const silent = jobsIn(newest)
    .filter(({ queue, running }) => running === undefined && toldRunning(samples, queue))
    .map(({ queue }) => `queue "${queue}" tells no longer how many jobs run`);
  return [...unread, ...silent];
}

function toldRunning(samples: readonly Sample[], queue: string): boolean {
  return samples.some((sample) =>
    jobsIn(sample).some((reading) => reading.queue === queue && reading.running !== undefined),
  );
}

/** Enough to tell jobs of ten seconds ago from those of five. */
export const agesPerInterval = 4;

/** Jobs of about the same age. */
export interface Cohort {
  /** Of the oldest one in it. */
  readonly ageSeconds: number;
  readonly jobs: number;
}

/**
 * The waiting jobs by age, oldest first. The last ones to arrive are the ones that still wait, so it walks back through the
 * arrivals until it has found all; a job is taken to be as old as the beginning of its interval, or of its part of it.
 *
 * @param parts into how many ages the jobs of an interval are spread
 */
export function waitingByAge(samples: readonly Sample[], now: number, parts = 1): Cohort[] {
  const work = workNow(samples);
  const newest = samples.at(-1);
  if (!work || !newest) return [];
  const sinceNewest = Math.max(0, (now - newest.at) / 1000);
  const oldest = work.oldestSeconds === undefined ? undefined : work.oldestSeconds + sinceNewest;
  const cohorts: Cohort[] = [];
  let left = work.waiting;
  let age = sinceNewest;
  for (const { from, arrived } of intervals(samples)) {
    if (left <= 0) break;
    const youngest = age;
    age = Math.max(age, (now - from.at) / 1000);
    const jobs = Math.min(left, arrived);
    // Those of an interval that still wait are the last that came in it.
    const span = parts === 1 ? age - youngest : ((age - youngest) * jobs) / Math.max(1, arrived);
    for (let part = 1; part <= parts && jobs > 0; part++) {
      const partAge = youngest + (span * part) / parts;
      cohorts.push({ ageSeconds: Math.min(partAge, oldest ?? partAge), jobs: jobs / parts });
    }
    left -= jobs;
  }
  if (left > 0) cohorts.push({ ageSeconds: oldest ?? age, jobs: left });
  return withOldest(cohorts.reverse(), oldest);
}

/** One job at least is as old as the oldest, also where the walk ended before it. */
function withOldest(cohorts: Cohort[], oldest: number | undefined): Cohort[] {
  const [first, ...rest] = cohorts;
  if (!first || oldest === undefined || first.ageSeconds >= oldest) return cohorts;
  const one = Math.min(1, first.jobs);
  const others = first.jobs > one ? [{ ...first, jobs: first.jobs - one }] : [];
  return [{ ageSeconds: oldest, jobs: one }, ...others, ...rest];
}

const windowSeconds = 8;
const windowCount = 3;
const regular = 0.8;

/**
 * Jobs per second that keep coming like clockwork: the least rate of the last three windows of about ten seconds, when the three
 * hardly differ; else zero. An upload falls into one window and is in the backlog already, and when jobs stop coming it is
 * zero at once. Where arrivals vary it pays more to let workers go and to start them again (docs/simulate.md).
 *
 * @param serviceSeconds the service time when it is known: what running jobs must have finished, where no counter says so
 */
export function steadyPerSecond(samples: readonly Sample[], serviceSeconds?: number): number {
  const rates: number[] = [];
  let seconds = 0;
  let arrived = 0;
  for (const interval of intervals(samples, serviceSeconds)) {
    seconds += interval.seconds;
    arrived += interval.arrived;
    if (seconds < windowSeconds) continue;
    rates.push(arrived / seconds);
    if (rates.length === windowCount) {
      const least = Math.min(...rates);
      return least >= Math.max(...rates) * regular ? least : 0;
    }
    seconds = 0;
    arrived = 0;
  }
  return 0;
}

/** Jobs per second over the last so many seconds, as a mean; over at least a minute, so that the first jobs are no stream. */
export function arrivedPerSecond(samples: readonly Sample[], overSeconds: number): number {
  const newest = samples.at(-1);
  if (!newest) return 0;
  const first = samples[firstSince(samples, newest.at - overSeconds * 1000)] ?? newest;
  const span = (newest.at - first.at) / 1000;
  const grown = queuePairs(first, newest).map(([from, to]) => {
    const started = grownBy(from.startedTotal, to.startedTotal);
    return started === undefined ? undefined : started + to.waiting - from.waiting;
  });
  if (grown.length > 0 && grown.every((each) => each !== undefined))
    return (
      Math.max(
        0,
        sum(grown, (each) => each ?? 0),
      ) / Math.max(60, span)
    );
  let seconds = 0;
  let arrived = 0;
  for (const interval of intervals(samples)) {
    if (seconds >= overSeconds) break;
    seconds += interval.seconds;
    arrived += interval.arrived;
  }
  return arrived / Math.max(60, seconds);
}

/** The place of the first sample from a moment on, by halving. */
function firstSince(samples: readonly Sample[], at: number): number {
  let low = 0;
  let high = samples.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((samples[middle]?.at ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Interval {
  readonly from: Sample;
  readonly seconds: number;
  readonly arrived: number;
}

/** Between each two neighbouring samples that counted jobs, newest first. Steps of the clock to before are left out. */
function* intervals(samples: readonly Sample[], serviceSeconds?: number): Generator<Interval> {
  let later: Sample | undefined;
  for (let place = samples.length - 1; place >= 0; place--) {
    const sample = samples[place];
    if (!sample || jobsIn(sample).length === 0) continue;
    const seconds = later ? (later.at - sample.at) / 1000 : 0;
    if (later && seconds > 0)
      yield { from: sample, seconds, arrived: arrivedBetween(sample, later, seconds, serviceSeconds) };
    later = sample;
  }
}

/** Jobs that came between two samples; a lower bound where a counter is missing. */
export function arrivedBetween(from: Sample, to: Sample, seconds: number, serviceSeconds?: number): number {
  return sum(queuePairs(from, to), ([before, after]) => {
    const grown = after.waiting - before.waiting;
    const started = grownBy(before.startedTotal, after.startedTotal);
    if (started !== undefined) return Math.max(0, grown + started);
    const running = (after.running ?? 0) + (before.running ?? 0);
    const finished =
      grownBy(before.finishedTotal, after.finishedTotal) ??
      (serviceSeconds === undefined ? 0 : ((running / 2) * seconds) / serviceSeconds);
    const begun = before.running === undefined ? 0 : (after.running ?? 0) - before.running;
    return Math.max(0, grown + begun + finished);
  });
}

/** The readings of each queue that both samples counted. */
export function queuePairs(from: Sample, to: Sample): (readonly [JobsReading, JobsReading])[] {
  const before = jobsIn(from);
  return jobsIn(to).flatMap((after) => {
    const match = before.findLast(({ queue }) => queue === after.queue);
    return match ? [[match, after] as const] : [];
  });
}

/** What a counter grew by; nothing when one is missing, or when it fell and thus began anew. */
export function grownBy(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined || after < before ? undefined : after - before;
}

export function sum<T>(list: readonly T[], of: (item: T) => number): number {
  return list.reduce((total, item) => total + of(item), 0);
}
