/** Between two response times, step by step: HireFire's response time and connect time, by the router or by New Relic. */
import { problemsWithBand, stepOptions, stepsOf, wantInBand } from '../band.ts';
import type { RuleKind } from '../kinds.ts';
import { aggregationOptions, timeIn, titleOf } from '../requests.ts';
import { duration } from '../wording.ts';

export const responseTime: RuleKind = {
  use: 'response-time',
  title: 'Response time',
  help: 'A step up when answers take too long, a step down when they are quick. More processes do not mend a slow query.',
  options: [
    {
      name: 'minimumMs',
      label: 'Step down below',
      help: 'Answers that take less than this need fewer processes.',
      type: 'number',
      unit: 'ms',
      minimum: 0,
      maximum: 60_000,
    },
    {
      name: 'maximumMs',
      label: 'Step up above',
      help: 'Answers that take longer than this need more processes.',
      type: 'number',
      unit: 'ms',
      minimum: 0,
      maximum: 60_000,
    },
    ...aggregationOptions(),
    ...stepOptions,
  ],
  problems: (options) => problemsWithBand(options, 'minimumMs', 'maximumMs'),
  create: (options) => {
    const band = { low: Number(options.minimumMs), high: Number(options.maximumMs), ...stepsOf(options) };
    const metric = {
      title: titleOf('response time', options),
      of: (sample: Parameters<typeof timeIn>[0]) =>
        timeIn(sample, 'responseTimeMs', 'response-time', options),
      inWords: (ms: number) => duration(ms / 1000),
      missing: 'no meter gave response times',
    };
    return { want: (view) => wantInBand(view, band, metric) };
  },
};
