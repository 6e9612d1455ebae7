/**
 * What a simulated world looks like through a meter.
 *
 *   full       our own meters: ages, how long running jobs have run, waits and service times of recent jobs
 *   counts     any queue: how many wait and run, and totals
 *   web        jobs are requests: their rate, queue times and response times over the last minute
 *   web-waits  the same without response times
 *
 * A reading that was lost is unknown. One that comes late bears the moment of which it tells.
 */
import type { Groups, Histogram, JobsReading, Reading } from '../decide/words.ts';
import type { Counts, Observation } from './policy.ts';

export type Fidelity = 'full' | 'counts' | 'web' | 'web-waits';

/** Monday, 2 November 2026, 00:00 UTC. */
export const epoch = 1_793_577_600_000;

export type Reader = (seen: Observation) => Reading[];

/** @param startsAt what the trace's second 0 is called, in milliseconds */
export function readerOf(fidelity: Fidelity, startsAt = epoch): Reader {
  const momentOf = (seconds: number): number => startsAt + seconds * 1000;
  const look =
    fidelity === 'web' || fidelity === 'web-waits'
      ? webReader(fidelity, momentOf)
      : jobsReader(fidelity, momentOf);
  return (seen) =>
    seen.missing
      ? [{ kind: 'unknown', at: momentOf(seen.now), why: 'the reading of this checkup was lost' }]
      : look(seen);
}

type MomentOf = (seconds: number) => number;

function jobsReader(fidelity: 'full' | 'counts', momentOf: MomentOf): Reader {
  let since = momentOf(0);
  return (seen) => {
    const at = momentOf(seen.readAt);
    const queues = seen.queues ?? [{ ...seen, name: 'trace' }];
    const readings = queues.map((queue) =>
      fidelity === 'counts' ? countsOf(queue, seen.slots, at) : fullOf(queue, seen, since, at),
    );
    since = at;
    return readings;
  };
}

function countsOf(queue: Counts & { readonly name: string }, slots: number, at: number): JobsReading {
  return {
    kind: 'jobs',
    queue: queue.name,
    at,
    waiting: queue.waiting,
    running: queue.running,
    slots,
    startedTotal: queue.startedTotal,
    finishedTotal: queue.finishedTotal,
    busySecondsTotal: queue.busySecondsTotal,
  };
}

function fullOf(
  queue: Counts & { readonly name: string },
  { readAt, slots }: Observation,
  since: number,
  at: number,
): JobsReading {
  return {
    ...countsOf(queue, slots, at),
    oldestSeconds: queue.oldestSeconds,
    ages: agesOf(queue, readAt),
    runningSeconds: runningOf(queue, readAt),
    recent: {
      since,
      startedWaits: grouped(queue.startedWaits),
      finishedSeconds: grouped(queue.finishedSeconds),
    },
  };
}

/** As the meters of requests have it by default. */
const webWindowSeconds = 60;

interface Lap {
  readonly at: number;
  readonly started: number;
  readonly waits: Histogram;
  readonly services: Histogram;
}

function webReader(fidelity: 'web' | 'web-waits', momentOf: MomentOf): Reader {
  let laps: Lap[] = [];
  let before = 0;
  return (seen) => {
    const at = momentOf(seen.readAt);
    const started = seen.startedTotal - before;
    before = seen.startedTotal;
    const waits = timesOf(seen.startedWaits, started);
    const services = timesOf(seen.finishedSeconds, started);
    laps = [...laps, { at, started, waits, services }].filter((lap) => lap.at > at - webWindowSeconds * 1000);
    const seconds = Math.max(1, Math.min(webWindowSeconds, seen.readAt));
    return [
      {
        kind: 'requests',
        at,
        perSecond: laps.reduce((sum, lap) => sum + lap.started, 0) / seconds,
        queueTimeMs: laps.flatMap((lap) => lap.waits),
        ...(fidelity === 'web' && { responseTimeMs: laps.flatMap((lap) => lap.services) }),
      },
    ];
  };
}

/** In as many groups as a meter's, each for its part of all. */
function timesOf(seconds: readonly number[], jobs: number): Histogram {
  const scale = seconds.length > 0 ? jobs / seconds.length : 0;
  return grouped(seconds).map(([value, count]) => [value * 1000, count * scale] as const);
}

const mostGroups = 64;

/** Equal steps of age, so that 100,000 jobs are as few groups as a hundred. */
function agesOf(seen: Counts, readAt: number): Groups {
  const width = Math.max(0.5, seen.oldestSeconds / (mostGroups - 2));
  const groups: [number, number][] = [];
  let last: [number, number] | undefined;
  seen.eachWaiting((arrivedAt) => {
    const age = readAt - arrivedAt;
    if (last && last[0] - age < width) last[1]++;
    else {
      last = [age, 1];
      groups.push(last);
    }
  });
  return groups;
}

function runningOf(seen: Counts, readAt: number): Groups {
  const elapsed: number[] = [];
  seen.eachRunning((startedAt) => elapsed.push(readAt - startedAt));
  return grouped(elapsed);
}

/** In order, and where there are many those that are within an eighth of each other together. */
function grouped(seconds: readonly number[]): Groups {
  if (seconds.length === 0) return [];
  const ascending = new Float64Array(seconds).sort();
  if (ascending.length <= mostGroups) return Array.from(ascending, (value) => [value, 1] as const);
  const per = ascending.length / mostGroups;
  return Array.from({ length: mostGroups }, (_, place) => {
    const [from, to] = [Math.round(place * per), Math.round((place + 1) * per)];
    return [ascending[to - 1] ?? 0, to - from] as const;
  });
}
