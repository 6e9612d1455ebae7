/**
 * Writes a checkup down and turns it into what dashboards hear: the point of every checkup, and a decision when it
 * changed the number, was refused, flipped between known and unknown, began or ended to wait for somebody, or is the first. A store that fails or hangs is
 * noted in the journal and tried again at the next checkup; it stops nobody from deciding.
 */
import { explain } from '../decide/explain.ts';
import type { Decision, Reading } from '../decide/words.ts';
import type { App, Point, StoredDecision, StoredManager } from '../store/store.ts';
import type { CheckupEvent } from './api.ts';
import { withDeadline, wordsOf } from './clock.ts';
import type { Judged, Outcome } from './loop.ts';
import { addDecision } from './memory.ts';
import { createRecorder, type Recorder, writeLimitMs } from './recorder.ts';
import type { Surroundings, WatchedManager } from './watched.ts';

const learnedEveryMs = 60_000;
const learnedAtOnce = 500;

/** Whether the store takes what is written. Shared by all apps. */
export interface Journal {
  lost: boolean;
  /** Writes without an answer yet; while there are many, new ones are not begun. */
  pendingCount: number;
  readonly recorder: Recorder;
}

export function createJournal({ store, clock, log }: Pick<Surroundings, 'store' | 'clock' | 'log'>): Journal {
  const state = { lost: false, pendingCount: 0 };
  return Object.assign(state, { recorder: createRecorder({ store, clock, log, journal: state }) });
}

/** Answers nothing when the fleet has never been counted: there is no number to show. */
export async function note(
  around: Surroundings,
  app: App,
  journal: Journal,
  judged: Judged,
  outcome: Outcome,
): Promise<CheckupEvent | undefined> {
  const { manager, sample, decision, why } = judged;
  const { memory, stored } = manager;
  await keepTasks(around, app, journal, manager);
  tellUnknown(around, app, stored.processType, memory.unknown, why);
  if (why) memory.unknown = why;
  else delete memory.unknown;
  const draining = decision && drainingIn(decision);
  if (draining) memory.draining = draining;
  else delete memory.draining;
  const point = pointOf(judged);
  if (!point) return undefined;
  memory.latest = point;
  const record = decision && worthRecording(manager, decision, outcome);
  if (record) {
    memory.recordedUnknown = decision.unknown;
    memory.recordedDraining = draining !== undefined;
  }
  memory.pretended = decision && pretended(stored, decision, outcome);
  // Also one that changed nothing: limits look at what the rules wished meanwhile.
  if (decision && outcome.tried && outcome.outcome !== 'failed' && !memory.pretended)
    addDecision(memory, decision);
  const managerId = stored.id;
  const kept = [journal.recorder.keep({ what: 'checkup', managerId, point, readings: sample.readings })];
  if (around.clock.now() - memory.learnedSavedAt >= learnedEveryMs && !journal.lost) {
    memory.learnedSavedAt = around.clock.now();
    kept.push(journal.recorder.keep({ what: 'learned', managerId, learned: memory.learned }));
  }
  await Promise.all(kept);
  const written = record
    ? await recordDecision(around, journal, sheet(manager, decision, outcome), outcome)
    : undefined;
  const shown = record ? { id: 'unsaved', ...sheet(manager, decision, outcome), ...written } : undefined;
  return {
    app: app.name,
    processType: stored.processType,
    point,
    ...(shown && { decision: presentDecision(shown) }),
    ...(why && { unknown: why }),
    ...(draining && { draining }),
  };
}

/** What cannot be recorded now is kept for later, unless it is on record already. */
async function recordDecision(
  around: Surroundings,
  journal: Journal,
  draft: Omit<StoredDecision, 'id'>,
  { recorded }: Outcome,
): Promise<StoredDecision | undefined> {
  if (recorded) return recorded;
  const stored = await write(around, journal, () => around.store.decisions.record(draft));
  if (!stored) await journal.recorder.keep({ what: 'decision', draft });
  return stored;
}

/** What meters heard of single tasks since the last checkup; it is gone when the store does not take it. */
async function keepTasks(
  around: Surroundings,
  app: App,
  journal: Journal,
  { meters }: WatchedManager,
): Promise<void> {
  for (const meter of meters) {
    const seen = 'problem' in meter ? undefined : meter.tasks?.();
    if (!seen || seen.parts.length + seen.failures.length === 0) continue;
    await write(around, journal, () => around.store.tasks.record(app.id, seen));
  }
}

/** What drain-first says while it keeps somebody. */
function drainingIn({ reasons }: Decision): string | undefined {
  return reasons.find(({ by, from, to }) => by === 'drain-first' && from < to)?.text;
}

