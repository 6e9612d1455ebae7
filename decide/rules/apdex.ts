/**
 * Between two Apdex scores, step by step: more processes below the lower one, fewer above the upper one. From response times it
 * is worked out here, with requests that failed as frustrated; a value named "apdex", as New Relic gives it, is taken as it is. No request at all means that nobody waits.
 */
import { problemsWithBand, stepOptions, stepsOf, wantInBand } from '../band.ts';
import { apdexOf } from '../histogram.ts';
import type { RuleKind } from '../kinds.ts';
import { answersIn, valueIn } from '../requests.ts';
import { number } from '../wording.ts';
import type { Sample } from '../words.ts';

export const apdex: RuleKind = {
  use: 'apdex',
  title: 'Apdex',
  help: 'A step up when too few requests are answered well, a step down when nearly all are.',
  options: [
    {
      name: 'satisfiedMs',
      label: 'A good answer within',
      help: 'Answers within this time satisfy, within four times of it they are tolerated; not used where a meter gives the score.',
      type: 'number',
      unit: 'ms',
      minimum: 1,
      maximum: 60_000,
      default: 500,
    },
    {
      name: 'minimum',
      label: 'Step up below',
      help: 'A score from 0 to 1; HireFire writes 0.85 as 85.',
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.85,
    },
    {
      name: 'maximum',
      label: 'Step down above',
      help: 'A score from 0 to 1, at least the other one.',
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.95,
    },
    ...stepOptions,
  ],
  problems: (options) => problemsWithBand(options, 'minimum', 'maximum'),
  create: (options) => {
    const band = {
      low: Number(options.minimum),
      high: Number(options.maximum),
      inverted: true as const,
      ...stepsOf(options),
    };
    const metric = {
      title: 'the Apdex is',
      of: (sample: Sample) => scoreIn(sample, Number(options.satisfiedMs)),
      inWords: number,
      missing: 'no meter gave response times or an Apdex',
    };
    return { want: (view) => wantInBand(view, band, metric) };
  },
};

function scoreIn(sample: Sample, satisfiedMs: number): number | undefined {
  const given = valueIn(sample, (name) => name === 'apdex');
  if (given !== undefined) return given;
  const answers = answersIn(sample);
  return answers && (apdexOf(answers.times, satisfiedMs, answers.failedCount) ?? 1);
}
