/**
 * What needs a person: watched from checkup to checkup, opened when it lasts and resolved when it stays away.
 *
 * An issue opens only after its condition has held for a while, and is resolved only after it was gone for a while, so a
 * number that trembles around a limit makes one issue and not forty. Telling of every checkup that something is unknown
 * was rejected: a broker that restarts for ten seconds needs nobody. Pure: what was seen goes in, what changed comes out.
 */
import { duration } from '../decide/wording.ts';
import type { Decision, Process } from '../decide/words.ts';

export const issueKinds = [
  'unknown',
  'refused',
  'crashed',
  'late',
  'maximum',
  'flapping',
  'braked',
  'budget',
] as const;

export type IssueKind = (typeof issueKinds)[number];
export type Severity = 'critical' | 'warning' | 'info';

/** What a person can do about an issue of a kind. */
export const todos: Readonly<Record<IssueKind, string>> = {
  unknown: 'See that what the meter asks is up and lets it in; the number is held until it answers again.',
  refused: "Look at the platform's own page: its limits, its bill, and the key that is used here.",
  crashed: 'Read the log of the process, mend it and deploy. More workers would crash the same way.',
  late: 'Raise the maximum, make the jobs shorter, or accept a longer goal.',
  maximum: 'Raise the maximum, or make the jobs shorter.',
  flapping: 'A longer cooldown or stabilisation calms it.',
  braked: 'Mend what the limit speaks of; it lets go by itself.',
  budget: 'Raise the budget of the month, or accept longer waits until it ends.',
};

/** What a checkup saw of one manager. */
export interface Seen {
  readonly at: number;
  readonly maximum: number;
  readonly paused: boolean;
  readonly decision?: Decision;
  /** Oldest first, up to the last hour. */
  readonly decisions: readonly Decision[];
  readonly processes?: readonly Process[];
  /** Why something is unknown. */
  readonly unknown?: string;
  /** Why the fleet refused. */
  readonly refused?: string;
  readonly oldestSeconds?: number;
  /** Of the rule that promises a wait. */
  readonly goalSeconds?: number;
}

/** A condition that holds, or did until lately. Open from `openedAt` on. */
export interface Issue {
  readonly kind: IssueKind;
  readonly severity: Severity;
  readonly title: string;
  readonly text: string;
  readonly since: number;
  readonly openedAt?: number;
  readonly seenAt: number;
}

export interface Followed {
  readonly issues: readonly Issue[];
  readonly opened: readonly Issue[];
  readonly resolved: readonly Issue[];
}

interface Condition {
  readonly kind: IssueKind;
  readonly severity: Severity;
  /** How long it holds before it is an issue. */
  readonly opensAfterMs: number;
  holds(seen: Seen): Found | undefined;
}

interface Found {
  readonly title: string;
  readonly text: string;
}

const minuteMs = 60_000;
/** So long nothing may be seen of an issue before it is resolved. */
export const quietMs = 2 * minuteMs;
const flapWindowMs = 15 * minuteMs;
const flapTurns = 6;

const conditions: readonly Condition[] = [
  { kind: 'unknown', severity: 'warning', opensAfterMs: minuteMs, holds: unknown },
  { kind: 'refused', severity: 'critical', opensAfterMs: minuteMs / 2, holds: refused },
  { kind: 'crashed', severity: 'critical', opensAfterMs: minuteMs / 2, holds: crashed },
  { kind: 'late', severity: 'critical', opensAfterMs: 2 * minuteMs, holds: late },
  { kind: 'maximum', severity: 'warning', opensAfterMs: 10 * minuteMs, holds: atMaximum },
  { kind: 'flapping', severity: 'warning', opensAfterMs: 0, holds: flapping },
  { kind: 'braked', severity: 'warning', opensAfterMs: minuteMs, holds: braked },
  { kind: 'budget', severity: 'warning', opensAfterMs: 0, holds: overBudget },
];

