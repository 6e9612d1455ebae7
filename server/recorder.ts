/**
 * Writes down what checkups saw and decided, and keeps it while the store does not take it.
 *
 * What comes while a statement is under way goes with the next one, so a thousand checkups a second are a few statements and
 * a lone one waits for nobody; collecting for a fixed time was rejected, because every checkup would wait for it. While
 * the store does not answer nobody waits: what comes is kept, oldest first out where it is too much, and one attempt at a
 * time is made as checkups come. What is known to be no fault of the connection (a row that the database refuses) is
 * dropped alone, so that it does not hold up the rest.
 */
import type { Logger } from 'pino';
import type { Learned } from '../decide/words.ts';
import type { Checkup, Store, StoredDecision } from '../store/store.ts';
import { sqlState } from '../store/values.ts';
import { type Clock, withDeadline, wordsOf } from './clock.ts';

export const writeLimitMs = 5_000;
/** About 40 MB: an hour of 40 managers, or a minute of 2,500, each checked every 15 s. */
export const mostKept = 10_000;
const batchCount = 500;

export type Entry =
  | ({ readonly what: 'checkup' } & Checkup)
  /** One whose recording failed when it was made. */
  | { readonly what: 'decision'; readonly draft: Omit<StoredDecision, 'id'> }
  | { readonly what: 'learned'; readonly managerId: string; readonly learned: Learned };

export interface Recorder {
  /** Resolves when it is stored, or when the store is known not to answer. */
  keep(entry: Entry): Promise<void>;
  behind(): Behind;
}

/** How far the history is behind. */
export interface Behind {
  /** Since when the store takes nothing; absent: it does. */
  readonly since?: number;
  readonly keptCount: number;
  /** Since the start. */
  readonly droppedCount: number;
}

export interface RecorderOptions {
  readonly store: Pick<Store, 'readings' | 'decisions' | 'history'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether the store takes what is written: shared with all who write. */
  readonly journal: { lost: boolean };
  readonly most?: number;
}

interface Waiting {
  readonly entry: Entry;
  settle(): void;
}

interface State extends RecorderOptions {
  queue: Waiting[];
  writing: boolean;
  since: number | undefined;
  droppedCount: number;
}

export function createRecorder(options: RecorderOptions): Recorder {
  const state: State = { ...options, queue: [], writing: false, since: undefined, droppedCount: 0 };
  return {
    keep: (entry) =>
      new Promise((resolve) => {
        state.queue.push({ entry, settle: resolve });
        bound(state);
        if (state.since !== undefined) resolve();
        if (!state.writing) void writeAll(state);
      }),
    behind: () => ({
      ...(state.since !== undefined && { since: state.since }),
      keptCount: state.since === undefined ? 0 : state.queue.length,
      droppedCount: state.droppedCount,
    }),
  };
}

function bound(state: State): void {
  const { most = mostKept } = state;
  for (const { settle } of state.queue.splice(0, Math.max(0, state.queue.length - most))) {
    settle();
    state.droppedCount += 1;
  }
}

async function writeAll(state: State): Promise<void> {
  state.writing = true;
  try {
    while (state.queue.length > 0) {
      const batch = state.queue.slice(0, batchCount);
      await writeBatch(state, batch);
      const done = new Set(batch);
      // Some of them may have been dropped meanwhile.
      state.queue = state.queue.filter((one) => !done.has(one));
      for (const { settle } of batch) settle();
      answered(state);
    }
  } catch (error) {
    silent(state, error);
  } finally {
    state.writing = false;
  }
}

/** @throws what says that the store does not answer */
async function writeBatch(state: State, batch: readonly Waiting[]): Promise<void> {
  const entries = batch.map(({ entry }) => entry);
  try {
    await write(state, entries);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    for (const entry of entries)
      await write(state, [entry]).catch((why: unknown) => {
        if (!isRefusal(why)) throw why;
        state.droppedCount += 1;
        state.log.error(`the store refuses what a checkup saw: ${wordsOf(why)}`);
      });
  }
}

async function write({ store, clock }: State, entries: readonly Entry[]): Promise<void> {
  const checkups = entries.flatMap((entry) => (entry.what === 'checkup' ? [entry] : []));
  const learned = entries.flatMap((entry) => (entry.what === 'learned' ? [entry] : []));
  const drafts = entries.flatMap((entry) => (entry.what === 'decision' ? [entry.draft] : []));
  await withDeadline(clock, writeLimitMs, undefined, async () => {
    if (checkups.length > 0) await store.readings.recordMany(checkups);
    if (learned.length > 0) await store.history.keepLearned(learned);
    if (drafts.length > 0) await store.decisions.recordLate(drafts);
  });
}

/** Classes of PostgreSQL: 22, what is no such value; 23, what breaks a constraint. */
function isRefusal(error: unknown): boolean {
  return /^2[23]/.test(sqlState(error) ?? '');
}

function answered(state: State): void {
  const { since, log, journal, clock, droppedCount } = state;
  journal.lost = false;
  if (since === undefined || state.queue.length > 0) return;
  state.since = undefined;
  log.info({ droppedCount }, `the store answers again after ${Math.round((clock.now() - since) / 1000)} s`);
}

function silent(state: State, error: unknown): void {
  const { log, journal, clock, queue } = state;
  if (state.since === undefined) log.error(`the store does not take what is written: ${wordsOf(error)}`);
  state.since ??= clock.now();
  journal.lost = true;
  for (const { settle } of queue) settle();
}
