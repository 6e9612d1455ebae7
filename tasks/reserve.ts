/**
 * How many jobs a worker may hold, and how many it asks its broker for now. There are two ways to say it. By default
 * the pace decides (pace.ts): what it will start within 0.2 s. With `prefetchMultiplier` Celery's rule does: at most
 * slots x multiplier messages that are not acknowledged, running ones of late ack among them, and so with 1 none beyond
 * those that run. An early-acknowledged job that runs is the broker's no more, and counts in neither.
 */
export interface Prefetch {
  /** The most it holds beyond what runs, whatever else is said. */
  readonly most: number;
  /** Celery's `worker_prefetch_multiplier`; 0: as many as `most` lets it. Absent: the pace decides. */
  readonly multiplier: number | undefined;
}

/** What a worker has in hand. */
export interface Hold {
  readonly slots: number;
  readonly running: number;
  /** Of the running ones, those that were acknowledged when they started. */
  readonly acknowledged: number;
  /** Through, and their outcome on its way to the broker. */
  readonly finishing: number;
  readonly reserved: number;
  /** What the pace says, in jobs. */
  readonly ahead: number;
}

/** AMQP's prefetch count, as Celery has it; undefined where the pace decides. */
export function prefetchCount({ most, multiplier }: Prefetch, slots: number): number | undefined {
  if (multiplier === undefined) return undefined;
  return multiplier === 0 ? slots + most : Math.min(slots * multiplier, slots + most);
}

/** How many to ask for now. By the pace, half of the reserve must be gone first, so that jobs come in batches. */
export function roomIn(hold: Hold, prefetch: Prefetch): number {
  const { slots, running, reserved, ahead } = hold;
  const count = prefetchCount(prefetch, slots);
  if (count === undefined) {
    const idle = slots - running;
    const enough = reserved > idle + ahead / 2 || (reserved > 0 && reserved >= idle + ahead);
    return enough ? 0 : idle + ahead - reserved;
  }
  return Math.max(0, count - openIn(hold) - reserved);
}

/** How many of the reserved ones it keeps: jobs may have turned slow, or slots have gone. */
export function keptOf(hold: Hold, prefetch: Prefetch): number {
  const { slots, running, ahead } = hold;
  const count = prefetchCount(prefetch, slots);
  return Math.max(0, count === undefined ? 2 * ahead + Math.max(0, slots - running) : count - openIn(hold));
}

/** Not acknowledged, and not in the reserve. */
function openIn({ running, acknowledged, finishing }: Hold): number {
  return running - acknowledged + finishing;
}
