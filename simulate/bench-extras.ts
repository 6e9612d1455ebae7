/** What the bench shows beside the tournament: a capped bulk upload, the time of one decision, and what a shorter goal costs. */
import { performance } from 'node:perf_hooks';
import { decide } from '../decide/decide.ts';
import { defaultLearned, learn } from '../decide/learn.ts';
import type { Learned, Manager, Process, Sample } from '../decide/words.ts';
import { generate } from './generate.ts';
import { delayedOff, textbook } from './policies/classics.ts';
import { hirefire } from './policies/hirefire.ts';
import { keda } from './policies/keda.ts';
import { defaultWorld, type PolicyKind } from './policy.ts';
import { seeded } from './random.ts';
import { headcount, replay } from './replay.ts';
import { percent, table, times } from './tables.ts';
import { sorted, type Trace, workSeconds } from './traces.ts';
import { runWorld } from './world.ts';

const bulkJobs = 300_000;
const mostWorkers = 100;
const warmSeconds = 600;

export interface BulkRun {
  readonly title: string;
  readonly makespanSeconds: number;
  readonly overOptimumSeconds: number;
  readonly costOverWork: number;
  readonly lateShare: number;
  readonly killed: number;
}

/** The optimum is all workers at once from the first job on: a boot, then the work shared by all. The last run knows nothing. */
export function bulkRuns(): BulkRun[] {
  const cold = { ...headcount, title: 'Headcount, which knows nothing yet', startsAt: 0 };
  const warm = [headcount, hirefire, keda, delayedOff, textbook].map((kind) => ({
    ...kind,
    startsAt: warmSeconds,
  }));
  return [...warm, cold].map(({ startsAt, ...kind }) => {
    const trace = bulkTrace(startsAt);
    const best = startsAt + defaultWorld.bootSeconds + workSeconds(trace) / mostWorkers;
    const world = {
      ...defaultWorld,
      maximum: mostWorkers,
      periodSeconds: kind.periodSeconds,
      victims: kind.victims,
    };
    const score = runWorld(trace, kind.create(kind.settings, world), world).score();
    return {
      title: kind.title,
      makespanSeconds: score.lastFinished - startsAt,
      overOptimumSeconds: score.lastFinished - best,
      costOverWork: score.costSeconds / score.workSeconds,
      lateShare: score.lateShare,
      killed: score.killed,
    };
  });
}

export function bulkTable(runs: readonly BulkRun[]): string {
  const rows = runs.map((run) => [
    run.title,
    `${run.makespanSeconds.toFixed(0)} s`,
    `${run.overOptimumSeconds >= 0 ? '+' : ''}${run.overOptimumSeconds.toFixed(1)} s`,
    times(run.costOverWork),
    percent(run.lateShare),
    String(run.killed),
  ]);
  return table(['policy', 'makespan', 'over the optimum', 'cost/work', 'late', 'killed'], rows);
}

/** Jobs of a trace per second of one core (processor time, so that a busy machine says the same): the bare world, and with our decision every 5 s. */
export function speedTable(): string {
  const trace = generate('bulk', { hours: 10, perSecond: 20, seed: 1 });
  const fixed: PolicyKind['create'] = () => () => 200;
  const rows = [
    { title: 'a fixed fleet of 200', create: fixed },
    { title: headcount.title, create: headcount.create },
  ].map(({ title, create }) => {
    const world = { ...defaultWorld, maximum: 200 };
    const from = process.cpuUsage();
    runWorld(trace, create({}, world), world);
    const { user, system } = process.cpuUsage(from);
    const seconds = (user + system) / 1e6;
    return [title, String(trace.arrivals.length), `${Math.round(trace.arrivals.length / seconds)}`];
  });
  return table(['policy', 'jobs', 'simulated jobs per second'], rows);
}

/** @param startsAt before that a job every five seconds tells how long jobs take */
function bulkTrace(startsAt: number): Trace {
  const random = seeded(1);
  const before = startsAt / 5;
  const arrivals = Float64Array.from({ length: before + bulkJobs }, (_, job) =>
    job < before ? job * 5 : startsAt + random.next() * 5,
  );
  const services = Float64Array.from(arrivals, () => random.lognormal(2, 0.5));
  return sorted('bulk', arrivals, services);
}

/** Milliseconds of learn and decide, with a window of 15 minutes of readings and 500 processes. */
export function decisionTable(): string {
  const rows = [100, 100_000].flatMap((waiting) =>
    [true, false].map((ages) => {
      const milliseconds = decisionTimes(waiting, ages).sort((a, b) => a - b);
      const at = (share: number): string =>
        `${(milliseconds[Math.floor(share * milliseconds.length)] ?? 0).toFixed(3)} ms`;
      return [`${waiting} waiting, ${ages ? 'with ages' : 'counts only'}`, at(0.5), at(0.95)];
    }),
  );
  return table(['', 'median', '95th percentile'], rows);
}

function decisionTimes(waiting: number, ages: boolean): number[] {
  const now = 1_800_000_000_000;
  const manager: Manager = {
    processType: 'worker',
    rules: [{ use: 'wait-goal', options: { goalSeconds: 30 } }],
    limits: [],
    minimum: 0,
    maximum: 1_000,
    paused: false,
  };
  const processes: Process[] = Array.from({ length: 500 }, (_, index) => ({
    name: `worker.${index + 1}`,
    state: 'up',
    since: now - 600_000,
    busy: true,
  }));
  const samples: Sample[] = Array.from({ length: 180 }, (_, place) => ({
    at: now - (179 - place) * 5_000,
    readings: [readingAt(now - (179 - place) * 5_000, Math.ceil((waiting * (place + 1)) / 180), place, ages)],
  }));
  let learned: Learned = { ...defaultLearned, serviceSeconds: { value: 2, observations: 1_000 } };
  return Array.from({ length: 200 }, () => {
    const from = performance.now();
    const view = { samples, processes, decisions: [], learned };
    learned = learn(learned, view, now, manager);
    decide(manager, { ...view, learned }, now);
    return performance.now() - from;
  });
}

function readingAt(at: number, waiting: number, place: number, ages: boolean): Sample['readings'][number] {
  const groups = (seconds: number, jobs: number): [number, number][] =>
    Array.from({ length: 64 }, (_, group) => [(seconds * (64 - group)) / 64, jobs / 64]);
  return {
    kind: 'jobs',
    queue: 'celery',
    at,
    waiting,
    running: 500,
    slots: 500,
    startedTotal: place * 1_250,
    finishedTotal: place * 1_250,
    busySecondsTotal: place * 2_500,
    ...(ages && {
      ages: groups(25, waiting),
      runningSeconds: groups(8, 500),
      recent: { since: at - 5_000, startedWaits: groups(25, 1_250), finishedSeconds: groups(6, 1_250) },
    }),
  };
}

/** Every goal is a promise kept: the shorter the waits, the dearer. */
export function frontierTable(traces: readonly Trace[]): string {
  const rows = [10, 15, 20, 30, 60, 120].map((goalSeconds) => [
    `${goalSeconds} s`,
    ...traces.map((trace) => {
      const world = { ...defaultWorld, goalSeconds };
      const score = runWorld(trace, replay(world), world).score();
      const ratio = times(score.costSeconds / score.workSeconds);
      return `${ratio}  p95 ${score.p95.toFixed(1)} s  late ${percent(score.lateShare)}`;
    }),
  ]);
  return table(['goal', ...traces.map(({ name }) => name)], rows);
}
