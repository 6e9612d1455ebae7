/**
 * What the loop remembers of one manager between checkups: the window that a decision may look at. It lives in memory, so
 * that a lost store stops nobody from deciding, and is filled from the store at start.
 */
import { defaultLearned } from '../decide/learn.ts';
import { monthStart } from '../decide/wall-clock.ts';
import type { Decision, Learned, Process, Sample, Used } from '../decide/words.ts';
import type { Past } from '../store/history.ts';
import type { Point, Store, StoredManager } from '../store/store.ts';
import { recalled } from './attend.ts';
import type { Issue } from './issues.ts';

const sampleWindowMs = 15 * 60_000;
const decisionWindowMs = 60 * 60_000;

export interface Memory {
  samples: Sample[];
  /** Every one that the fleet accepted or that changed nothing; a refused one must not start a cooldown. */
  decisions: Decision[];
  /** What this month's processes have used, up to `usedUntil`. Absent: nobody has counted yet. */
  used?: Used;
  usedUntil?: number;
  learned: Learned;
  latest?: Point;
  /** The processes of this type as the fleet last counted them, and when. */
  processes?: { readonly at: number; readonly list: readonly Process[] };
  /** Why the newest checkup could not tell. */
  unknown?: string;
  /** For whom a smaller number waits. */
  draining?: string;
  /** Whether the last decision on record waited for somebody. */
  recordedDraining?: boolean;
  /** What the last decision on record said, to see when it flips. Absent: none yet since the start. */
  recordedUnknown?: boolean;
  /** What the last decision on record would have done, of a manager that only says so: "2 to 5". */
  pretended?: string | undefined;
  learnedSavedAt: number;
  /** What needs a person, or will when it lasts. */
  issues: readonly Issue[];
  issuesSavedAt: number;
}

export async function recall(store: Store, manager: StoredManager, now: number): Promise<Memory> {
  const past = await store.history.recall(manager.id, {
    samplesFrom: now - sampleWindowMs,
    decisionsFrom: now - decisionWindowMs,
    usedFrom: monthStart(now),
    until: now,
  });
  const decisions = past.decisions
    .filter(({ outcome }) => outcome !== 'failed')
    // What a manager only would have done starts no cooldown.
    .filter(({ outcome }) => !(manager.dryRun && outcome === 'dry-run'))
    .map(({ at, current, desired, reasons, unknown }) => ({ at, current, desired, reasons, unknown }));
  return {
    samples: past.samples,
    decisions,
    learned: manager.learned ?? defaultLearned,
    learnedSavedAt: now,
    issues: past.openIssues.map(recalled),
    issuesSavedAt: now,
    ...(past.used && usedOf(past.used)),
  };
}

function usedOf({
  from,
  until,
  processSeconds,
}: NonNullable<Past['used']>): Pick<Memory, 'used' | 'usedUntil'> {
  return { used: { since: from, processSeconds }, usedUntil: until };
}

/** What a manager starts with when the store cannot be asked. */
export function blank(manager: StoredManager, now: number): Memory {
  return {
    samples: [],
    decisions: [],
    learned: manager.learned ?? defaultLearned,
    learnedSavedAt: now,
    issues: [],
    issuesSavedAt: now,
  };
}

export function addSample(memory: Memory, sample: Sample): void {
  memory.samples = [...memory.samples, sample].filter(({ at }) => at > sample.at - sampleWindowMs);
}

/** These many processes existed since the last time. A new month begins at nothing. */
export function addUse(memory: Memory, processes: number, now: number): void {
  const month = monthStart(now);
  const before = memory.used ?? { since: now, processSeconds: 0 };
  const kept = before.since >= month ? before : { since: month, processSeconds: 0 };
  const from = Math.max(memory.usedUntil ?? now, month);
  const seconds = (processes * Math.max(0, now - from)) / 1000;
  memory.used = { ...kept, processSeconds: kept.processSeconds + seconds };
  memory.usedUntil = now;
}

export function addDecision(memory: Memory, decision: Decision): void {
  memory.decisions = [...memory.decisions, decision].filter(({ at }) => at > decision.at - decisionWindowMs);
}