/** A line when something becomes unknown, when the reason changes and when it is known again; not one per checkup. */
function tellUnknown(
  { log }: Surroundings,
  { name }: App,
  processType: string,
  before: string | undefined,
  why: string | undefined,
): void {
  const who = { app: name, processType };
  if (why && why !== before) log.warn(who, `unknown, so it does not shrink: ${why}`);
  if (!why && before) log.warn(who, 'known again');
}

/** What was learned survives a restart; it moves slowly, so once a minute and at the end is enough. */
export async function saveLearned(
  { store, clock }: Surroundings,
  managers: readonly WatchedManager[],
): Promise<void> {
  for (let from = 0; from < managers.length; from += learnedAtOnce) {
    const part = managers.slice(from, from + learnedAtOnce);
    for (const { memory } of part) memory.learnedSavedAt = clock.now();
    await store.history.keepLearned(
      part.map(({ stored, memory }) => ({ managerId: stored.id, learned: memory.learned })),
    );
  }
}

export function presentDecision(decision: StoredDecision): NonNullable<CheckupEvent['decision']> {
  const { managerId: _, reasons, ...rest } = decision;
  return { ...rest, reasons: [...reasons] };
}

/** What a manager that changes nothing would have done; said once, for as long as it would do the same. */
function pretended({ dryRun }: StoredManager, { current, desired }: Decision, { outcome }: Outcome) {
  return dryRun && outcome === 'dry-run' ? `${current} to ${desired}` : undefined;
}

function worthRecording({ stored, memory }: WatchedManager, decision: Decision, outcome: Outcome): boolean {
  const would = pretended(stored, decision, outcome);
  const waits = drainingIn(decision) !== undefined;
  const flipped = memory.recordedUnknown !== decision.unknown || (memory.recordedDraining ?? false) !== waits;
  if (would !== undefined && would === memory.pretended && !flipped) return false;
  return outcome.tried && (flipped || decision.desired !== decision.current || outcome.outcome === 'failed');
}

export function sheet(
  { stored }: WatchedManager,
  decision: Decision,
  { outcome, error }: Outcome,
): Omit<StoredDecision, 'id'> {
  const sentence = explain(decision, stored.processType);
  return { ...decision, managerId: stored.id, sentence, outcome, ...(error && { error }) };
}

/** Never rejects. Answers nothing when it could not write. */
export async function write<T>(
  { clock, log }: Surroundings,
  journal: Journal,
  work: () => Promise<T>,
): Promise<T | undefined> {
  if (journal.lost && journal.pendingCount >= 1) return undefined;
  journal.pendingCount += 1;
  const written = work().finally(() => {
    journal.pendingCount -= 1;
  });
  try {
    const answer = await withDeadline(clock, writeLimitMs, undefined, () => written);
    journal.lost = journal.recorder.behind().since !== undefined;
    return answer;
  } catch (error) {
    // A late failure of a write that was given up on has nobody left to hear it.
    written.catch(() => {});
    if (!journal.lost) log.error(`the store does not take what is written: ${wordsOf(error)}`);
    journal.lost = true;
    return undefined;
  }
}

function pointOf({ manager, sample, decision, why }: Judged): Point | undefined {
  const { latest } = manager.memory;
  const numbers = decision ?? latest;
  if (!numbers) return undefined;
  const { current, desired } = numbers;
  return { at: sample.at, ...sums(sample.readings), current, desired, unknown: why ? 1 : 0 };
}

/** Sums over the queues. With any of them unknown the sum is unknown too, and left out. */
function sums(
  readings: readonly Reading[],
): Pick<Point, 'waiting' | 'running' | 'later' | 'oldestSeconds' | 'slots'> {
  const jobs = readings.flatMap((reading) => (reading.kind === 'jobs' ? [reading] : []));
  if (jobs.length === 0 || readings.some(({ kind }) => kind === 'unknown')) return {};
  const result: { -readonly [K in 'waiting' | 'running' | 'later' | 'oldestSeconds' | 'slots']?: number } =
    {};
  for (const key of ['waiting', 'running', 'later', 'slots'] as const) {
    const numbers = jobs.flatMap((reading) => reading[key] ?? []);
    if (numbers.length === jobs.length) result[key] = numbers.reduce((sum, number) => sum + number, 0);
  }
  const ages = jobs.map((reading) => reading.oldestSeconds ?? (reading.waiting === 0 ? 0 : undefined));
  if (ages.every((age) => age !== undefined)) result.oldestSeconds = Math.max(...ages);
  return result;
}
