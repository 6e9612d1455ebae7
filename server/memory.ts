/**
 * What the loop remembers of one manager between checkups: the window that a decision may look at. It lives in memory, so
 * that a lost store stops nobody from deciding, and is filled from the store at start.
 */
import { defaultLearned } from '../decide/learn.ts';
import type { Decision, Learned, Sample } from '../decide/words.ts';
import type { Point, Store, StoredManager } from '../store/store.ts';

const sampleWindowMs = 15 * 60_000;
const decisionWindowMs = 60 * 60_000;
const decisionCount = 500;

export interface Memory {
  samples: Sample[];
  /** Those that the fleet accepted or that changed nothing; a refused one must not start a cooldown. */
  decisions: Decision[];
  learned: Learned;
  latest?: Point;
  /** Why the newest checkup could not tell. */
  unknown?: string;
  /** What the last decision on record said, to see when it flips. Absent: none yet since the start. */
  recordedUnknown?: boolean;
  learnedSavedAt: number;
}

export async function recall(store: Store, manager: StoredManager, now: number): Promise<Memory> {
  const [samples, newestFirst] = await Promise.all([
    store.readings.recent(manager.id, now - sampleWindowMs),
    // Not `recent`: that does not tell which of them the fleet refused.
    store.decisions.list(manager.id, { limit: decisionCount }),
  ]);
  const decisions = newestFirst
    .filter(({ at, outcome }) => at > now - decisionWindowMs && outcome !== 'failed')
    .map(({ at, current, desired, reasons, unknown }) => ({ at, current, desired, reasons, unknown }));
  return {
    samples,
    decisions: decisions.reverse(),
    learned: manager.learned ?? defaultLearned,
    learnedSavedAt: now,
  };
}

/** What a manager starts with when the store cannot be asked. */
export function blank(manager: StoredManager, now: number): Memory {
  return { samples: [], decisions: [], learned: manager.learned ?? defaultLearned, learnedSavedAt: now };
}

export function addSample(memory: Memory, sample: Sample): void {
  memory.samples = [...memory.samples, sample].filter(({ at }) => at > sample.at - sampleWindowMs);
}

export function addDecision(memory: Memory, decision: Decision): void {
  memory.decisions = [...memory.decisions, decision].filter(({ at }) => at > decision.at - decisionWindowMs);
}
