/**
 * Learns from a manager's own history how long a job takes, how many jobs a process works on at a time, and how long it boots.
 *
 * It is called once per checkup and compares the last two samples only, so the same input gives the same output and nothing is
 * kept beside the estimates. An estimate is a mean that forgets: early observations count in full, later ones as if some
 * fixed number stood behind the estimate. Where a source tells the times of single jobs, a sample of them is kept as well
 * (sample.ts); keeping every one was rejected, since what is learned is stored with the manager.
 */

import { learnArrivals } from './forecast.ts';
import { addToSample } from './sample.ts';
import { learnTrust } from './trust.ts';
import type { Decision, Estimate, Learned, Manager, Sample, ServiceSample, View } from './words.ts';
import { grownBy, jobsIn, queuePairs, sum } from './work.ts';

export const defaultLearned: Learned = {
  serviceSeconds: { value: 1, observations: 0 },
  bootSeconds: { value: 10, observations: 0 },
  concurrency: { value: 1, observations: 0 },
};

/** How many observations an estimate remembers, and within which bounds it stays. */
const service = { memory: 200, minimum: 0.001, maximum: 604_800 };
const boot = { memory: 10, minimum: 0.05, maximum: 600 };
const concurrency = { memory: 5, minimum: 1, maximum: 1_000 };

/** Observations are not counted beyond this. */
const enough = 1_000_000;

/** @param manager its goal is what jobs are judged by; without it no trust is learned */
export function learn(learned: Learned, view: View, _now: number, manager?: Manager): Learned {
  const [before, newest] = view.samples.slice(-2);
  if (!before || !newest || newest.at <= before.at) return learned;
  const services = learnServices(learned.services, before, newest);
  const counted = jobsIn(newest).length > 0;
  const arrivals = counted ? learnArrivals(learned.arrivals, before, newest) : learned.arrivals;
  const trust = manager ? learnTrust(learned.trust, view, manager, before, newest) : learned.trust;
  const serviceSeconds = learnService(learned, view, before, newest);
  const first = learned.serviceSeconds.observations === 0 && serviceSeconds.observations > 0;
  const knownSince = first ? newest.at : learned.knownSince;
  return {
    serviceSeconds,
    ...learnBoot(learned, view, before, newest),
    concurrency: learnConcurrency(learned.concurrency, view, before, newest),
    ...(services && { services }),
    ...(arrivals && { arrivals }),
    ...(trust !== undefined && { trust }),
    ...(knownSince !== undefined && { knownSince }),
  };
}

function learnServices(
  sample: ServiceSample | undefined,
  before: Sample,
  newest: Sample,
): ServiceSample | undefined {
  const finished = jobsIn(newest).flatMap(({ recent }) =>
    recent && recent.since >= before.at - 1_000 ? (recent.finishedSeconds ?? []) : [],
  );
  return addToSample(sample, finished);
}

interface Observed {
  readonly value: number;
  /** How many observations it stands for. */
  readonly weight: number;
}

function learnService(learned: Learned, view: View, before: Sample, newest: Sample): Estimate {
  const estimate = learned.serviceSeconds;
  const observed =
    countedService(before, newest) ?? runningService(before, newest, estimate.observations > 0);
  if (observed) return blend(estimate, observed, service);
  if (estimate.observations === 0 && noneFinished(before, newest))
    return within(service, { ...estimate, value: estimate.value + (newest.at - before.at) / 1000 });
  const atMost = decliningService(before, newest, slotsOf(learned, view, before, newest));
  return atMost === undefined ? estimate : within(service, towards(estimate, atMost));
}

/** Busy seconds per finished job, where both are counted. */
function countedService(before: Sample, newest: Sample): Observed | undefined {
  const counted = queuePairs(before, newest).flatMap(([from, to]) => {
    const busy = grownBy(from.busySecondsTotal, to.busySecondsTotal);
    const finished = grownBy(from.finishedTotal, to.finishedTotal);
    return busy === undefined || finished === undefined ? [] : [{ busy, finished }];
  });
  const finished = sum(counted, (queue) => queue.finished);
  return finished > 0 ? { value: sum(counted, ({ busy }) => busy) / finished, weight: finished } : undefined;
}

/** Running jobs x time per finished job. None running at both moments is a first guess of zero, and no first guess. */
function runningService(before: Sample, newest: Sample, known: boolean): Observed | undefined {
  const seconds = (newest.at - before.at) / 1000;
  const seen = queuePairs(before, newest).flatMap(([from, to]) => {
    const finished = grownBy(from.finishedTotal, to.finishedTotal);
    if (finished === undefined || from.running === undefined || to.running === undefined) return [];
    return [{ finished, running: (from.running + to.running) / 2 }];
  });
  const finished = sum(seen, (queue) => queue.finished);
  const running = sum(seen, (queue) => queue.running);
  if (finished === 0 || (running === 0 && !known)) return undefined;
  return { value: (running * seconds) / finished, weight: finished };
}

/** Jobs ran all the time and none was done: before the first observation, the guess then grows with the time that passes. */
function noneFinished(before: Sample, newest: Sample): boolean {
  const pairs = queuePairs(before, newest);
  const ran = pairs.some(([from, to]) => (from.running ?? 0) > 0 && (to.running ?? 0) > 0);
  return ran && pairs.every(([from, to]) => grownBy(from.finishedTotal, to.finishedTotal) === 0);
}

/**
 * Where nothing is counted: so many jobs vanished from the queue, so the slots had time for at least these. What arrived
 * meanwhile is not seen, so the time per job is at most this. Few jobs for many slots say nothing.
 */
