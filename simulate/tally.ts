/** What happened to the jobs of one queue so far, and since the last checkup. */
import type { Trace } from './traces.ts';

export interface Tally {
  startedTotal: number;
  finishedTotal: number;
  busySecondsTotal: number;
  /** Since the last checkup, at most a thousand each. */
  readonly startedWaits: number[];
  readonly finishedSeconds: number[];
}

export function tallies({ queues }: Trace): Tally[] {
  return (queues?.names ?? ['']).map(() => ({
    startedTotal: 0,
    finishedTotal: 0,
    busySecondsTotal: 0,
    startedWaits: [],
    finishedSeconds: [],
  }));
}
