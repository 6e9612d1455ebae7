/** What a run under some settings came to, in sums that add up over the parts of a history. */
import type { Decision } from '../decide/words.ts';
import type { Ledger } from './ledger.ts';
import type { Trace } from './traces.ts';

export interface Sums {
  readonly jobs: number;
  /** Seconds that processes existed. */
  readonly processSeconds: number;
  /** Jobs that waited longer, by goal. */
  readonly late: readonly number[];
  /** Jobs by their wait, in steps of about 5 %. */
  readonly waits: ReadonlyMap<number, number>;
  readonly longestSeconds: number;
  readonly mostProcesses: number;
  readonly changes: number;
  readonly checkups: number;
  /** Checkups at which a rule could not decide. */
  readonly unknown: number;
  readonly refusal?: string;
  readonly desired: readonly Wish[];
}

/** Milliseconds since the Unix epoch, and processes. */
export interface Wish {
  readonly at: number;
  readonly desired: number;
}

export interface Account {
  /** For the world to write into. */
  readonly ledger: Omit<Ledger, 'score'>;
  decided(decision: Decision, workers: number): void;
  sums(): Sums;
}

const stepRatio = 1.05;

export function createAccount(trace: Trace, goalsSeconds: readonly number[]): Account {
  const totals = { jobs: 0, processSeconds: 0, longestSeconds: 0, mostProcesses: 0, changes: 0, unknown: 0 };
  const late = goalsSeconds.map(() => 0);
  const waits = new Map<number, number>();
  const desired: Wish[] = [];
  let refusal: string | undefined;
  const waited = (job: number, until: number): void => {
    const seconds = until - (trace.arrivals[job] ?? 0);
    totals.jobs++;
    totals.longestSeconds = Math.max(totals.longestSeconds, seconds);
    goalsSeconds.forEach((goal, place) => {
      if (seconds > goal) late[place] = (late[place] ?? 0) + 1;
    });
    const step = stepOf(seconds);
    waits.set(step, (waits.get(step) ?? 0) + 1);
  };
  return {
    ledger: {
      started: () => {},
      scaled: () => {
        totals.changes++;
      },
      left: (commandedAt, now) => {
        totals.processSeconds += now - commandedAt;
      },
      finished: waited,
      killed: () => {},
      undone: waited,
    },
    decided: ({ at, desired: count, unknown, reasons }, workers) => {
      desired.push({ at, desired: count });
      totals.mostProcesses = Math.max(totals.mostProcesses, workers, count);
      if (!unknown) return;
      totals.unknown++;
      refusal = reasons.at(-1)?.text;
    },
    sums: () => ({
      ...totals,
      late,
      waits,
      desired,
      checkups: desired.length,
      ...(refusal !== undefined && { refusal }),
    }),
  };
}

export function together(parts: readonly Sums[]): Sums {
  const sum = (of: (part: Sums) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const most = (of: (part: Sums) => number): number =>
    parts.reduce((highest, part) => Math.max(highest, of(part)), 0);
  const waits = new Map<number, number>();
  for (const part of parts)
    for (const [step, jobs] of part.waits) waits.set(step, (waits.get(step) ?? 0) + jobs);
  const refusal = parts.find((part) => part.refusal !== undefined)?.refusal;
  return {
    jobs: sum(({ jobs }) => jobs),
    processSeconds: sum(({ processSeconds }) => processSeconds),
    late: (parts[0]?.late ?? []).map((_, place) => sum((part) => part.late[place] ?? 0)),
    waits,
    longestSeconds: most(({ longestSeconds }) => longestSeconds),
    mostProcesses: most(({ mostProcesses }) => mostProcesses),
    changes: sum(({ changes }) => changes),
    checkups: sum(({ checkups }) => checkups),
    unknown: sum(({ unknown }) => unknown),
    ...(refusal !== undefined && { refusal }),
    desired: parts.flatMap((part) => part.desired),
  };
}

/** The wait that so many of a hundred jobs do not pass, at most 5 % too high. 0 when nobody waited. */
export function percentile({ waits, jobs, longestSeconds }: Sums, share: number): number {
  let passed = 0;
  for (const [step, count] of [...waits].sort(([a], [b]) => a - b)) {
    passed += count;
    if (passed >= share * jobs) return step === 0 ? 0 : Math.min(longestSeconds, stepRatio ** step / 100);
  }
  return longestSeconds;
}

/** Hundredths of a second and less are no wait. */
function stepOf(seconds: number): number {
  return seconds <= 0.01 ? 0 : Math.max(1, Math.ceil(Math.log(seconds * 100) / Math.log(stepRatio)));
}
