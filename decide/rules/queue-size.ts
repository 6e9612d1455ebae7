/**
 * So many jobs per process: ceil((waiting + running) / ratio). HireFire's job queue size, for those who come from there;
 * `wait-goal` needs no ratio that somebody must guess.
 *
 * Jobs that are due later do not count. With `decrementable` off the count does not fall before all jobs are done, as HireFire
 * does by default; on, it follows the ratio both ways, but never below the processes that are busy.
 */
import { busyCount, currentCount } from '../formation.ts';
import type { RuleKind } from '../kinds.ts';
import { countByRatio, keptUntilDone } from '../ratio.ts';
import { number } from '../wording.ts';
import type { Sample } from '../words.ts';
import { sum, workNow } from '../work.ts';

export const queueSize: RuleKind = {
  use: 'queue-size',
  title: 'Queue size',
  help: 'One process for so many jobs that wait or run.',
  options: [
    {
      name: 'ratio',
      label: 'Jobs per process',
      help: 'How many jobs one process is to have before a second one starts.',
      type: 'number',
      unit: 'jobs',
      minimum: 0.001,
      maximum: 1_000_000_000,
    },
    {
      name: 'decrementable',
      label: 'Follow the ratio down',
      help: 'Off: the count falls only when all jobs are done.',
      type: 'boolean',
      default: true,
    },
  ],
  create: (options) => ({
    want(view) {
      const size = sizeOf(view.samples);
      if (size === undefined) return { unknown: 'no meter gave a number of jobs' };
      const ratio = Number(options.ratio);
      const byRatio = countByRatio(size, ratio);
      const reason = `${number(size)} jobs wait or run, one process for ${number(ratio)}`;
      const current = currentCount(view.processes);
      const kept = options.decrementable ? byRatio : keptUntilDone(size, current, byRatio);
      if (kept > byRatio) return { count: kept, reason: `${reason}; the count stays until all are done` };
      const busy = Math.min(current, busyCount(view));
      if (busy > byRatio) return { count: busy, reason: `${reason}; ${number(busy)} are busy and stay` };
      return { count: byRatio, reason };
    },
  }),
};

/** An info endpoint's bare number counts as jobs, unless it says that it is a time. */
function sizeOf(samples: readonly Sample[]): number | undefined {
  const work = workNow(samples);
  if (work) return work.waiting + (work.running ?? 0);
  const values = (samples.at(-1)?.readings ?? []).flatMap((reading) =>
    reading.kind === 'value' && (reading.unit === undefined || reading.unit === 'jobs')
      ? [reading.value]
      : [],
  );
  return values.length > 0
    ? Math.max(
        0,
        sum(values, (value) => value),
      )
    : undefined;
}
