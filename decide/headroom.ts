/**
 * Workers to keep where a boot takes more than half of the goal: then whoever is started for a job that waits comes too late for
 * it, and only those that are there already can keep the promise.
 *
 * A late job has a price in worker-seconds, and one more worker is kept while it saves more of them than it costs: price x
 * jobs per second x (share late without it - share late with it) > 1. Over a whole day this puts the late jobs where it
 * would be dearest to prevent them, into its quiet hours. The price follows the trust, so that the share that is late in
 * the end is the one that may be.
 *
 * The share comes from the slots that will be busy when a worker that is started now would be up (running jobs by how long
 * they have run, those that come, and the waiting ones that are long) through Erlang's formula, with the load divided by
 * its variance over its mean (Hayward's approximation), and from how soon busy slots get free. Erlang's formula over the
 * mean rate alone was rejected: with heavy tails it costs half as much again. So was a number of standard deviations over
 * the mean: it keeps as much for ten jobs an hour as for ten in a second (docs/simulate.md has both).
 */
import { cameThisMinute, forecastAt } from './forecast.ts';
import { isTight } from './need.ts';
import { doneWithin, expectedUpTo, type ServiceLaw } from './services.ts';
import type { Situation } from './situation.ts';
import { number } from './wording.ts';
import type { Sample, View } from './words.ts';
import { arrivedPerSecond } from './work.ts';

export interface Headroom {
  readonly workers: number;
  /** Jobs per second that it reckons with. */
  readonly perSecond: number;
  /** Why, where it is not what came lately; with how sure it is. */
  readonly forecast?: string;
}

/** What a late job costs at trust 0, in boots, and by how much more at trust -1, less at trust 1. */
const price = { boots: 12, factor: 100 };
/** Jobs that are known to come and go vary less than those of a Poisson process, but never by less than this part. */
const leastPeakedness = 0.3;
/** More than these at once nobody keeps for jobs that may not come. */
const mostAbove = 1_000;
/** Beyond so many busy slots the mean is as good as the law, and the recursion would take a millisecond. */
const manySlots = 5_000;

export function headroom(seen: Situation, view: View, now: number, forecasts: boolean): Headroom {
  const none = { workers: 0, perSecond: 0 };
  if (!isTight(seen.terms) || seen.guessed) return none;
  const rate = rateOf(view.samples, seen.terms.bootSeconds);
  const lately: Headroom = { workers: workersFor(seen, rate), perSecond: rate.perSecond };
  return forecasts ? foreseen(seen, view, now, rate, lately) : lately;
}

/** The same, or more where more is usual at the time when a worker that is started now would be up. */
function foreseen(seen: Situation, view: View, now: number, rate: Rate, lately: Headroom): Headroom {
  const { goalSeconds, bootSeconds, periodSeconds, slots } = seen.terms;
  const { arrivals } = view.learned;
  const {
    perSecond: usual,
    sure,
    rush,
    rushSure,
  } = forecastAt(arrivals, now + (bootSeconds + periodSeconds) * 1000);
  const more = { ...rate, perSecond: rate.perSecond + sure * Math.max(0, usual - rate.perSecond) };
  const atThisHour = more.perSecond > rate.perSecond ? workersFor(seen, more) : 0;
  const left = Math.max(0, rush - cameThisMinute(arrivals, now));
  const forRush = Math.floor(
    (rushSure * left * expectedUpTo(seen.law(), goalSeconds)) / (goalSeconds * slots),
  );
  if (forRush > Math.max(atThisHour, lately.workers))
    return {
      workers: forRush,
      perSecond: rate.perSecond,
      forecast: `about ${number(rush)} jobs come at this minute of every hour (${number(100 * rushSure)} % sure)`,
    };
  if (atThisHour <= lately.workers) return lately;
  const forecast = `${number(usual)} jobs/s are usual at this hour (${number(100 * sure)} % sure)`;
  return { workers: atThisHour, perSecond: more.perSecond, forecast };
}

function workersFor(seen: Situation, rate: Rate): number {
  if (rate.perSecond <= 0) return 0;
  const { bootSeconds, goalSeconds, slots, trust } = seen.terms;
  const law = seen.law();
  const busy = busyAfterBoot(seen, rate, law);
  const peakedness = busy.mean > 0 ? Math.max(leastPeakedness, busy.variance / busy.mean) : 1;
  const first = Math.floor(busy.mean / slots);
  if (busy.mean / peakedness > manySlots) return first;
  const stays = 1 - doneWithin(law, undefined, goalSeconds);
  const late = lateShares(busy.mean / peakedness, stays ** peakedness);
  const worth = price.boots * bootSeconds * price.factor ** -trust * rate.perSecond;
  let workers = first;
  let share = late((workers * slots) / peakedness);
  for (; workers < first + mostAbove; workers++) {
    const next = late(((workers + 1) * slots) / peakedness);
    if (worth * (share - next) <= 1) break;
    share = next;
  }
  return workers;
}

/**
 * The share of jobs that wait for longer than the goal, by the number of slots: all are busy when it comes (Erlang C), and none
 * gets free for it in time. Between whole numbers of slots it is drawn straight on a logarithmic scale.
 *
 * @param load mean busy slots
 * @param stays probability that a busy slot does not get free within the goal
 */
export function lateShares(load: number, stays: number): (slots: number) => number {
  const blocked = [1];
  const atWhole = (slots: number): number => {
    for (let n = blocked.length; n <= slots; n++) {
      const before = blocked[n - 1] ?? 0;
      blocked.push((load * before) / (n + load * before));
    }
    if (slots <= load) return 1;
    const all = blocked[slots] ?? 0;
    return (all / (1 - (load / slots) * (1 - all))) * stays ** (slots - load);
  };
  return (slots) => {
    const below = Math.floor(slots);
    const part = slots - below;
    const share = atWhole(below);
    return part < 1e-9 ? share : share ** (1 - part) * atWhole(below + 1) ** part;
  };
}

interface Rate {
  readonly perSecond: number;
  readonly overSeconds: number;
}

/** As short a time as has seen some jobs: what comes in a rush is noticed soon, a trickle not taken for nothing. */
const someJobs = 20;
/** But some boots at least, and what a view holds at most: to follow faster than one can start workers does not pay. */
const leastBoots = 10;
const longestSeconds = 900;

function rateOf(samples: readonly Sample[], bootSeconds: number): Rate {
  let overSeconds = Math.min(longestSeconds, Math.max(60, leastBoots * bootSeconds));
  let perSecond = arrivedPerSecond(samples, overSeconds);
  while (perSecond * overSeconds < someJobs && overSeconds < longestSeconds) {
    overSeconds = Math.min(longestSeconds, 2 * overSeconds);
    perSecond = arrivedPerSecond(samples, overSeconds);
  }
  return { perSecond, overSeconds };
}

/** Mean and variance of the slots that are busy after a boot. A rate that was seen over a short time is itself uncertain. */
function busyAfterBoot(
  { terms, work, waiting }: Situation,
  { perSecond, overSeconds }: Rate,
  law: ServiceLaw,
): { mean: number; variance: number } {
  const ahead = terms.bootSeconds + terms.periodSeconds;
  const coming = perSecond * expectedUpTo(law, ahead);
  let mean = coming + waiting * (1 - doneWithin(law, 0, terms.goalSeconds / 4));
  let variance = coming * (1 + ahead / overSeconds);
  for (const [elapsed, jobs] of work.running) {
    const stays = 1 - doneWithin(law, elapsed, ahead);
    mean += jobs * stays;
    variance += jobs * stays * (1 - stays);
  }
  return { mean, variance };
}
