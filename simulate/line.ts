/**
 * The jobs that wait, in the order in which they are taken: queues of a higher rank first, within a rank the oldest.
 *
 * Jobs come in the order of the trace, so one queue is a pointer into it and costs nothing; several ranks are a list of jobs and a
 * pointer each. Jobs that a kill brought back stand before those of their rank. A heap of all waiting jobs was rejected: it
 * makes each job cost a logarithm, and nine of ten traces have one queue.
 */
import { indexAfter } from './search.ts';
import type { Trace } from './traces.ts';

export interface Line {
  /** When the next job comes that nobody took; Infinity after the last. */
  nextAt(): number;
  /** The job that a free slot takes now, or -1 when none waits. */
  take(now: number): number;
  giveBack(jobs: readonly number[]): void;
  /** Jobs that nobody took, whether they came already or not. */
  left(): number;
  /** Of one queue, or of all. */
  waiting(now: number, queue?: number): number;
  /** Arrival of the one that came first; Infinity when none waits. */
  oldestAt(now: number, queue?: number): number;
  eachWaiting(now: number, visit: (arrivedAt: number) => void, queue?: number): void;
  eachLeft(visit: (job: number) => void): void;
}

export function createLine(trace: Trace): Line {
  return trace.queues ? severalRanks(trace, trace.queues) : oneQueue(trace);
}

function oneQueue({ arrivals }: Trace): Line {
  const returned: number[] = [];
  let head = 0;
  const at = (job: number | undefined): number =>
    job === undefined ? Number.POSITIVE_INFINITY : (arrivals[job] ?? Number.POSITIVE_INFINITY);
  return {
    nextAt: () => (returned.length > 0 ? at(returned[0]) : at(head)),
    take: (now) => {
      if (returned.length > 0) return returned.shift() ?? -1;
      return head < arrivals.length && (arrivals[head] as number) <= now ? head++ : -1;
    },
    giveBack: (jobs) => giveBack(returned, jobs),
    left: () => arrivals.length - head + returned.length,
    waiting: (now) => returned.length + indexAfter(arrivals, now, head) - head,
    oldestAt: (now) => {
      const oldest = returned.length > 0 ? at(returned[0]) : at(head);
      return oldest <= now ? oldest : Number.POSITIVE_INFINITY;
    },
    eachWaiting: (now, visit) => {
      const tail = indexAfter(arrivals, now, head);
      for (const job of returned) visit(at(job));
      for (let job = head; job < tail; job++) visit(arrivals[job] as number);
    },
    eachLeft: (visit) => {
      for (const job of returned) visit(job);
      for (let job = head; job < arrivals.length; job++) visit(job);
    },
  };
}

interface Rank {
  readonly jobs: Int32Array;
  readonly arrivals: Float64Array;
  readonly returned: number[];
  head: number;
}

function severalRanks(trace: Trace, queues: NonNullable<Trace['queues']>): Line {
  const ranks = ranksOf(trace, queues);
  const oldest = ({ returned, arrivals, head }: Rank): number => {
    const back = returned[0];
    if (back !== undefined) return trace.arrivals[back] as number;
    return head < arrivals.length ? (arrivals[head] as number) : Number.POSITIVE_INFINITY;
  };
  const each = (now: number, visit: (job: number) => void): void => {
    for (const { jobs, arrivals, returned, head } of ranks) {
      for (const job of returned) visit(job);
      for (let place = head; place < jobs.length && (arrivals[place] as number) <= now; place++)
        visit(jobs[place] as number);
    }
  };
  const isOf = (job: number, queue: number | undefined): boolean =>
    queue === undefined || queues.of[job] === queue;
  return {
    nextAt: () => ranks.reduce((least, rank) => Math.min(least, oldest(rank)), Number.POSITIVE_INFINITY),
    take: (now) => {
      for (const rank of ranks) {
        if (oldest(rank) > now) continue;
        return rank.returned.shift() ?? (rank.jobs[rank.head++] as number);
      }
      return -1;
    },
    giveBack: (jobs) => {
      for (const rank of new Set(queues.ranks))
        giveBack(
          (ranks[rank] as Rank).returned,
          jobs.filter((job) => queues.ranks[queues.of[job] ?? 0] === rank),
        );
    },
    left: () =>
      ranks.reduce((sum, { jobs, head, returned }) => sum + jobs.length - head + returned.length, 0),
    waiting: (now, queue) => {
      let count = 0;
      each(now, (job) => {
        if (isOf(job, queue)) count++;
      });
      return count;
    },
    oldestAt: (now, queue) => {
      let least = Number.POSITIVE_INFINITY;
      each(now, (job) => {
        if (isOf(job, queue)) least = Math.min(least, trace.arrivals[job] as number);
      });
      return least;
    },
    eachWaiting: (now, visit, queue) => {
      const found: number[] = [];
      each(now, (job) => {
        if (isOf(job, queue)) found.push(trace.arrivals[job] as number);
      });
      for (const at of found.sort((a, b) => a - b)) visit(at);
    },
    eachLeft: (visit) => each(Number.POSITIVE_INFINITY, visit),
  };
}

function ranksOf({ arrivals }: Trace, { of, ranks }: NonNullable<Trace['queues']>): Rank[] {
  const most = Math.max(...ranks);
  return Array.from({ length: most + 1 }, (_, rank) => {
    const jobs = Int32Array.from(arrivals.keys()).filter((job) => ranks[of[job] ?? 0] === rank);
    return { jobs, arrivals: Float64Array.from(jobs, (job) => arrivals[job] ?? 0), returned: [], head: 0 };
  });
}

function giveBack(returned: number[], jobs: readonly number[]): void {
  returned.push(...jobs);
  returned.sort((a, b) => a - b);
}
