/** Between two loads, step by step: HireFire's load (100 there is 1 here) and CPU, Judoscale's utilisation. */
import { problemsWithBand, stepOptions, stepsOf, wantInBand } from '../band.ts';
import type { RuleKind } from '../kinds.ts';
import { valueIn } from '../requests.ts';
import { number } from '../wording.ts';
import type { Sample } from '../words.ts';

export const load: RuleKind = {
  use: 'load',
  title: 'Load',
  help: 'A step up when the processes are too busy, a step down when they are idle. In the unit of the meter: load or per cent.',
  options: [
    {
      name: 'minimum',
      label: 'Step down below',
      help: 'Processes that are less busy than this are too many.',
      type: 'number',
      minimum: 0,
      maximum: 10_000,
    },
    {
      name: 'maximum',
      label: 'Step up above',
      help: 'Processes that are busier than this are too few. A load of 1 is one busy core.',
      type: 'number',
      minimum: 0,
      maximum: 10_000,
    },
    ...stepOptions,
  ],
  problems: (options) => problemsWithBand(options, 'minimum', 'maximum'),
  create: (options) => {
    const band = { low: Number(options.minimum), high: Number(options.maximum), ...stepsOf(options) };
    const metric = {
      title: 'the load is',
      of: (sample: Sample) => valueIn(sample, (_name, unit) => unit === 'load' || unit === '%'),
      inWords: number,
      missing: 'no meter gave a load',
    };
    return { want: (view) => wantInBand(view, band, metric) };
  },
};
