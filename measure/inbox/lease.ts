/**
 * Who may sample an app's job queues: one process per app, as HireFire 2.0 asks for with `POST /metrics/lease`. There is no
 * word for giving a lease back, so a process that died keeps it until its time is over; that is why the time is short.
 */
export interface Lease {
  /** True when `processId` holds it from now on: nobody did, its holder let the time pass, or it holds it already. */
  ask(processId: string): boolean;
  holder(): string | undefined;
}

/** The least that the libraries accept is 5 s; 15 s keeps the gap after a crash around 30 s. */
export const leaseSeconds = 15;
/** A holder asks again when its time is over, not before, and a moment late. Nobody is to take it from a live one. */
const graceSeconds = 5;

export function createLease(now: () => number): Lease {
  const lastsMs = (leaseSeconds + graceSeconds) * 1_000;
  let held: { readonly by: string; readonly since: number } | undefined;
  // A clock that was set back must not make a lease last for ever.
  const free = (at: number): boolean => !held || at >= held.since + lastsMs || at < held.since;
  return {
    ask: (processId) => {
      const at = now();
      if (held?.by !== processId && !free(at)) return false;
      held = { by: processId, since: at };
      return true;
    },
    holder: () => (free(now()) ? undefined : held?.by),
  };
}

/** What the process that holds the lease is to sample, one entry for each number. */
export interface PlanEntry {
  readonly name: string;
  /** jqs: jobs. jql: seconds that the oldest waits. */
  readonly strategy: 'jqs' | 'jql';
  /** The library of the app that knows its queues. Absent: what the app configured itself for this name. */
  readonly adapter?: string;
  readonly queues?: readonly string[];
  readonly options?: Readonly<Record<string, boolean>>;
}

const entryCountMaximum = 256;
const queueCountMaximum = 64;
/** Early revisions of the libraries read no more than 16 KB of an answer. */
const planBytesMaximum = 16_000;

/** The body of a granted lease: each name and strategy once, within what the libraries read. */
export function planOf(entries: readonly PlanEntry[]): string {
  const once = new Map(
    entries.map((entry) => [`${entry.name.toLowerCase()} ${entry.strategy}`, bounded(entry)]),
  );
  const queues = [...once.values()].slice(0, entryCountMaximum);
  while (queues.length > 0) {
    const plan = JSON.stringify({ trace: false, job_queues: queues });
    if (Buffer.byteLength(plan) <= planBytesMaximum) return plan;
    queues.pop();
  }
  return JSON.stringify({ trace: false, job_queues: [] });
}

function bounded(entry: PlanEntry): PlanEntry {
  return entry.queues ? { ...entry, queues: entry.queues.slice(0, queueCountMaximum) } : entry;
}
