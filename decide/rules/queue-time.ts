/** Between two request queue times, step by step: HireFire's queue time and Judoscale's web queue time. */
import { problemsWithBand, stepOptions, stepsOf, wantInBand } from '../band.ts';
import type { RuleKind } from '../kinds.ts';
import { aggregationOptions, timeIn, titleOf } from '../requests.ts';
import { duration } from '../wording.ts';

export const queueTime: RuleKind = {
  use: 'queue-time',
  title: 'Request queue time',
  help: 'A step up when requests wait too long for a web process, a step down when they hardly wait.',
  options: [
    {
      name: 'minimumMs',
      label: 'Step down below',
      help: 'Requests that wait less than this need fewer processes.',
      type: 'number',
      unit: 'ms',
      minimum: 0,
      maximum: 60_000,
      default: 50,
    },
    {
      name: 'maximumMs',
      label: 'Step up above',
      help: 'Requests that wait longer than this need more processes.',
      type: 'number',
      unit: 'ms',
      minimum: 0,
      maximum: 60_000,
      default: 100,
    },
    ...aggregationOptions(),
    ...stepOptions,
  ],
  problems: (options) => problemsWithBand(options, 'minimumMs', 'maximumMs'),
  create: (options) => {
    const band = { low: Number(options.minimumMs), high: Number(options.maximumMs), ...stepsOf(options) };
    const metric = {
      title: titleOf('request queue time', options),
      of: (sample: Parameters<typeof timeIn>[0]) => timeIn(sample, 'queueTimeMs', 'queue-time', options),
      inWords: (ms: number) => duration(ms / 1000),
      missing: 'no meter gave request queue times',
    };
    return { want: (view) => wantInBand(view, band, metric) };
  },
};
