/**
 * At most so many processes up or down in one decision, as a number, as a part of what is there, or both: then the larger of
 * the two holds, as with Kubernetes. A part is at least one process, or nothing could ever begin.
 */
import { currentCount } from '../formation.ts';
import type { LimitKind } from '../kinds.ts';
import type { OptionSpec } from '../options.ts';
import { number } from '../wording.ts';
import type { OptionValue } from '../words.ts';

const processes = { type: 'number', unit: 'processes', minimum: 1, maximum: 10_000, optional: true } as const;
const percent = { type: 'number', unit: '%', minimum: 1, maximum: 10_000, optional: true } as const;

const options: readonly OptionSpec[] = [
  {
    name: 'maxUp',
    label: 'Most to start at once',
    help: 'Set it where the platform or a database cannot take many new processes at a time.',
    ...processes,
  },
  {
    name: 'maxDown',
    label: 'Most to stop at once',
    help: 'Set it to let processes go gradually; it costs idle time.',
    ...processes,
  },
  {
    name: 'maxUpPercent',
    label: 'Most to start at once, in per cent',
    help: 'Of the processes that are there: 100 at most doubles them. With a number as well the larger holds.',
    ...percent,
  },
  {
    name: 'maxDownPercent',
    label: 'Most to stop at once, in per cent',
    help: 'Of the processes that are there: 50 at most halves them. With a number as well the larger holds.',
    ...percent,
    maximum: 100,
  },
];

export const step: LimitKind = {
  use: 'step',
  title: 'Step',
  help: 'At most so many processes are started or stopped by one decision; a direction that is left out is free.',
  options,
  create: ({ maxUp, maxDown, maxUpPercent, maxDownPercent }) => ({
    apply(count, view) {
      const current = currentCount(view.processes);
      const up = count > current;
      const most = up ? widest(current, maxUp, maxUpPercent) : widest(current, maxDown, maxDownPercent);
      if (most === undefined || Math.abs(count - current) <= most.count) return { count };
      const kept = up ? current + most.count : current - most.count;
      return {
        count: kept,
        reason: `at most ${number(most.count)} ${up ? 'more' : 'fewer'} at once${most.of}`,
      };
    },
  }),
};

/** Nothing when neither is given. */
function widest(
  current: number,
  given: OptionValue | undefined,
  share: OptionValue | undefined,
): { count: number; of: string } | undefined {
  const fixed = given === undefined ? 0 : Math.floor(Number(given));
  const part = share === undefined ? 0 : Math.max(1, Math.floor((current * Number(share)) / 100));
  if (fixed === 0 && part === 0) return undefined;
  if (fixed >= part) return { count: fixed, of: '' };
  return { count: part, of: ` (${number(Number(share))} % of ${number(current)})` };
}
