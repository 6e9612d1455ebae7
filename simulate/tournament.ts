/**
 * Policies against each other on the same traces. What counts is the cost over the optimum's upper bound, as a geometric mean over
 * the traces, and never without the share of late jobs of the worst trace: a policy that lets jobs wait is always cheap.
 */
import type { Score } from './ledger.ts';
import type { Optimum } from './optimum.ts';
import { defaultWorld, type PolicyKind, type VictimRule, type WorldOptions } from './policy.ts';
import type { Trace } from './traces.ts';
import { runWorld } from './world.ts';

export interface Course {
  readonly trace: Trace;
  readonly goalSeconds: number;
  readonly bootSeconds: number;
  readonly optimum: Optimum;
}

export interface Change {
  readonly settings?: Readonly<Record<string, number>>;
  readonly victims?: VictimRule;
  readonly periodSeconds?: number;
}

export interface Result {
  readonly trace: string;
  /** Hours from its first to its last arrival. */
  readonly hours: number;
  readonly ratio: number;
  readonly score: Score;
}

export interface Entry {
  readonly name: string;
  readonly title: string;
  readonly costOverOptimum: number;
  readonly worstRatio: number;
  readonly worstLate: number;
  readonly meanLate: number;
  readonly killed: number;
  readonly undone: number;
  readonly results: readonly Result[];
}

export function play(kind: PolicyKind, courses: readonly Course[], change: Change = {}): Entry {
  const results = courses.map((course) => playOne(kind, course, change));
  return entryOf(kind, results);
}

/** The figures of some results; for a share of the traces as well as for all. */
export function entryOf(
  { name, title }: Pick<PolicyKind, 'name' | 'title'>,
  results: readonly Result[],
): Entry {
  const lates = results.map(({ score }) => score.lateShare);
  return {
    name,
    title,
    costOverOptimum: geometricMean(results.map(({ ratio }) => ratio)),
    worstRatio: Math.max(...results.map(({ ratio }) => ratio)),
    worstLate: Math.max(...lates),
    meanLate: lates.reduce((sum, late) => sum + late, 0) / Math.max(1, lates.length),
    killed: results.reduce((sum, { score }) => sum + score.killed, 0),
    undone: results.reduce((sum, { score }) => sum + score.undone, 0),
    results,
  };
}

function playOne(kind: PolicyKind, course: Course, change: Change): Result {
  const { trace, goalSeconds, bootSeconds, optimum } = course;
  const victims = change.victims ?? kind.victims;
  const world: WorldOptions = {
    ...defaultWorld,
    goalSeconds,
    bootSeconds,
    victims,
    periodSeconds: change.periodSeconds ?? kind.periodSeconds,
    // Where only the last worker can go, handing jobs to the first ones is what makes it idle.
    next: victims === 'suffix' ? 'lowest-index' : 'longest-idle',
  };
  const policy = kind.create({ ...kind.settings, ...change.settings }, world);
  const score = runWorld(trace, policy, world).score();
  const hours = ((trace.arrivals.at(-1) ?? 0) - (trace.arrivals[0] ?? 0)) / 3_600;
  return { trace: trace.name, hours, ratio: score.costSeconds / optimum.upper, score };
}

export interface Swept {
  /** The cheapest setting that keeps every trace within the share; absent when there is none. */
  readonly feasible?: Entry & { readonly setting: string };
  /** The setting with the least late jobs on its worst trace. */
  readonly leastLate: Entry & { readonly setting: string };
}

/** Tries all settings on all traces. */
export function sweep(
  kind: PolicyKind,
  changes: readonly Change[],
  courses: readonly Course[],
  lateShare = 0.01,
): Swept | undefined {
  const tried = changes.map((change) => ({ ...play(kind, courses, change), setting: settingOf(change) }));
  const feasible = tried
    .filter(({ worstLate }) => worstLate <= lateShare)
    .toSorted((a, b) => a.costOverOptimum - b.costOverOptimum)[0];
  const leastLate = tried.toSorted((a, b) => a.worstLate - b.worstLate)[0];
  return leastLate && { ...(feasible && { feasible }), leastLate };
}

function settingOf({ settings, periodSeconds, victims }: Change): string {
  const parts = Object.entries(settings ?? {}).map(([name, value]) => `${name} ${value}`);
  if (periodSeconds !== undefined) parts.push(`every ${periodSeconds} s`);
  if (victims !== undefined) parts.push(`victims ${victims}`);
  return parts.join(', ');
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / Math.max(1, values.length));
}