function decliningService(before: Sample, newest: Sample, slots: number): number | undefined {
  const pairs = queuePairs(before, newest);
  if (pairs.some(([from, to]) => grownBy(from.finishedTotal, to.finishedTotal) !== undefined))
    return undefined;
  const gone = sum(pairs, ([from, to]) => from.waiting - to.waiting);
  const seconds = (newest.at - before.at) / 1000;
  return slots > 0 && gone > slots / 2 ? (slots * seconds) / gone : undefined;
}

/** The least of several upper bounds is the nearest to the truth: half the way down to a lower one, a twentieth up. */
function towards({ value, observations }: Estimate, atMost: number): Estimate {
  const share = observations === 0 ? 1 : atMost < value ? 0.5 : 0.05;
  return { value: value + (atMost - value) * share, observations: Math.min(enough, observations + 1) };
}

/** The slots that were there at most between the two samples. */
function slotsOf(learned: Learned, view: View, before: Sample, newest: Sample): number {
  const up = view.processes.filter(({ state }) => state === 'up').length;
  const said = Math.max(slotsIn(before) ?? 0, slotsIn(newest) ?? 0);
  return said > 0 ? said : up * learned.concurrency.value;
}

/** The most that any queue says: workers that listen to several queues are counted at each. */
function slotsIn(sample: Sample): number | undefined {
  const slots = jobsIn(sample).flatMap((reading) => reading.slots ?? []);
  return slots.length > 0 ? Math.max(...slots) : undefined;
}

/** Slots per process, while nobody comes or goes: otherwise the two may differ. At first any number is better than none. */
function learnConcurrency(estimate: Estimate, view: View, before: Sample, newest: Sample): Estimate {
  const slots = slotsIn(newest);
  const steadySince = estimate.observations === 0 ? newest.at : before.at;
  const settled = view.processes.every(({ state, since }) => state === 'up' && since <= steadySince);
  if (!slots || !settled || view.processes.length === 0) return estimate;
  return blend(estimate, { value: slots / view.processes.length, weight: 1 }, concurrency);
}

/**
 * From the decision that asked for a process to the moment when it was up, and by how much nine of ten boots are longer than
 * the mean at most. A process that boots longer than both together raises the mean at once, unless others that began with it or
 * after it are up: then it is stuck or was started anew. A time far above the estimate is then not a boot but a
 * restart after a crash, and is left out; once some are known, one that lies further off than the rest counts as the longest of these.
 */
function learnBoot(
  { bootSeconds: estimate, bootSpread }: Learned,
  view: View,
  before: Sample,
  newest: Sample,
): Pick<Learned, 'bootSeconds' | 'bootSpread'> {
  // What lies within the spread is no news, and would draw the mean to the longest of all boots.
  const longest = longestBoot(view, newest) - (bootSpread?.value ?? 0);
  const raised =
    longest > estimate.value
      ? { value: longest, observations: Math.max(1, estimate.observations) }
      : estimate;
  let known = raised;
  let spread = bootSpread;
  for (const seconds of bootsSeen(view, before, newest)) {
    if (seconds > 2 * raised.value + 10) continue;
    const value = plausible(seconds, known, spread);
    if (known.observations > 0) {
      const off = beyondMean * Math.abs(value - known.value);
      spread = blend(spread ?? { value: 0, observations: 0 }, { value: off, weight: 1 }, bootOff);
    }
    known = blend(known, { value, weight: 1 }, boot);
  }
  return { bootSeconds: known, ...(spread && { bootSpread: spread }) };
}

const bootOff = { memory: 20, minimum: 0, maximum: 600 };
/** Nine of ten lie within so many mean deviations above the mean, for a normal law as for an even one. */
const beyondMean = 1.6;
const fewBoots = 5;

function plausible(seconds: number, known: Estimate, spread: Estimate | undefined): number {
  if (known.observations < fewBoots || !spread) return seconds;
  return Math.min(seconds, known.value + Math.max(1, 0.5 * known.value, 2 * spread.value));
}

function longestBoot({ processes }: View, newest: Sample): number {
  const lastUp = Math.max(...processes.map(({ state, since }) => (state === 'up' ? since : 0)));
  const overdue = processes
    .filter(({ state, since }) => state === 'starting' && since > lastUp)
    .map(({ since }) => Math.min(boot.maximum, (newest.at - since) / 1000));
  return Math.max(0, ...overdue);
}

/** Of the processes that came up between the two samples. */
function bootsSeen({ processes, decisions }: View, before: Sample, newest: Sample): number[] {
  const upSince = processes
    .flatMap(({ state, since }) => (state === 'up' ? [since] : []))
    .sort((a, b) => a - b);
  return upSince.flatMap((since, index) => {
    if (since <= before.at || since > newest.at) return [];
    const asked = askedFor(index + 1, since, decisions);
    return asked ? [(since - asked.at) / 1000] : [];
  });
}

/** The decision that raised the count to this rank. */
function askedFor(rank: number, since: number, decisions: readonly Decision[]): Decision | undefined {
  return decisions.findLast(({ at, current, desired }) => at <= since && current < rank && rank <= desired);
}

type Manner = typeof service;

function blend({ value, observations }: Estimate, observed: Observed, manner: Manner): Estimate {
  const share = observed.weight / (Math.min(observations, manner.memory) + observed.weight);
  return within(manner, {
    value: value + (observed.value - value) * share,
    observations: Math.min(enough, observations + observed.weight),
  });
}

function within({ minimum, maximum }: Manner, { value, observations }: Estimate): Estimate {
  return { value: Math.min(maximum, Math.max(minimum, value)), observations };
}
