/**
 * What the last days would have looked like under settings that are not saved: puts together what the store has recorded, and
 * asks the one who can play it. The simulator is handed in by whoever starts the controller: the server imports nothing
 * that is not needed to decide and scale (docs/decisions/007-what-if-is-handed-in.md).
 *
 * Recorded are checkups of the last six hours, minutes before that. Minutes stand for their middle.
 */
import type { Choice, Learned, Manager, Reading } from '../decide/words.ts';
import type { ManagerSettings, Point } from '../store/store.ts';
import type { Deps } from './request.ts';

/** Plays recorded work under two settings. Numbers that are absent were unknown. */
export type WhatIf = (asked: WhatIfAsked, pauses: WhatIfPauses) => Promise<WhatIfAnswer>;

export interface WhatIfAsked {
  /** Oldest first. */
  readonly points: readonly Point[];
  readonly present: Manager;
  readonly changed: Manager;
  readonly learned: Learned;
  /** Which members of a reading of jobs the meters tell. */
  readonly tells: readonly string[];
  /** Waits of which is asked who kept them, in seconds. */
  readonly goalsSeconds: readonly number[];
  /** Between two checkups. */
  readonly periodSeconds: number;
  readonly leaving: 'highest' | 'named';
}

/** It is played beside checkups: in pieces, with rests, and not for long. */
export interface WhatIfPauses {
  rest(): Promise<void>;
  nowMs(): number;
  readonly pieceMs: number;
  readonly budgetMs: number;
  readonly signal: AbortSignal;
}

export interface WhatIfOutcome {
  readonly jobs: number;
  readonly processHours: number;
  /** Shares of all jobs, 0 to 1, in the order of the goals. */
  readonly withinGoals: readonly number[];
  readonly p95Seconds: number;
  readonly longestSeconds: number;
  readonly mostProcesses: number;
  readonly changes: number;
}

export type WhatIfAnswer =
  | { readonly kind: 'nothing'; readonly why: string }
  | {
      readonly kind: 'played';
      readonly from: number;
      readonly to: number;
      readonly playedSeconds: number;
      readonly unknownSeconds: number;
      readonly recorded: {
        readonly processHours: number;
        readonly mostProcesses: number;
        readonly longestSeconds?: number;
      };
      readonly present: WhatIfOutcome;
      readonly changed: WhatIfOutcome;
      readonly stepSeconds: number;
      readonly steps: readonly {
        readonly at: number;
        readonly present: number;
        readonly changed: number;
        readonly recorded?: number;
      }[];
      readonly trust: 'good' | 'fair' | 'poor';
      readonly notes: readonly string[];
    };

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Just within what the store keeps of each. */
const weekMs = 7 * 24 * hourMs - 10 * minuteMs;
const rawMs = 6 * hourMs - 10 * minuteMs;
const recentMs = 15 * minuteMs;
/** The store folds what is more than 2,000 points. */
const pointsAtOnce = 1_900;
const usualPeriodSeconds = 10;

/** What is recorded of a manager in the last week, and what its meters tell. */
export async function recordedOf(
  { store }: Pick<Deps, 'store'>,
  managerId: string,
  now: number,
): Promise<Pick<WhatIfAsked, 'points' | 'tells' | 'periodSeconds'>> {
  const recent = await store.readings.recent(managerId, now - recentMs);
  const periodSeconds = usualSeconds(recent) ?? usualPeriodSeconds;
  const rawFrom = Math.floor((now - rawMs) / minuteMs) * minuteMs;
  const points: Point[] = [];
  const minutes = spans(now - weekMs, rawFrom, pointsAtOnce * minuteMs);
  for (const [from, to] of minutes) {
    const part = await store.readings.series(managerId, from, to, 'minute');
    points.push(...part.points.map((point) => ({ ...point, at: point.at + minuteMs / 2 })));
  }
  // Of a clock that was set back, or checkups out of turn, no more than a minute's worth of calls.
  for (const [from, to] of spans(rawFrom, now + 1, pointsAtOnce * Math.max(1, periodSeconds) * 1000))
    points.push(...(await store.readings.series(managerId, from, to, 'raw')).points);
  return { points, tells: tellsOf(recent, points), periodSeconds };
}

/** Neighbouring spans of whole minutes. */
function spans(from: number, to: number, widthMs: number): [number, number][] {
  const start = Math.floor(from / minuteMs) * minuteMs;
  const width = Math.max(minuteMs, Math.floor(widthMs / minuteMs) * minuteMs);
  return Array.from({ length: Math.max(0, Math.ceil((to - start) / width)) }, (_, place) => [
    start + place * width,
    Math.min(to, start + (place + 1) * width),
  ]);
}

function usualSeconds(samples: readonly { readonly at: number }[]): number | undefined {
  const steps = samples.slice(1).map(({ at }, place) => at - (samples[place]?.at ?? at));
  const middle = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)];
  return middle === undefined ? undefined : Math.max(1, middle / 1000);
}

function tellsOf(
  recent: readonly { readonly readings: readonly Reading[] }[],
  points: readonly Point[],
): string[] {
  const jobs = recent.flatMap(({ readings }) => readings.filter(({ kind }) => kind === 'jobs'));
  if (jobs.length > 0) return [...new Set(jobs.flatMap(Object.keys))];
  return [...new Set(points.slice(-pointsAtOnce).flatMap(Object.keys))];
}

/** The goals of the rules of both, each once, the present one first. */
export function goalsOf(kinds: Deps['kinds'], managers: readonly Manager[]): number[] {
  return [...new Set(managers.flatMap(({ rules }) => rules.flatMap((rule) => goalOf(kinds, rule) ?? [])))];
}

function goalOf({ rules }: Deps['kinds'], { use, options }: Choice): number | undefined {
  const spec = rules.find((rule) => rule.use === use)?.options.find(({ name }) => name === 'goalSeconds');
  const goal = options.goalSeconds ?? spec?.default;
  return typeof goal === 'number' ? goal : undefined;
}

/** The rules of a manager, without its meters and what the store adds. */
export function managerOf({
  processType,
  rules,
  limits,
  combine,
  minimum,
  maximum,
  paused,
}: ManagerSettings): Manager {
  return { processType, rules, limits, minimum, maximum, paused, ...(combine && { combine }) };
}
