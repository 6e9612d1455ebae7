/**
 * As many processes as bring a value to its target: ceil(processes * value / target), the formula of the Kubernetes horizontal
 * autoscaler, for any number that falls when processes are added.
 *
 * Only processes that are up count for a raise, as there: one that boots has not lowered the value yet, and counting it
 * would answer the same need again at each checkup of its boot. Within the tolerance nothing moves.
 */
import { busyCount, currentCount } from '../formation.ts';
import type { RuleKind } from '../kinds.ts';
import type { Options } from '../options.ts';
import { countByRatio } from '../ratio.ts';
import { valueIn } from '../requests.ts';
import { number } from '../wording.ts';
import type { Refusal, View, Wanted } from '../words.ts';

export const target: RuleKind = {
  use: 'target',
  title: 'Target value',
  help: 'As many processes as bring a measured value to its target.',
  options: [
    {
      name: 'target',
      label: 'Target',
      help: 'What one process is to have, in the unit of the value.',
      type: 'number',
      minimum: 0.000_001,
      maximum: 1_000_000_000_000,
    },
    {
      name: 'name',
      label: 'Name of the value',
      help: 'Which of the measured values; without it the largest of them.',
      type: 'text',
      optional: true,
    },
    {
      name: 'value',
      label: 'What the value is',
      help: 'mean: of one process, as a CPU share. total: of all together, as a number of messages.',
      type: 'text',
      choices: ['mean', 'total'],
      default: 'mean',
    },
    {
      name: 'tolerancePercent',
      label: 'Tolerance',
      help: 'So far from the target nothing moves.',
      type: 'number',
      unit: '%',
      minimum: 0,
      maximum: 100,
      default: 10,
    },
  ],
  create: (options) => ({ want: (view) => want(options, view) }),
};

function want(options: Options, view: View): Wanted | Refusal {
  const newest = view.samples.at(-1);
  const value = newest && valueIn(newest, (name) => options.name === undefined || options.name === name);
  if (value === undefined)
    return { unknown: `no meter gave a value${options.name ? ` named "${options.name}"` : ''}` };
  const goal = Number(options.target);
  const current = currentCount(view.processes);
  const count = options.value === 'total' ? countByRatio(value, goal) : byMean(value / goal, current, view);
  const said = `the value is ${number(value)}, the target ${number(goal)}`;
  const ratio = current > 0 && options.value === 'total' ? value / goal / current : value / goal;
  if (current > 0 && Math.abs(ratio - 1) <= Number(options.tolerancePercent) / 100 + 1e-9)
    return { count: current, reason: `${said}: near enough` };
  const busy = Math.min(current, busyCount(view));
  return busy > count
    ? { count: busy, reason: `${said}; ${number(busy)} are busy and stay` }
    : { count, reason: said };
}

function byMean(ratio: number, current: number, { processes }: View): number {
  if (current === 0) return ratio > 0 ? 1 : 0;
  const up = processes.filter(({ state }) => state === 'up').length;
  if (ratio > 1) return Math.max(current, countByRatio(up * ratio, 1));
  return Math.min(current, countByRatio(up * Math.max(0, ratio), 1) + (current - up));
}
