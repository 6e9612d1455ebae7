/**
 * The decision: rules propose, limits change, and every step is written down.
 *
 *   rules (the largest need wins, or a formula) -> the limits in the order of the registry, bounds and a hold near its end
 *
 * The reasons form a chain: the first leads away from the current count, each begins where the one before it ended, the
 * last one ends at the desired count. So every number can be accounted for.
 *
 * Unknown (a newest reading is unknown, nothing was measured, a rule refuses or cannot be used) is never zero: the count then
 * does not fall, unless the current count is above the maximum or a person holds another number; both are somebody's
 * word, not a guess. A hold wins over the bounds, a pause over everything. A manager without rules keeps its count, within
 * bounds. Where workers can be told to take no new jobs, drain-first applies whether it is listed or not. The alternative, a weighted mean of the rules, was rejected: a mean keeps no promise.
 */
import { readFormula, ruleNames } from './combine.ts';
import { currentCount } from './formation.ts';
import { createLimit, createRule, limits as kinds } from './registry.ts';
import { number } from './wording.ts';
import type { Choice, Decision, Limit, Manager, Reason, View } from './words.ts';
import { unknownsIn } from './work.ts';

export function decide(manager: Manager, view: View, now: number): Decision {
  const current = currentCount(view.processes);
  const proposals = manager.rules.map((choice) => ask(choice, view, now));
  const chosen = chosenLimits(manager, view);
  const unread = unknownsIn(view.samples);
  const refusals = proposals.flatMap((proposal) => (proposal.kind === 'refused' ? [proposal.why] : []));
  // A rule that refuses for want of a reading has nothing to add to why there is none.
  const formula = manager.combine === undefined ? undefined : combined(manager.combine, proposals);
  const incomputable = formula && 'why' in formula && refusals.length === 0 ? [formula.why] : [];
  const unknowns = [...(unread.length > 0 ? unread : refusals), ...incomputable, ...chosen.problems];
  const reasons = manager.paused
    ? [{ by: 'paused', from: current, to: current, text: 'the manager is paused' }]
    : limited(
        propose(proposals, formula, current),
        limitsInOrder(manager, chosen.limits, unknowns, now),
        view,
        now,
      );
  const desired = reasons.at(-1)?.to ?? current;
  return { at: now, current, desired, reasons, unknown: unknowns.length > 0 };
}

type Proposal =
  | { readonly kind: 'wanted'; readonly by: string; readonly count: number; readonly text: string }
  | { readonly kind: 'refused'; readonly by: string; readonly why: string };

function ask(choice: Choice, view: View, now: number): Proposal {
  const rule = made(createRule, choice);
  if ('problem' in rule) return { kind: 'refused', by: choice.use, why: rule.problem };
  const wanted = rule.made.want(view, now);
  if ('unknown' in wanted) return { kind: 'refused', by: choice.use, why: wanted.unknown };
  if (!Number.isFinite(wanted.count))
    return { kind: 'refused', by: choice.use, why: `${choice.use} came to no number` };
  const count = Math.max(0, Math.ceil(wanted.count));
  return { kind: 'wanted', by: choice.use, count, text: wanted.reason };
}

type Formula = { readonly count: number; readonly text: string } | { readonly why: string };

/** What the manager's formula makes of the proposals. It needs every rule that it names. */
function combined(combine: string, proposals: readonly Proposal[]): Formula {
  const names = ruleNames(proposals.map(({ by }) => by));
  const formula = readFormula(combine, names);
  if (!formula.ok) return { why: `the formula "${combine}" cannot be read: ${formula.problem}` };
  const counts = new Map(
    proposals.flatMap((each, place) =>
      each.kind === 'wanted' ? [[names[place] ?? each.by, each.count] as const] : [],
    ),
  );
  const value = formula.value(counts);
  if (!Number.isFinite(value)) return { why: `the formula "${combine}" comes to no number` };
  const count = Math.max(0, Math.ceil(value - 1e-9));
  const given = formula.names.map((name) => `${name} ${number(counts.get(name) ?? 0)}`);
  const from = given.length > 0 ? ` with ${given.join(' and ')}` : '';
  return { count, text: `${combine} comes to ${number(count)}${from}` };
}

