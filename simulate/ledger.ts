/** Who waited how long, and what it cost: the figures of a run, kept so that they cannot be gamed (see docs/simulate.md). */
import type { Trace } from './traces.ts';

export interface QueueScore {
  readonly name: string;
  readonly jobs: number;
  readonly lateShare: number;
  readonly p95: number;
}

/** How a platform bills the life of a worker. */
export interface Billing {
  /** No worker costs less than this. */
  readonly minimumSeconds?: number;
  /** What is begun is paid: 60 or 3600 where minutes or hours are billed. */
  readonly unitSeconds?: number;
}

export interface Score {
  readonly jobs: number;
  /** Worker-seconds from the start command to the exit, boot and shutdown included. */
  readonly costSeconds: number;
  readonly workSeconds: number;
  /** Share of all jobs whose wait was over the goal; jobs that never started count by their age. */
  readonly lateShare: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly longest: number;
  /** Attempts ended by the platform, and the seconds of work thrown away with them. */
  readonly killed: number;
  readonly wastedSeconds: number;
  readonly undone: number;
  readonly starts: number;
  readonly scaleCalls: number;
  /** When the last job finished, seconds from the start of the trace. */
  readonly lastFinished: number;
  /** Present where the trace has queues. */
  readonly queues?: readonly QueueScore[];
}

export interface Ledger {
  started(): void;
  scaled(): void;
  left(commandedAt: number, now: number): void;
  finished(job: number, startedAt: number): void;
  killed(seconds: number): void;
  undone(job: number, now: number): void;
  score(billing?: Billing): Score;
}

export function createLedger(trace: Trace, goalSeconds: number): Ledger {
  const waits = new Float64Array(trace.arrivals.length);
  const lives: number[] = [];
  const totals = { starts: 0, scaleCalls: 0, killed: 0, wastedSeconds: 0, undone: 0, lastFinished: 0 };
  return {
    started: () => {
      totals.starts++;
    },
    scaled: () => {
      totals.scaleCalls++;
    },
    left: (commandedAt, now) => {
      lives.push(now - commandedAt);
    },
    finished: (job, startedAt) => {
      waits[job] = startedAt - (trace.arrivals[job] ?? 0);
      totals.lastFinished = Math.max(totals.lastFinished, startedAt + (trace.services[job] ?? 0));
    },
    killed: (seconds) => {
      totals.killed++;
      totals.wastedSeconds += seconds;
    },
    undone: (job, now) => {
      totals.undone++;
      waits[job] = now - (trace.arrivals[job] ?? 0);
    },
    score: (billing) => {
      const ordered = waits.slice().sort();
      const at = (share: number): number =>
        ordered[Math.min(ordered.length - 1, Math.floor(share * ordered.length))] ?? 0;
      return {
        ...totals,
        jobs: waits.length,
        costSeconds: lives.reduce((sum, life) => sum + billed(life, billing), 0),
        workSeconds: trace.services.reduce((sum, seconds) => sum + seconds, 0),
        lateShare:
          waits.reduce((late, wait) => late + (wait > goalSeconds ? 1 : 0), 0) / Math.max(1, waits.length),
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        longest: ordered.at(-1) ?? 0,
        ...(trace.queues && { queues: queueScores(trace.queues, waits, goalSeconds) }),
      };
    },
  };
}

function billed(life: number, { minimumSeconds = 0, unitSeconds = 0 }: Billing = {}): number {
  const paid = unitSeconds > 0 ? Math.ceil(life / unitSeconds - 1e-9) * unitSeconds : life;
  return Math.max(minimumSeconds, paid);
}

function queueScores(
  { names, of }: NonNullable<Trace['queues']>,
  waits: Float64Array,
  goalSeconds: number,
): QueueScore[] {
  return names.map((name, queue) => {
    const mine = waits.filter((_, job) => of[job] === queue).sort();
    const late = mine.reduce((sum, wait) => sum + (wait > goalSeconds ? 1 : 0), 0);
    return {
      name,
      jobs: mine.length,
      lateShare: late / Math.max(1, mine.length),
      p95: mine[Math.min(mine.length - 1, Math.floor(0.95 * mine.length))] ?? 0,
    };
  });
}
