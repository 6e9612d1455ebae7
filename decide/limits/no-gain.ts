/**
 * Undoes a raise that raised nothing. Workers that wait for the same database, the same lock or the same rate limit finish no
 * more jobs when there are more of them; they cost more and press harder.
 *
 * It compares the jobs that were finished per second in a window before the raise with those in a window after the last new
 * worker was up, only when jobs waited all the time (else more workers had nothing to gain) and nothing else changed
 * meanwhile. With less than a tenth of the gain that more workers promise, the count goes back to what it was and stays there
 * for a while. Raises that follow each other closely count as one. The decision that undid it is the memory: nothing
 * is kept beside the view. It acts on what was counted: while anything is unknown it is silent.
 */
import { currentCount } from '../formation.ts';
import type { LimitKind } from '../kinds.ts';
import type { OptionSpec } from '../options.ts';
import { duration, number } from '../wording.ts';
import type { Decision, Limited, Sample, View } from '../words.ts';
import { grownBy, jobsIn, queuePairs, sum, unknownsIn } from '../work.ts';

const use = 'no-gain';

const options: readonly OptionSpec[] = [
  {
    name: 'windowSeconds',
    label: 'Compare over',
    help: 'Over which time finished jobs are counted before and after; long enough for some dozens of jobs.',
    type: 'number',
    unit: 's',
    minimum: 10,
    maximum: 300,
    default: 60,
  },
  {
    name: 'gainPercent',
    label: 'Least gain',
    help: 'Of the gain that as many more workers promise: half more workers promise half more finished jobs.',
    type: 'number',
    unit: '%',
    minimum: 1,
    maximum: 90,
    default: 10,
  },
  {
    name: 'retrySeconds',
    label: 'Try again after',
    help: 'How long the count then stays at most what it was before the raise.',
    type: 'number',
    unit: 's',
    minimum: 10,
    maximum: 1_800,
    default: 900,
  },
  {
    name: 'undo',
    label: 'Undo',
    help: 'No: the workers that gained nothing stay, only no more are added. For platforms that end jobs when they stop workers.',
    type: 'boolean',
    default: true,
  },
];

interface Terms {
  readonly windowMs: number;
  readonly gain: number;
  readonly retryMs: number;
  readonly undo: boolean;
}

export const noGain: LimitKind = {
  use,
  title: 'No gain',
  help: 'Workers that were added and did not raise the rate of finished jobs are let go again. It needs a count of finished jobs.',
  reach: 'cap',
  options,
  create(given) {
    const terms = {
      windowMs: Number(given.windowSeconds) * 1000,
      gain: Number(given.gainPercent) / 100,
      retryMs: Number(given.retrySeconds) * 1000,
      undo: given.undo === true,
    };
    return {
      apply(count, view, now) {
        if (unknownsIn(view.samples).length > 0) return { count };
        return stillUndone(count, view, now, terms) ?? judged(count, view, now, terms) ?? { count };
      },
    };
  },
};

/** From the decision that undid a raise until the time for the next try; those in between only keep to it. */
function stillUndone(
  count: number,
  { decisions }: View,
  now: number,
  { retryMs }: Terms,
): Limited | undefined {
  let undone: { at: number; most: number } | undefined;
  for (const { at, reasons } of decisions) {
    const said = reasons.find(({ by, from, to }) => by === use && from > to);
    if (said && at <= now && (!undone || at - undone.at >= retryMs)) undone = { at, most: said.to };
  }
  if (!undone || now - undone.at >= retryMs || count <= undone.most) return undefined;
  const left = duration((retryMs - (now - undone.at)) / 1000);
  return {
    count: undone.most,
    reason: `more than ${number(undone.most)} gained nothing, the next try in ${left}`,
  };
}

const leastPromise = 0.25;
const leastJobs = 30;

function judged(count: number, view: View, now: number, terms: Terms): Limited | undefined {
  const raise = lastRaise(view.decisions, now, 2 * terms.windowMs);
  const current = currentCount(view.processes);
  const settledAt = Math.max(0, ...view.processes.map(({ since }) => since));
  const settled = view.processes.every(({ state }) => state === 'up') && now - settledAt >= terms.windowMs;
  if (!raise || !settled || raise.from === 0 || current !== raise.to) return undefined;
  const most = terms.undo ? raise.from : current;
  const promised = raise.to / raise.from - 1;
  const before = finishing(view.samples, raise.at - terms.windowMs, raise.at);
  const after = finishing(view.samples, now - terms.windowMs, now);
  if (count <= most || promised < leastPromise || !before || !after || before.jobs < leastJobs)
    return undefined;
  if (after.perSecond / before.perSecond - 1 >= terms.gain * promised) return undefined;
  const rates = `${number(raise.to)} finish ${number(after.perSecond)} jobs/s and ${number(raise.from)} finished ${number(before.perSecond)}`;
  return {
    count: most,
    reason: `${rates}, so ${terms.undo ? 'those that were added go' : 'no more are added'}`,
  };
}

interface Raise {
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** The last change, when it was a raise, together with the raises closely before it. */
function lastRaise(decisions: readonly Decision[], now: number, gapMs: number): Raise | undefined {
  const changes = decisions.filter(({ at, desired, current }) => at <= now && desired !== current);
  let raise: Raise | undefined;
  for (const { at, current, desired } of changes.toReversed()) {
    if (desired < current || (raise && raise.at - at > gapMs)) break;
    raise = { at, from: current, to: raise?.to ?? desired };
  }
  return raise;
}

/** Finished jobs of a time in which jobs waited at every look; nothing when they did not, or when nobody counts. */
function finishing(
  samples: readonly Sample[],
  from: number,
  to: number,
): { jobs: number; perSecond: number } | undefined {
  const seen = samples.filter(({ at }) => at >= from && at <= to);
  const [first, last] = [seen[0], seen.at(-1)];
  const busy = seen.every((sample) => jobsIn(sample).some(({ waiting }) => waiting > 0));
  if (!first || !last || !busy || (last.at - first.at) * 2 < to - from) return undefined;
  const grown = queuePairs(first, last).map(([a, b]) => grownBy(a.finishedTotal, b.finishedTotal));
  if (grown.length === 0 || grown.includes(undefined)) return undefined;
  const jobs = sum(grown, (each) => each ?? 0);
  return { jobs, perSecond: (jobs * 1000) / (last.at - first.at) };
}
