/**
 * Waits for an answer that is nearly there. A program that awaits one call after the other sleeps and wakes for each: on a
 * small virtual machine that is more than half of the way to a Redis nearby (40 of 70 microseconds), and costs as much
 * processor time as staying awake. So the event loop is kept turning for the few microseconds until the answer. Where
 * answers take longer it sleeps as ever, but for a try now and then.
 */
import { availableParallelism } from 'node:os';

/** An answer from another machine rarely comes sooner; who stayed awake for it would burn time for nothing. */
export const longestAwakeMs = 0.25;
/** The most calls that are waited for asleep before the next try. */
export const longestRest = 1_023;

export interface Awake {
  /** The same promise; until it settles, or for a quarter of a millisecond, the event loop does not sleep. */
  until<T>(answer: Promise<T>): Promise<T>;
}

export interface Surroundings {
  /** Milliseconds since any moment. */
  readonly now: () => number;
  /** Calls back when the event loop has looked for input once, without a sleep. */
  readonly turn: (back: () => void) => void;
  /** With a single one nobody could make the answer while we wait awake. */
  readonly processors: number;
}

const node: Surroundings = {
  now: () => performance.now(),
  turn: (back) => void setImmediate(back),
  processors: availableParallelism(),
};

export function createAwake({ now, turn, processors }: Surroundings = node): Awake {
  let awaited = 0;
  let turning = false;
  let untilMs = 0;
  /** Doubles with each answer that came too late; what is left of it are the calls that are waited for asleep. */
  let rest = 0;
  let restLeft = 0;
  const settled = (): void => {
    awaited--;
    if (turning) rest = 0;
  };
  const look = (): void => {
    turning = awaited > 0 && now() < untilMs;
    if (turning) turn(look);
    else if (awaited > 0) restLeft = rest = Math.min(longestRest, 2 * rest + 1);
  };
  return {
    until: (answer) => {
      if (processors < 2) return answer;
      if (restLeft > 0) {
        restLeft--;
        return answer;
      }
      awaited++;
      answer.then(settled, settled);
      untilMs = now() + longestAwakeMs;
      if (!turning) turn(look);
      turning = true;
      return answer;
    },
  };
}
