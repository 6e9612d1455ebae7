/** Who is there to work, and how many jobs they start in some time. */
import { busyCount, currentCount } from './formation.ts';
import type { View } from './words.ts';

/** What one worker can do. */
export interface Pace {
  readonly bootSeconds: number;
  readonly serviceSeconds: number;
  /** Jobs at a time per worker. */
  readonly slots: number;
}

export interface Crew {
  readonly current: number;
  readonly up: number;
  readonly busy: number;
  readonly idle: number;
  /** Seconds until each is up, soonest first. One that crashed has its whole boot before it. */
  readonly booting: readonly number[];
}

export function crewOf(view: View, bootSeconds: number, now: number): Crew {
  const up = view.processes.filter(({ state }) => state === 'up').length;
  const busy = busyCount(view);
  const booting = view.processes.flatMap(({ state, since }) => {
    if (state === 'crashed') return [bootSeconds];
    const sinceSeconds = Math.max(0, (now - since) / 1000);
    return state === 'starting' ? [Math.max(0, bootSeconds - sinceSeconds)] : [];
  });
  return {
    current: currentCount(view.processes),
    up,
    busy,
    idle: Math.max(0, up - busy),
    booting: booting.sort((a, b) => a - b).slice(Math.max(0, busy - up)),
  };
}

/** Nobody knows when a busy slot is free: its starts count for less, so that long jobs do not hide those behind them. */
const busyTrust = 0.6;

/** The least number of workers that starts so many jobs in time: those at hand first, the busy before all as they stay. */
export function workersFor(jobs: number, withinSeconds: number, pace: Pace, crew: Crew): number {
  const groups: (readonly [workers: number, startsEach: number])[] = [
    [crew.busy, pace.slots * busyTrust * (withinSeconds / pace.serviceSeconds)],
    [crew.idle, startsWithin(withinSeconds, pace)],
    ...crew.booting.map((left) => [1, startsWithin(withinSeconds - left, pace)] as const),
    [Number.POSITIVE_INFINITY, startsWithin(withinSeconds - pace.bootSeconds, pace)],
  ];
  let workers = 0;
  let left = jobs;
  for (const [size, each] of groups) {
    if (left <= 1e-9) break;
    const taken = Math.min(size, Math.ceil(left / each - 1e-9));
    workers += taken;
    left -= taken * each;
  }
  return workers;
}

/** Of a worker with free slots: in each the first job at once, the next ones each after a service time. */
export function startsWithin(seconds: number, { slots, serviceSeconds }: Pace): number {
  return slots * Math.max(1, seconds / serviceSeconds);
}
