/**
 * Headcount itself as a policy: the same learn() and decide() that run in production, fed with readings as meters would give
 * them (readings.ts). Time in a trace is turned into milliseconds of a fixed day, as the controller has them. The window of
 * samples is cut in steps, so that a checkup costs the same however long the trace is.
 */
import { decide } from '../decide/decide.ts';
import { defaultLearned, learn } from '../decide/learn.ts';
import type { Choice, Decision, Learned, Manager, Process, Sample, View } from '../decide/words.ts';
import type { Observation, Policy, PolicyKind, VictimRule, WorldOptions } from './policy.ts';
import { epoch, type Fidelity, type Reader, readerOf } from './readings.ts';

export interface ReplayOptions {
  readonly fidelity?: Fidelity;
  /** Called after each decision; for pictures and for tests. */
  readonly onDecision?: (decision: Decision, view: View, seen: Observation) => void;
  readonly rules?: Manager['rules'];
  readonly limits?: Manager['limits'];
  /** In place of the one that is made from the world. */
  readonly manager?: Manager;
  /** What was learned before. Absent: nothing. */
  readonly learned?: Learned;
  /** What second 0 is called, in milliseconds. Default: a fixed day. */
  readonly startsAt?: number;
  /** In place of the reader of the fidelity. */
  readonly reader?: Reader;
}

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

/** Web processes: requests of a trace wait for a slot as jobs do, but for milliseconds. */
export const headcountWeb: PolicyKind = {
  ...kindOf('headcount-web', 'Headcount, queue-time-goal', 'free', 10, 'web'),
  create: (_settings, world) =>
    webReplay(world, 'web', { slotsPerProcess: world.slots, waitInResponse: false }),
};

export const headcountWebWaits: PolicyKind = {
  ...kindOf('headcount-web-waits', 'Headcount, queue-time-goal from waits alone', 'free', 10, 'web-waits'),
  create: (_settings, world) => webReplay(world, 'web-waits', {}),
};

/** The pair of thresholds that others offer for web processes, which is a rule of ours too. */
export const webThreshold: PolicyKind = {
  ...kindOf(
    'web-threshold',
    'two thresholds of the queue time, goal and half of it',
    'free',
    10,
    'web-waits',
  ),
  create: (_settings, world) => {
    const maximumMs = world.goalSeconds * 1000;
    const options = { minimumMs: maximumMs / 2, maximumMs };
    return replay(world, { fidelity: 'web-waits', rules: [{ use: 'queue-time', options }] });
  },
};

function webReplay(world: WorldOptions, fidelity: Fidelity, options: Choice['options']): Policy {
  const goalMs = world.goalSeconds * 1000;
  return replay(world, { fidelity, rules: [{ use: 'queue-time-goal', options: { goalMs, ...options } }] });
}

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
  const startsAt = options.startsAt ?? epoch;
  const manager: Manager = options.manager ?? {
    processType: 'worker',
    rules: options.rules ?? [{ use: 'wait-goal', options: { goalSeconds: world.goalSeconds } }],
    limits: options.limits ?? [],
    minimum: world.minimum,
    maximum: world.maximum,
    paused: false,
  };
  const read = options.reader ?? readerOf(options.fidelity ?? 'full', startsAt);
  const formation = formationReader(startsAt);
  let learned: Learned = options.learned ?? defaultLearned;
  const samples: Sample[] = [];
  const decisions: Decision[] = [];
  return (seen) => {
    const now = startsAt + seen.now * 1000;
    samples.push({ at: now, readings: read(seen) });
    dropBefore(samples, now - windowMs);
    const processes = formation(seen);
    learned = learn(learned, { samples, processes, decisions, learned }, now, manager);
    const view = { samples, processes, decisions, learned };
    const decision = decide(manager, view, now);
    // Limits look at decisions that changed nothing as well; without limits there is no need to keep them.
    if (manager.limits.length > 0 || decision.desired !== decision.current) decisions.push(decision);
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

/** Makes a process anew only when it changed. */
function formationReader(startsAt: number): (seen: Observation) => Process[] {
  const known: (Process | undefined)[] = [];
  const states = { booting: 'starting', up: 'up', draining: 'stopping' } as const;
  return (seen) => {
    const processes: Process[] = [];
    seen.eachWorker((index, workerState, sinceSeconds, busySlots) => {
      const since = startsAt + sinceSeconds * 1000;
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
