/** What is kept of workers that were told to take no new jobs: enough to take them back, also after a restart. */
import { z } from 'zod';
import type { Process } from '../decide/words.ts';
import type { Store } from '../store/store.ts';
import { withDeadline, wordsOf } from './clock.ts';
import type { Surroundings, WatchedManager } from './watched.ts';

export interface Drains {
  /** By the name of the process. */
  readonly told: Map<string, Told>;
  /** What the workers last said, by the name of the process. */
  seen: Map<string, Partial<Process>>;
  /** Since when nobody of that name listens, by the name of the process. Begins anew with a controller. */
  readonly absent: Map<string, number>;
  /** The workers were asked at least once since the start. */
  looked: boolean;
  /** As it was last written. */
  saved: string;
}

export interface Told {
  readonly since: number;
  /** The queues that each of its workers goes back to. Empty where the fleet tells. */
  readonly nodes: Readonly<Record<string, readonly string[]>>;
}

const limitMs = 5_000;
const nothing = '{}';
const shape = z.record(
  z.string(),
  z.object({ since: z.number(), nodes: z.record(z.string(), z.array(z.string())) }),
);

/** What an earlier controller wrote down; nothing when it cannot be read, and then the first look finds them. */
export async function recallDrains(store: Store, managerId: string): Promise<Drains> {
  const text = await store.settings.get(keyOf(managerId));
  const told = new Map<string, Told>(Object.entries(parse(text ?? nothing)));
  return { told, seen: new Map(), absent: new Map(), looked: false, saved: text ?? nothing };
}

export function noDrains(): Drains {
  return { told: new Map(), seen: new Map(), absent: new Map(), looked: false, saved: nothing };
}

export async function save(
  { store, clock, log }: Surroundings,
  { stored }: WatchedManager,
  drains: Drains,
): Promise<void> {
  const text = JSON.stringify(Object.fromEntries(drains.told));
  if (text === drains.saved) return;
  try {
    await withDeadline(clock, limitMs, undefined, () => store.settings.set(keyOf(stored.id), text));
    drains.saved = text;
  } catch (error) {
    log.warn(
      { processType: stored.processType },
      `who was told to rest is not written down: ${wordsOf(error)}`,
    );
  }
}

/** Processes that are gone, or on their way, need not be taken back. */
export function forgetGone(drains: Drains, processes: readonly Process[]): void {
  const staying = new Set(processes.filter(({ state }) => state !== 'stopping').map(({ name }) => name));
  for (const name of drains.told.keys()) if (!staying.has(name)) drains.told.delete(name);
  for (const name of drains.seen.keys()) if (!staying.has(name)) drains.seen.delete(name);
  for (const name of drains.absent.keys()) if (!staying.has(name)) drains.absent.delete(name);
}

function parse(text: string): Record<string, Told> {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

function keyOf(managerId: string): string {
  return `drain.${managerId}`;
}
