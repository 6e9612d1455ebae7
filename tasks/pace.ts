/**
 * How many jobs a worker should hold beyond those it runs: as many as it will start within a fifth of a second, at the
 * pace of the last moments. Quick jobs thus come in large batches, and a worker of slow jobs hoards none, which a new
 * worker could start at once. Celery's fixed multiple of the concurrency does the reverse in both cases.
 */
export interface Pace {
  started(nowMs: number): void;
  /** How many to hold in reserve. */
  reserve(nowMs: number): number;
}

const windowMs = 250;
const aheadMs = 200;
/** A pace is not believed on less than this time. */
const shortestMs = 50;

/** @param most the largest answer */
export function createPace(most: number, nowMs: number): Pace {
  let since = nowMs;
  let count = 0;
  let perMs = 0;
  const roll = (now: number): void => {
    if (now - since < windowMs) return;
    // After a silence of more than one window the last count says nothing any more.
    perMs = now - since < 2 * windowMs ? count / (now - since) : 0;
    since = now;
    count = 0;
  };
  return {
    started: (now) => {
      roll(now);
      count++;
    },
    reserve: (now) => {
      roll(now);
      const current = count / Math.max(shortestMs, now - since);
      return Math.min(most, Math.floor(Math.max(perMs, current) * aheadMs));
    },
  };
}
