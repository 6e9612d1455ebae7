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
import { doneAfter, type ServiceLaw, starts } from './services.ts';

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
  const busyStarts = startsOfBusy(work, law, bootSeconds);
  for (const [age, count] of work.waiting) {
    jobs += count;
    const within = Math.max(aim(terms) - age, bootSeconds + leastAfterBoot * terms.goalSeconds);
    const perWorker = terms.slots * trusted(trust, starts(law, within - bootSeconds));
    const free = startsOfFree(work, law, terms.slots, trust, within);
    if (jobs - free <= most.more * perWorker) continue;
    const atHand = free + trust * busyStarts(within);
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

/** Starts of those that do not work: the idle slots, and who boots once it is up. */
function startsOfFree(work: Work, law: ServiceLaw, slots: number, trust: number, seconds: number): number {
  let total = work.idleSlots * trusted(trust, starts(law, seconds));
  for (const [left, workers] of work.booting)
    if (left <= seconds) total += workers * slots * trusted(trust, starts(law, seconds - left));
  return total;
}

/** So many pairs of a deadline and a running group are looked at one by one; more would cost a millisecond. */
const fewPairs = 256;
const gridStep = 1.25;

/**
 * Starts of busy slots by some time. Where there are many groups it is worked out at some times between the shortest and the
 * longest only, and drawn straight between them.
 */
function startsOfBusy(work: Work, law: ServiceLaw, shortest: number): (seconds: number) => number {
  let running: { readonly jobs: number; readonly doneBy: (seconds: number) => number }[] | undefined;
  const exact = (seconds: number): number => {
    running ??= work.running.map(([elapsed, jobs]) => ({ jobs, doneBy: doneAfter(law, elapsed) }));
    const weights = startsByStep(law, seconds);
    let total = 0;
    for (const { jobs, doneBy } of running) total += jobs * startsAfter(doneBy, seconds, weights);
    return total;
  };
  if (work.running.length * work.waiting.length <= fewPairs) return exact;
  const known = new Map<number, number>();
  const at = (place: number): number => {
    const value = known.get(place) ?? exact(shortest * gridStep ** place);
    known.set(place, value);
    return value;
  };
  return (seconds) => {
    if (shortest <= 0 || seconds <= shortest) return exact(seconds);
    const place = Math.floor(Math.log(seconds / shortest) / Math.log(gridStep));
    const [from, to] = [shortest * gridStep ** place, shortest * gridStep ** (place + 1)];
    const share = (seconds - from) / (to - from);
    return at(place) + (at(place + 1) - at(place)) * Math.min(1, Math.max(0, share));
  };
}

const steps = 6;

/** Starts that a slot makes in what is left of `seconds` when it gets free within each sixth of them. */
function startsByStep(law: ServiceLaw, seconds: number): number[] {
  const half = seconds / (2 * steps);
  return Array.from({ length: steps }, (_, step) =>
    starts(law, seconds - (seconds * (step + 1)) / steps + half),
  );
}

/** Starts that a slot makes within `seconds` once its present job is done. */
function startsAfter(
  doneBy: (seconds: number) => number,
  seconds: number,
  byStep: readonly number[],
): number {
  let total = 0;
  let before = 0;
  for (let step = 1; step <= steps; step++) {
    const done = doneBy((seconds * step) / steps);
    total += (done - before) * (byStep[step - 1] ?? 1);
    before = done;
  }
  return total;
}
