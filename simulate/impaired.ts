/**
 * Readings as they are on a bad day: late, or lost. The policy then sees the counts of some time ago, and the workers of now, since
 * a platform is asked and a queue is measured. Of a lost reading it sees the one before, with the word that it is missing: ours
 * takes that for unknown, the others decide on it as they do on the last value that their store of metrics holds.
 */
import type { Counts, Observation, Policy, QueueCounts, WorldOptions } from './policy.ts';
import { seeded } from './random.ts';

type Impairments = Pick<WorldOptions, 'readingDelaySeconds' | 'missingShare' | 'seed'>;

/** The same policy where nothing is wrong. */
export function impaired(policy: Policy, { readingDelaySeconds, missingShare, seed }: Impairments): Policy {
  if (readingDelaySeconds <= 0 && missingShare <= 0) return policy;
  const random = seeded(seed + 7);
  const under: Observation[] = [];
  let told: Observation | undefined;
  return (seen) => {
    under.push(frozen(seen));
    const lost = missingShare > 0 && random.next() < missingShare;
    let come = 0;
    while ((under[come]?.now ?? Number.POSITIVE_INFINITY) <= seen.now - readingDelaySeconds) come++;
    if (lost) under.splice(0, come);
    else if (come > 0) told = joined(under.splice(0, come), told);
    const { now, workers, up, slots, eachWorker, lateStarts } = seen;
    const counts = told ?? { ...nothing, now, readAt: now };
    const missing = lost || !told;
    return policy({
      ...counts,
      now,
      workers,
      up,
      slots,
      eachWorker,
      lateStarts,
      ...(missing && { missing: true as const }),
    });
  };
}

/** Several that come at once are the newest, with what each tells of single jobs. */
function joined(readings: readonly Observation[], before: Observation | undefined): Observation | undefined {
  const newest = readings.at(-1) ?? before;
  if (!newest || readings.length < 2) return newest;
  return {
    ...newest,
    startedWaits: readings.flatMap(({ startedWaits }) => startedWaits),
    finishedSeconds: readings.flatMap(({ finishedSeconds }) => finishedSeconds),
  };
}

/** A copy that stays as it is while the world goes on. */
function frozen(seen: Observation): Observation {
  return { ...seen, ...frozenCounts(seen), ...(seen.queues && { queues: seen.queues.map(frozenQueue) }) };
}

function frozenQueue(queue: QueueCounts): QueueCounts {
  return { ...queue, ...frozenCounts(queue) };
}

function frozenCounts(counts: Counts): Counts {
  const waiting: number[] = [];
  const running: number[] = [];
  counts.eachWaiting((at) => waiting.push(at));
  counts.eachRunning((at) => running.push(at));
  return {
    ...counts,
    startedWaits: [...counts.startedWaits],
    finishedSeconds: [...counts.finishedSeconds],
    eachWaiting: (visit) => waiting.forEach(visit),
    eachRunning: (visit) => running.forEach(visit),
  };
}

const nothing = {
  waiting: 0,
  running: 0,
  oldestSeconds: 0,
  startedTotal: 0,
  finishedTotal: 0,
  busySecondsTotal: 0,
  startedWaits: [],
  finishedSeconds: [],
  eachWaiting: () => {},
  eachRunning: () => {},
};
