/** What the processes of a type amount to. */

import type { Process, View } from './words.ts';
import { workNow } from './work.ts';

/**
 * The processes that count as current: all but those that are stopping. One that is starting counts, or the same need
 * would be answered again at every checkup of its boot. One that crashed counts too: its fleet starts it again, and
 * asking for another in its place would make a crash loop grow without end.
 */
export function currentCount(processes: readonly Process[]): number {
  return processes.filter(({ state }) => state !== 'stopping').length;
}

/**
 * The processes that work on a job: as many as say so, and at least as many as the running jobs fill. Never more than could:
 * while the concurrency is not learned yet, running jobs would count for too many. One that the fleet takes for
 * starting may be at work already; fleets are often late to notice.
 */
export function busyCount({ processes, samples, learned }: View): number {
  const able = processes.filter(({ state }) => state === 'up' || state === 'starting');
  const flagged = able.filter(({ busy }) => busy === true).length;
  const filled = Math.ceil((workNow(samples)?.running ?? 0) / Math.max(1, learned.concurrency.value) - 1e-9);
  return Math.min(able.length, Math.max(0, flagged, filled));
}
