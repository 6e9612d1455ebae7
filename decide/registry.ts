/**
 * Every rule and every limit, one line each. The order of `limits` is the order in which they apply: what keeps from
 * falling first, then the brakes and what slows down, then the bounds, then what must not be passed for the sake of
 * others or of the bill, and a person's word. Whatever made the number fall, nobody is let go with a job in hand, so
 * drain-first has the last word. An order that each manager sets for itself was rejected: two managers with
 * the same limits would then decide differently.
 */
import { problemsWith, resolve } from './choice.ts';
import { readFormula, ruleNames } from './combine.ts';
import type { LimitKind, RuleKind } from './kinds.ts';
import { bounds } from './limits/bounds.ts';
import { budget } from './limits/budget.ts';
import { cooldown } from './limits/cooldown.ts';
import { downstream } from './limits/downstream.ts';
import { drainFirst } from './limits/drain-first.ts';
import { errorStorm } from './limits/error-storm.ts';
import { fallback } from './limits/fallback.ts';
import { flap } from './limits/flap.ts';
import { hold } from './limits/hold.ts';
import { holdOnUnknown } from './limits/hold-on-unknown.ts';
import { noGain } from './limits/no-gain.ts';
import { schedule } from './limits/schedule.ts';
import { stabilise } from './limits/stabilise.ts';
import { step } from './limits/step.ts';
import { apdex } from './rules/apdex.ts';
import { load } from './rules/load.ts';
import { queueLatency } from './rules/queue-latency.ts';
import { queueSize } from './rules/queue-size.ts';
import { queueTime } from './rules/queue-time.ts';
import { queueTimeGoal } from './rules/queue-time-goal.ts';
import { requestsPerMinute } from './rules/requests-per-minute.ts';
import { responseTime } from './rules/response-time.ts';
import { target } from './rules/target.ts';
import { waitGoal } from './rules/wait-goal.ts';
import type { Choice, Limit, Manager, Rule } from './words.ts';

export type { LimitKind, RuleKind } from './kinds.ts';

export const rules: readonly RuleKind[] = [
  waitGoal, //
  queueSize,
  queueTimeGoal,
  apdex,
  load,
  queueLatency,
  queueTime,
  requestsPerMinute,
  responseTime,
  target,
];

export const limits: readonly LimitKind[] = [
  holdOnUnknown, //
  fallback,
  errorStorm,
  noGain,
  flap,
  stabilise,
  step,
  cooldown,
  schedule,
  bounds,
  downstream,
  budget,
  hold,
  drainFirst,
];

/** @throws HeadcountError ADAPTER_UNKNOWN, OPTION_INVALID */
export function createRule(choice: Choice): Rule {
  const { kind, options } = resolve('rule', rules, choice);
  return kind.create(options);
}

/** @throws HeadcountError ADAPTER_UNKNOWN, OPTION_INVALID */
export function createLimit(choice: Choice): Limit {
  const { kind, options } = resolve('limit', limits, choice);
  return kind.create(options);
}

/** What is wrong with a manager, each as a sentence without its full stop; to be asked when one is saved. */
export function checkManager(manager: Manager): string[] {
  return [
    ...manager.rules.flatMap((choice) => problemsWith('rule', rules, choice)),
    ...manager.limits.flatMap((choice) => problemsWith('limit', limits, choice)),
    ...manager.limits.flatMap(({ use }) => problemWithAlways(use)),
    ...problemsWithFormula(manager),
    ...problemsWithCount('minimum', manager.minimum),
    ...problemsWithCount('maximum', manager.maximum),
    ...(manager.minimum > manager.maximum
      ? [`the minimum (${manager.minimum}) is above the maximum (${manager.maximum})`]
      : []),
    ...(manager.hold ? problemsWithCount('hold', manager.hold.count) : []),
  ];
}

function problemWithAlways(use: string): string[] {
  const always = limits.some((kind) => kind.use === use && kind.always);
  return always ? [`limit "${use}" is always on and cannot be listed: remove it from the limits`] : [];
}

function problemsWithFormula({ combine, rules: chosen }: Manager): string[] {
  if (combine === undefined) return [];
  const formula = readFormula(combine, ruleNames(chosen.map(({ use }) => use)));
  return formula.ok ? [] : [`combine: ${formula.problem}`];
}

function problemsWithCount(name: string, count: number): string[] {
  return Number.isInteger(count) && count >= 0
    ? []
    : [`the ${name} must be a whole number from 0, not ${count}`];
}
