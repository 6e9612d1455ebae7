/**
 * How many more workers keep the promise that every job starts within the goal, at the least cost.
 *
 * For each deadline among the waiting jobs it compares the jobs that must have started by then with the starts that the
 * workers at hand will make by then: free slots at once, booting ones when they are up, busy ones when they finish.
 * What is missing is divided by what a new worker can start in the time that is left after its boot. There is no rate of
 * arrivals in it: while the goal is at least twice the boot and the period, the backlog and its ages say all that is
 * needed, and a forecast makes it dearer (docs/how-decisions-are-made.md has the figures).
 *
 * `trust` is the one thing that adapts: it falls with every late job and rises with every punctual one so that the share of
 * late jobs converges to a target for any sequence of jobs (Gibbs and Candes, 2021). With little trust it aims at half
 * of the goal and counts on few starts beyond the first of each slot.
 */
import { doneWithin, type ServiceLaw, starts } from './services.ts';

/** The work at hand. Groups keep it small: at most some dozens of each. */
export interface Work {
  /** Waiting jobs by age in seconds, oldest first. */
  readonly waiting: readonly (readonly [ageSeconds: number, jobs: number])[];
  /** Running jobs by the seconds that they have run, where that is known. */
  readonly running: readonly (readonly [elapsedSeconds: number | undefined, jobs: number])[];
  readonly idleSlots: number;
  /** Booting workers by the seconds until they are up. */
  readonly booting: readonly (readonly [leftSeconds: number, workers: number])[];
}

export interface Terms {
  readonly goalSeconds: number;
  readonly bootSeconds: number;
  /** Seconds between two decisions. */
  readonly periodSeconds: number;
  /** Jobs at a time per worker. */
  readonly slots: number;
  /** -1 to 1. */
  readonly trust: number;
}

export interface Need {
  /** Workers to start. */
  readonly more: number;
  /** The deadline that asks for the most: seconds from now, jobs that must start by then, starts at hand by then. */
  readonly withinSeconds: number;
  readonly jobs: number;
  readonly atHand: number;
  /** Starts that one new worker makes by then. */
  readonly perWorker: number;
}

export const noNeed: Need = { more: 0, withinSeconds: 0, jobs: 0, atHand: 0, perWorker: 1 };

/** Workers to start now. */
export function needNow(work: Work, law: ServiceLaw, terms: Terms): Need {
  const now = need(work, law, terms, terms.bootSeconds);
  if (now.more === 0 || terms.trust <= 0.3) return now;
  const oldest = work.waiting[0]?.[0] ?? 0;
  const slack = aim(terms) - oldest;
  const lateBoot = terms.bootSeconds + terms.periodSeconds;
  if (slack < lateBoot) return now;
  return need(work, law, terms, lateBoot).more <= now.more ? { ...now, more: 0 } : now;
}

/** A new worker cannot help a job that has waited for half of the goal: see headroom.ts. */
export function isTight({ goalSeconds, bootSeconds }: Pick<Terms, 'goalSeconds' | 'bootSeconds'>): boolean {
  return bootSeconds > goalSeconds / 2;
}

/** How much of the starts of busy workers counts at least. In tight times a new worker is no better than a busy one. */
const leastTrust = { easy: 0.2, tight: 0.6 };

function need(work: Work, law: ServiceLaw, terms: Terms, bootSeconds: number): Need {
  const least = isTight(terms) ? leastTrust.tight : leastTrust.easy;
  const trust = least + (1 - least) * Math.max(0, terms.trust);
  let most = noNeed;
  let jobs = 0;
  for (const [age, count] of work.waiting) {
    jobs += count;
    const within = Math.max(aim(terms) - age, bootSeconds + leastAfterBoot * terms.goalSeconds);
    const atHand = startsWithin(work, law, terms.slots, trust, within);
    const perWorker = terms.slots * trusted(trust, starts(law, within - bootSeconds));
    const more = Math.ceil((jobs - atHand) / perWorker - 1e-9);
    if (more > most.more) most = { more, withinSeconds: within, jobs, atHand, perWorker };
  }
  return most;
}

/**
 * For jobs that can no longer start in time a worker gets at least this part of the goal to start some, or ten thousand late
 * jobs of 20 ms would want ten thousand workers.
 */
const leastAfterBoot = 0.05;

/** The wait to aim at: the goal, or less of it the less the past went well. */
function aim(terms: Terms): number {
  return terms.goalSeconds * (0.5 + 0.5 * Math.max(0, terms.trust));
}

/** The first start of a slot is certain; those after it count by the trust. */
function trusted(trust: number, count: number): number {
  return 1 + trust * (count - 1);
}

function startsWithin(work: Work, law: ServiceLaw, slots: number, trust: number, seconds: number): number {
  let total = work.idleSlots * trusted(trust, starts(law, seconds));
  for (const [left, workers] of work.booting)
    if (left <= seconds) total += workers * slots * trusted(trust, starts(law, seconds - left));
  for (const [elapsed, jobs] of work.running) total += jobs * trust * startsAfter(law, elapsed, seconds);
  return total;
}

const steps = 6;

/** Starts that a slot makes within `seconds` once its present job, which has run for `elapsed`, is done. */
function startsAfter(law: ServiceLaw, elapsed: number | undefined, seconds: number): number {
  let total = 0;
  let before = 0;
  for (let step = 1; step <= steps; step++) {
    const until = (seconds * step) / steps;
    const done = doneWithin(law, elapsed, until);
    total += (done - before) * starts(law, seconds - until + seconds / (2 * steps));
    before = done;
  }
  return total;
}
