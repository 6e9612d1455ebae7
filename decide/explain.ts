/**
 * A decision in words: one sentence, or the whole chain line by line. The sentence begins with the outcome and what led to it,
 * then tells each limit that changed the number and each that has something to say without changing it (a budget that nears
 * its end). What the rules wanted that did not lead stands in the chain only.
 */
import { limits } from './registry.ts';
import { number } from './wording.ts';
import type { Decision, Reason } from './words.ts';

/** "worker: 5 instead of 3 because 1,240 wait, the oldest 18 s of a goal of 30 s; limited by bounds from 7 to 5: the maximum is 5" */
export function explain(decision: Decision, processType?: string): string {
  const { current, desired, reasons } = decision;
  const [first, ...rest] = reasons;
  const head =
    desired === current ? `stays at ${number(current)}` : `${number(desired)} instead of ${number(current)}`;
  const because = first ? ` because ${first.text}` : '';
  return `${processType ? `${processType}: ` : ''}${head}${because}${rest.map(clause).join('')}`;
}

/** One line for the change, then one for each reason in order: who, from, to, why. */
export function explainChain(decision: Decision, processType?: string): string {
  const { current, desired, reasons } = decision;
  const steps = reasons.map(({ from, to }) =>
    from === to ? `= ${number(to)}` : `${number(from)} -> ${number(to)}`,
  );
  const byWidth = Math.max(0, ...reasons.map(({ by }) => by.length));
  const stepWidth = Math.max(0, ...steps.map((step) => step.length));
  const head = `${processType ? `${processType}: ` : ''}${number(current)} -> ${number(desired)}`;
  const lines = reasons.map(
    ({ by, text }, index) => `  ${by.padEnd(byWidth)}  ${(steps[index] ?? '').padEnd(stepWidth)}  ${text}`,
  );
  return [head + (decision.unknown ? ' (something is unknown)' : ''), ...lines].join('\n');
}

function clause({ by, from, to, text }: Reason): string {
  if (from === to) return limits.some(({ use }) => use === by) ? `; ${text}` : '';
  return `; ${to < from ? 'limited' : 'raised'} by ${by} from ${number(from)} to ${number(to)}: ${text}`;
}
