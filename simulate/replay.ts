/**
 * Headcount itself as a policy: the same learn() and decide() that run in production, fed with readings as meters would give
 * them. `full` is what our own meters know: ages, how long running jobs have run, waits and service times of recent jobs.
 * `counts` is what any queue knows: how many wait and run, and totals.
 *
 * Time in a trace is turned into milliseconds of a fixed day, as the controller has them. The window of samples is cut in
 * steps, so that a checkup costs the same however long the trace is.
 */
import { decide } from '../decide/decide.ts';
import { defaultLearned, learn } from '../decide/learn.ts';
import type {
  Decision,
  Groups,
  JobsReading,
  Learned,
  Manager,
  Process,
  Sample,
  View,
} from '../decide/words.ts';
import type { Observation, Policy, PolicyKind, VictimRule, WorldOptions } from './policy.ts';

export type Fidelity = 'full' | 'counts';

export interface ReplayOptions {
  readonly fidelity?: Fidelity;
  /** Called after each decision; for pictures and for tests. */
  readonly onDecision?: (decision: Decision, view: View, seen: Observation) => void;
  readonly rules?: Manager['rules'];
  readonly limits?: Manager['limits'];
}

/** Monday, 2 November 2026, 00:00 UTC. */
const epoch = 1_793_577_600_000;
const windowMs = 15 * 60_000;

/** Headcount with its shipped defaults, as the tables name it. */
export const headcount: PolicyKind = kindOf('headcount', 'Headcount, wait-goal', 'free', 5, 'full');

export const headcountCounts: PolicyKind = kindOf(
  'headcount-counts',
  'Headcount from counts only, every 10 s',
  'free',
  10,
  'counts',
);

function kindOf(
  name: string,
  title: string,
  victims: VictimRule,
  periodSeconds: number,
  fidelity: Fidelity,
): PolicyKind {
  const create: PolicyKind['create'] = (_settings, world) => replay(world, { fidelity });
  return { name, title, source: 'decide/', periodSeconds, victims, settings: {}, create };
}

export function replay(world: WorldOptions, options: ReplayOptions = {}): Policy {
  const manager: Manager = {
    processType: 'worker',
    rules: options.rules ?? [{ use: 'wait-goal', options: { goalSeconds: world.goalSeconds } }],
    limits: options.limits ?? [],
    minimum: world.minimum,
    maximum: world.maximum,
    paused: false,
  };
  const read = options.fidelity === 'counts' ? countsOf : fullReading();
  const formation = formationReader();
  let learned: Learned = defaultLearned;
  const samples: Sample[] = [];
  const decisions: Decision[] = [];
  return (seen) => {
    const now = epoch + seen.now * 1000;
    samples.push({ at: now, readings: [read(seen, now)] });
    dropBefore(samples, now - windowMs);
    const processes = formation(seen);
    learned = learn(learned, { samples, processes, decisions, learned }, now, manager);
    const view = { samples, processes, decisions, learned };
    const decision = decide(manager, view, now);
    if (decision.desired !== decision.current) decisions.push(decision);
    dropBefore(decisions, now - 4 * windowMs);
    options.onDecision?.(decision, view, seen);
    return decision.desired;
  };
}

/** Lets the list grow to twice its window before it is cut. */
function dropBefore(list: { at: number }[], from: number): void {
  const middle = list[list.length >> 1];
  if (list.length < 32 || !middle || middle.at > from) return;
  const first = list.findIndex(({ at }) => at > from);
  list.splice(0, first < 0 ? list.length : first);
}

function countsOf(seen: Observation, at: number): JobsReading {
  return {
    kind: 'jobs',
    queue: 'trace',
    at,
    waiting: seen.waiting,
    running: seen.running,
    slots: seen.slots,
    startedTotal: seen.startedTotal,
    finishedTotal: seen.finishedTotal,
    busySecondsTotal: seen.busySecondsTotal,
  };
}

function fullReading(): (seen: Observation, at: number) => JobsReading {
  let since = epoch;
  return (seen, at) => {
    const recent = {
      since,
      startedWaits: grouped(seen.startedWaits, seen.startedTotal),
      finishedSeconds: grouped(seen.finishedSeconds, seen.finishedTotal),
    };
    since = at;
    return {
      ...countsOf(seen, at),
      oldestSeconds: seen.oldestSeconds,
      ages: agesOf(seen),
      runningSeconds: runningOf(seen),
      recent,
    };
  };
}

const mostGroups = 64;

/** Equal steps of age, so that 100,000 jobs are as few groups as a hundred. */
function agesOf(seen: Observation): Groups {
  const width = Math.max(0.5, seen.oldestSeconds / (mostGroups - 2));
  const groups: [number, number][] = [];
  seen.eachWaiting((arrivedAt) => {
    const age = seen.now - arrivedAt;
    const last = groups.at(-1);
    if (last && last[0] - age < width) last[1]++;
    else groups.push([age, 1]);
  });
  return groups;
}

function runningOf(seen: Observation): Groups {
  const elapsed: number[] = [];
  seen.eachRunning((startedAt) => elapsed.push(seen.now - startedAt));
  return grouped(elapsed, elapsed.length);
}

/** In order, and where there are many those that are within an eighth of each other together. */
function grouped(seconds: readonly number[], _total: number): Groups {
  if (seconds.length === 0) return [];
  const ascending = Float64Array.from(seconds).sort();
  if (ascending.length <= mostGroups) return Array.from(ascending, (value) => [value, 1] as const);
  const per = ascending.length / mostGroups;
  return Array.from({ length: mostGroups }, (_, place) => {
    const [from, to] = [Math.round(place * per), Math.round((place + 1) * per)];
    return [ascending[to - 1] ?? 0, to - from] as const;
  });
}

/** Makes a process anew only when it changed. */
function formationReader(): (seen: Observation) => Process[] {
  const known: (Process | undefined)[] = [];
  const states = { booting: 'starting', up: 'up', draining: 'stopping' } as const;
  return (seen) => {
    const processes: Process[] = [];
    seen.eachWorker((index, workerState, sinceSeconds, busySlots) => {
      const since = epoch + sinceSeconds * 1000;
      const state = states[workerState];
      const busy = busySlots > 0;
      let process = known[index];
      if (!process || process.since !== since || process.state !== state || process.busy !== busy) {
        process = { name: `worker.${index}`, state, since, ...(state !== 'starting' && { busy }) };
        known[index] = process;
      }
      processes.push(process);
    });
    return processes;
  };
}
