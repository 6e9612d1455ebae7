/** What a policy saw over a run, kept for a picture. A checkup adds one entry, so a fortnight every 5 s is 240,000. */
import type { Observation, Policy } from './policy.ts';

export interface Track {
  /** Seconds of the trace, ascending; one per checkup. */
  readonly seconds: number[];
  readonly waiting: number[];
  /** Workers that are neither draining nor gone, the booting ones included. */
  readonly workers: number[];
  /** Jobs that started over the goal since the checkup before. */
  readonly late: number[];
}

export function createTrack(): Track {
  return { seconds: [], waiting: [], workers: [], late: [] };
}

/** The same policy, which tells the track and `seen` of every checkup before it answers. */
export function recorded(policy: Policy, track: Track | undefined, seen: (now: number) => void): Policy {
  return (observation: Observation) => {
    if (track) {
      track.seconds.push(observation.now);
      track.waiting.push(observation.waiting);
      track.workers.push(observation.workers);
      track.late.push(observation.lateStarts);
    }
    seen(observation.now);
    return policy(observation);
  };
}
