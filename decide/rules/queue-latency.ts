/**
 * Between two waits, step by step: HireFire's job queue latency and Judoscale's queue time of jobs. The wait is that of the oldest
 * job. For those who come from there; `wait-goal` starts as many as are needed at once, and has one number instead of four.
 */
import { problemsWithBand, stepOptions, stepsOf, wantInBand } from '../band.ts';
import { currentCount } from '../formation.ts';
import type { RuleKind } from '../kinds.ts';
import { valueIn } from '../requests.ts';
import { duration } from '../wording.ts';
import type { Sample, View, Wanted } from '../words.ts';
import { workNow } from '../work.ts';

export const queueLatency: RuleKind = {
  use: 'queue-latency',
  title: 'Queue latency',
  help: 'A step up when the oldest job waits too long, a step down when it waits hardly at all.',
  options: [
    {
      name: 'minimumSeconds',
      label: 'Step down below',
      help: 'When the oldest job waits less than this, there are too many processes.',
      type: 'number',
      unit: 's',
      minimum: 0,
      maximum: 604_800,
    },
    {
      name: 'maximumSeconds',
      label: 'Step up above',
      help: 'When the oldest job waits longer than this, there are too few.',
      type: 'number',
      unit: 's',
      minimum: 0,
      maximum: 604_800,
    },
    {
      name: 'startOnFirstJob',
      label: 'Start on the first job',
      help: 'With no process at all, start at the first job and do not let it wait for the threshold.',
      type: 'boolean',
      default: true,
    },
    ...stepOptions,
  ],
  problems: (options) => problemsWithBand(options, 'minimumSeconds', 'maximumSeconds'),
  create: (options) => {
    const band = {
      low: Number(options.minimumSeconds),
      high: Number(options.maximumSeconds),
      ...stepsOf(options),
    };
    const metric = {
      title: 'the oldest job has waited',
      of: latencyIn,
      inWords: duration,
      missing: 'no meter gave the wait of the oldest job',
    };
    return {
      want: (view) =>
        (options.startOnFirstJob ? firstJob(view) : undefined) ?? wantInBand(view, band, metric),
    };
  },
};

function latencyIn(sample: Sample): number | undefined {
  const work = workNow([sample]);
  const given = valueIn(sample, (name, unit) => name === 'latency' || unit === 's');
  const known = work && (work.waiting === 0 ? 0 : work.oldestSeconds);
  return known === undefined || given === undefined ? (known ?? given) : Math.max(known, given);
}

/** Where only a latency is known, any wait means that there is a job. */
function firstJob({ samples, processes }: View): Wanted | undefined {
  const newest = samples.at(-1);
  if (!newest || currentCount(processes) > 0) return undefined;
  const waits = (workNow([newest])?.waiting ?? 0) > 0 || (latencyIn(newest) ?? 0) > 0;
  return waits ? { count: 1, reason: 'a job waits and no process is there' } : undefined;
}
