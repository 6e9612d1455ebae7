/**
 * Waits for an answer that is nearly there. A program that awaits one call after the other sleeps and wakes for each. Where
 * its processor has nothing else to do it halts meanwhile, and on a small virtual machine waking it is more than half of the
 * way to a Redis nearby and back (40 of 70 microseconds): there the event loop is better kept turning until the answer. Where
 * other programs keep the processors busy, sleeping costs nothing and leaves more to them. So both ways are timed in turns,
 * and the loop turns only where that brings the answer clearly sooner.
 */
import { availableParallelism } from 'node:os';

/** An answer from another machine rarely comes sooner; who stayed awake for it would burn time for nothing. */
export const longestAwakeMs = 0.25;
/** Calls that are compared. */
export const sampleCount = 16;
/** So many calls are made in the better way before the other is tried again; doubled each time that nothing changed. */
export const leastBetween = 256;
export const mostBetween = 16_384;
/** Awake must take less than this part of the time, as it takes some from others. */
const clearlySooner = 0.8;

export interface Awake {
  /** The same promise. Where that brings it sooner the event loop does not sleep until it settles, for a quarter of a millisecond. */
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
  const choice = createChoice();
  let waiting = false;
  let turning = false;
  let untilMs = 0;
  const look = (): void => {
    turning = waiting && now() < untilMs;
    if (turning) turn(look);
  };
  return {
    until: (answer) => {
      // With several under way the loop is kept turning by their answers.
      if (waiting || processors < 2) return answer;
      const awake = choice.next();
      const sinceMs = now();
      const settled = (): void => {
        waiting = false;
        choice.took(now() - sinceMs);
      };
      waiting = true;
      answer.then(settled, settled);
      untilMs = awake ? sinceMs + longestAwakeMs : 0;
      if (awake && !turning) turn(look);
      turning ||= awake;
      return answer;
    },
  };
}

interface Choice {
  /** Whether to wait for the next answer awake. */
  next(): boolean;
  /** How long that answer took. */
  took(ms: number): void;
}

/** The quicker of two ways, by the medians of some calls each; one that is slow once in a while says nothing. */
function createChoice(): Choice {
  let awake = false;
  let trying = false;
  let between = leastBetween;
  let left = sampleCount;
  let times: number[] = [];
  let usual = 0;
  const judge = (): void => {
    const tried = median(times);
    const better = awake ? usual < clearlySooner * tried : tried < clearlySooner * usual;
    const change = awake ? !better : better;
    if (change) awake = !awake;
    between = change ? leastBetween : Math.min(mostBetween, 2 * between);
  };
  const turnOver = (): void => {
    if (trying) judge();
    else usual = median(times);
    trying = !trying;
    times = [];
    left = trying ? sampleCount : between;
  };
  return {
    next: () => awake !== trying,
    took: (ms) => {
      left--;
      if (left < sampleCount) times.push(ms);
      if (left <= 0) turnOver();
    },
  };
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0;
}
