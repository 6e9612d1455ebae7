/**
 * While most jobs fail, the count does not rise: jobs that fail at once empty a queue quickly, and that is no work done. More
 * workers would fail faster, and press harder on whatever is broken. It does not fall by this either, since the rules
 * decide that, and one process stays possible, or nobody could find out that the storm is over.
 */
import { currentCount } from '../formation.ts';
import type { LimitKind } from '../kinds.ts';
import { duration, number } from '../wording.ts';
import type { Sample } from '../words.ts';
import { grownBy, queuePairs, sum } from '../work.ts';

export const errorStorm: LimitKind = {
  use: 'error-storm',
  title: 'Error storm',
  help: 'While most jobs fail the count does not rise. It needs a meter that counts failed jobs.',
  options: [
    {
      name: 'failedPercent',
      label: 'Failing',
      help: 'The part of the finished jobs from which it is a storm.',
      type: 'number',
      unit: '%',
      minimum: 1,
      maximum: 100,
      default: 50,
    },
    {
      name: 'windowSeconds',
      label: 'Look back',
      help: 'Over which time jobs are counted.',
      type: 'number',
      unit: 's',
      minimum: 5,
      maximum: 900,
      default: 60,
    },
    {
      name: 'leastJobs',
      label: 'Of at least',
      help: 'Fewer finished jobs than this say nothing.',
      type: 'number',
      unit: 'jobs',
      minimum: 1,
      maximum: 1_000_000,
      default: 20,
    },
  ],
  create: ({ failedPercent, windowSeconds, leastJobs }) => ({
    apply(count, view, now) {
      const current = currentCount(view.processes);
      const kept = Math.max(1, current);
      if (count <= kept) return { count };
      const { failed, finished } = outcomes(view.samples, now - Number(windowSeconds) * 1000, now);
      if (finished < Number(leastJobs) || failed * 100 < finished * Number(failedPercent)) return { count };
      const share = `${number(failed)} of ${number(finished)} jobs failed in the last ${duration(Number(windowSeconds))}`;
      return { count: kept, reason: `${share}, and more workers would only fail faster` };
    },
  }),
};

/** Only where both are counted: without the one the other says nothing. */
function outcomes(samples: readonly Sample[], from: number, now: number) {
  const seen = samples.filter(({ at }) => at >= from && at <= now);
  const grown = seen.slice(1).flatMap((sample, place) => {
    const before = seen[place];
    return (before ? queuePairs(before, sample) : []).flatMap(([earlier, later]) => {
      const failed = grownBy(earlier.failedTotal, later.failedTotal);
      const finished = grownBy(earlier.finishedTotal, later.finishedTotal);
      return failed === undefined || finished === undefined ? [] : [{ failed, finished }];
    });
  });
  return { failed: sum(grown, ({ failed }) => failed), finished: sum(grown, ({ finished }) => finished) };
}