/** What leads the chain comes first: the formula or the largest need. What the other rules said follows and changes nothing. */
function propose(proposals: readonly Proposal[], formula: Formula | undefined, current: number): Reason[] {
  const wanted = proposals
    .filter((proposal) => proposal.kind === 'wanted')
    .toSorted((a, b) => b.count - a.count);
  const refused = proposals.filter((proposal) => proposal.kind === 'refused');
  const base = leading(formula, wanted[0]?.count, current);
  const lead = formula
    ? [{ by: 'combine', from: current, to: base, text: 'why' in formula ? formula.why : formula.text }]
    : wanted.slice(0, 1).map(({ by, text }) => ({ by, from: current, to: base, text }));
  const others = wanted
    .slice(formula ? 0 : 1)
    .map(({ by, count, text }) => ({ by, from: base, to: base, text: `wants ${number(count)}: ${text}` }));
  const silent = refused.map(({ by, why }) => ({
    by,
    from: base,
    to: base,
    text: `${by} cannot tell: ${why}`,
  }));
  const reasons = [...lead, ...others, ...silent];
  if (reasons.length > 0) return reasons;
  return [{ by: 'no rule', from: current, to: current, text: 'there is no rule, so the count stays' }];
}

function leading(formula: Formula | undefined, largest: number | undefined, current: number): number {
  if (formula) return 'why' in formula ? current : formula.count;
  return largest ?? current;
}

interface NamedLimit {
  readonly by: string;
  readonly limit: Limit;
}

function limited(first: readonly Reason[], limits: readonly NamedLimit[], view: View, now: number): Reason[] {
  const reasons = [...first];
  for (const { by, limit } of limits) {
    const from = reasons.at(-1)?.to ?? 0;
    const { count, reason } = limit.apply(from, view, now);
    if (reason === undefined && count === from) continue;
    reasons.push({ by, from, to: count, text: reason ?? `${by} says so` });
  }
  return reasons;
}

/** Those that the manager lists; what cannot be used makes the decision unknown, for nobody can say what it would do. */
function chosenLimits({ limits }: Manager, view: View): { limits: NamedLimit[]; problems: string[] } {
  const listed = [...limits, ...gentle(limits, view)]
    .filter(({ use }) => !kinds.some((kind) => kind.use === use && kind.always))
    .map((choice) => ({ by: choice.use, result: made(createLimit, choice) }));
  return {
    limits: listed.flatMap(({ by, result }) => ('made' in result ? [{ by, limit: result.made }] : [])),
    problems: listed.flatMap(({ result }) => ('problem' in result ? [result.problem] : [])),
  };
}

/** Nobody who can be asked first is fired with a job in hand, unless the manager says otherwise (docs/decisions/004). */
function gentle(limits: Manager['limits'], { leaving }: View): Choice[] {
  const isListed = limits.some(({ use }) => use === 'drain-first');
  return leaving !== undefined && !isListed ? [{ use: 'drain-first', options: {} }] : [];
}

function limitsInOrder(
  { minimum, maximum, hold }: Manager,
  chosen: readonly NamedLimit[],
  unknowns: readonly string[],
  now: number,
): NamedLimit[] {
  const other = Object.assign({}, ...chosen.map(({ limit }) => limit.boundsAt?.(now)));
  const always: Choice[] = [
    { use: 'bounds', options: { minimum, maximum, ...other } },
    ...(unknowns.length > 0 ? [{ use: 'hold-on-unknown', options: { why: unknowns.join('; ') } }] : []),
    ...(hold ? [{ use: 'hold', options: { ...hold } }] : []),
  ];
  const all = [...chosen, ...always.map((choice) => ({ by: choice.use, limit: createLimit(choice) }))];
  return kinds.flatMap(({ use }) => all.filter(({ by }) => by === use));
}

function made<T>(create: (choice: Choice) => T, choice: Choice): { made: T } | { problem: string } {
  try {
    return { made: create(choice) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
