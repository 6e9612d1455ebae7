/**
 * Trust in the plan, from how the jobs that started lately fared: each late one lowers it, each punctual one raises it, in the
 * proportion of the share that may be late. So the share of late jobs tends to that share for any sequence of jobs
 * (Gibbs and Candes, "Adaptive conformal inference", 2021). A fixed reserve was rejected: what is too little for
 * heavy tails is waste everywhere else.
 */
import { isTight } from './need.ts';
import type { Manager, Sample, View } from './words.ts';
import { agesPerInterval, grownBy, jobsIn, queuePairs, sum, waitingByAge } from './work.ts';

/**
 * With what trust to begin, how fast it moves and the share that may be late. In tight times late jobs are costly to learn from:
 * begin carefully and move faster.
 */
const manners = {
  easy: { first: 0.8, step: 0.02, lateShare: 0.006 },
  tight: { first: -0.3, step: 0.05, lateShare: 0.005 },
};

export function trustManner(goalSeconds: number, bootSeconds: number): (typeof manners)['easy'] {
  return isTight({ goalSeconds, bootSeconds }) ? manners.tight : manners.easy;
}

export const defaultGoalSeconds = 30;

export function learnTrust(
  trust: number | undefined,
  view: View,
  manager: Manager,
  before: Sample,
  newest: Sample,
): number | undefined {
  const goalSeconds = goalOf(manager);
  if (goalSeconds === undefined || heldBack(view, manager)) return trust;
  const starts = startsSeen(before, newest, goalSeconds) ?? startsInferred(view, before, newest, goalSeconds);
  if (!starts || starts.jobs === 0) return trust;
  const { first, step, lateShare } = trustManner(goalSeconds, view.learned.bootSeconds.value);
  const risen = Math.min(1, (trust ?? first) + (starts.jobs - starts.late) * step * lateShare);
  if (cameUnknown(view, manager, newest, goalSeconds)) return risen;
  return Math.max(-1, risen - starts.late * step * (1 - lateShare));
}

/**
 * Whoever is late now came a goal ago or sooner. When the time per job was a guess then, that was what made them late, and five
 * hundred of them would make the plan careful for a day. Where a boot takes most of the goal they count: care is cheaper there
 * than the next late ones (docs/simulate.md).
 */
function cameUnknown({ learned }: View, { rules }: Manager, { at }: Sample, goalSeconds: number): boolean {
  const told = rules.some(({ use, options }) => use === 'wait-goal' && options.serviceSeconds !== undefined);
  if (told || isTight({ goalSeconds, bootSeconds: learned.bootSeconds.value })) return false;
  if (learned.serviceSeconds.observations === 0) return true;
  return learned.knownSince !== undefined && at - goalSeconds * 1000 <= learned.knownSince;
}

/**
 * Whether the plan got less than it asked for: by the maximum, or by a limit such as a step, a schedule or a budget. What is late
 * then says nothing of the plan.
 */
function heldBack({ decisions }: View, { maximum }: Manager): boolean {
  const last = decisions.at(-1);
  if (!last) return false;
  return last.desired >= maximum || (last.reasons[0]?.to ?? 0) > last.desired;
}

/** The shortest goal of its rules; a rule that names none has the default of its option. */
function goalOf({ rules }: Manager): number | undefined {
  const goals = rules.flatMap(({ use, options }) =>
    use === 'wait-goal' ? [Number(options.goalSeconds ?? defaultGoalSeconds)] : [],
  );
  return goals.length > 0 ? Math.min(...goals) : undefined;
}

interface Starts {
  readonly jobs: number;
  readonly late: number;
}

/** From the waits that the newest reading tells; nothing unless all queues tell theirs. */
function startsSeen(before: Sample, newest: Sample, goalSeconds: number): Starts | undefined {
  const recents = jobsIn(newest).map(({ recent }) => recent);
  if (recents.length === 0 || recents.some((recent) => recent?.startedWaits === undefined)) return undefined;
  const waits = recents.flatMap((recent) =>
    recent && recent.since >= before.at - 1_000 ? (recent.startedWaits ?? []) : [],
  );
  return {
    jobs: sum(waits, ([, jobs]) => jobs),
    late: sum(waits, ([seconds, jobs]) => (seconds > goalSeconds ? jobs : 0)),
  };
}

/** From counts: those that started were the oldest, and did so in the middle of the time between the two readings. */
function startsInferred(view: View, before: Sample, newest: Sample, goalSeconds: number): Starts | undefined {
  const grown = queuePairs(before, newest).map(([from, to]) => grownBy(from.startedTotal, to.startedTotal));
  if (grown.length === 0 || grown.some((jobs) => jobs === undefined)) return undefined;
  const jobs = sum(grown, (each) => each ?? 0);
  let [left, late] = [jobs, 0];
  const middle = (before.at + newest.at) / 2;
  for (const cohort of waitingByAge(view.samples.slice(0, -1), middle, agesPerInterval)) {
    if (left <= 0 || cohort.ageSeconds <= goalSeconds) break;
    late += Math.min(left, cohort.jobs);
    left -= cohort.jobs;
  }
  return { jobs, late };
}