/** Brings the issues of one manager up to what was just seen. */
export function follow(before: readonly Issue[], seen: Seen): Followed {
  const issues: Issue[] = [];
  const opened: Issue[] = [];
  const resolved: Issue[] = [];
  for (const condition of conditions) {
    const known = before.find(({ kind }) => kind === condition.kind);
    const now = next(condition, known, seen);
    if (now) issues.push(now);
    if (now?.openedAt === seen.at && known?.openedAt === undefined) opened.push(now);
    if (!now && known?.openedAt !== undefined) resolved.push(known);
  }
  return { issues, opened, resolved };
}

function next(condition: Condition, known: Issue | undefined, seen: Seen): Issue | undefined {
  const { kind, severity, opensAfterMs } = condition;
  const found = seen.paused && kind !== 'unknown' && kind !== 'crashed' ? undefined : condition.holds(seen);
  if (!found) return known?.openedAt !== undefined && seen.at - known.seenAt < quietMs ? known : undefined;
  const since = known?.since ?? seen.at;
  const openedAt = known?.openedAt ?? (seen.at - since >= opensAfterMs ? seen.at : undefined);
  return { kind, severity, ...found, since, seenAt: seen.at, ...(openedAt !== undefined && { openedAt }) };
}

function unknown({ unknown: why }: Seen): Found | undefined {
  return why === undefined
    ? undefined
    : { title: 'something cannot be measured, so it does not shrink', text: sentence(why) };
}

function refused({ refused: why }: Seen): Found | undefined {
  return why === undefined
    ? undefined
    : { title: 'the platform refuses the number of processes', text: sentence(why) };
}

function crashed({ processes = [] }: Seen): Found | undefined {
  const names = processes.filter(({ state }) => state === 'crashed').map(({ name }) => name);
  if (names.length === 0) return undefined;
  const shown = names.slice(0, 5).join(', ');
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return {
    title: names.length === 1 ? 'a process has crashed' : `${names.length} processes have crashed`,
    text: `${shown}${more}. Look at their logs.`,
  };
}

function late({ oldestSeconds, goalSeconds }: Seen): Found | undefined {
  if (oldestSeconds === undefined || goalSeconds === undefined || oldestSeconds <= goalSeconds)
    return undefined;
  return {
    title: `jobs wait longer than the goal of ${duration(goalSeconds)}`,
    text: `The oldest has waited ${duration(oldestSeconds)}.`,
  };
}

/** Also where the bound of the moment, of a schedule or a budget, is another than the manager's own. */
function atMaximum({ decision, maximum }: Seen): Found | undefined {
  const bound = decision?.reasons.find(({ by, from, to }) => by === 'bounds' && from > to);
  if (!decision || !bound || decision.current < Math.min(bound.to, maximum)) return undefined;
  return {
    title: `at the maximum of ${bound.to}`,
    text: `${bound.from} would be needed. Raise the maximum, or make the jobs shorter.`,
  };
}

function flapping({ at, decisions }: Seen): Found | undefined {
  const ways = decisions
    .filter((decision) => decision.at > at - flapWindowMs && decision.desired !== decision.current)
    .map(({ current, desired }) => Math.sign(desired - current));
  const turns = ways.filter((way, index) => index > 0 && way !== ways[index - 1]).length;
  if (turns < flapTurns) return undefined;
  return {
    title: 'the number of processes goes up and down',
    text: `It turned ${turns} times in 15 minutes. A longer cooldown or stabilisation calms it.`,
  };
}

function braked({ decision }: Seen): Found | undefined {
  const brakes = ['error-storm', 'no-gain', 'downstream'];
  const brake = decision?.reasons.find(({ by, from, to }) => brakes.includes(by) && from > to);
  return brake && { title: `the limit ${brake.by} holds it back`, text: sentence(brake.text) };
}

function overBudget({ decision }: Seen): Found | undefined {
  const reason = decision?.reasons.find(({ by }) => by === 'budget');
  return reason && { title: 'the budget of the month is nearly used up', text: sentence(reason.text) };
}

function sentence(text: string): string {
  const [first = ''] = text;
  return `${first.toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
