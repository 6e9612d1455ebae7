/** How a consumer looks at a broker that cannot call it: often where there is work, the longer the silence the less. */
import { setTimeout as pause } from 'node:timers/promises';

/** How long `take` waits for a first job. */
export const takeWaitMs = 1_000;
/** A settlement waits this long for others to share its exchange. */
export const settleDelayMs = 20;

const firstPauseMs = 20;
const lastPauseMs = 100;
const growth = 1.1;

export interface Poll {
  /** There was something: the next pause is short. */
  found(): void;
  /** Ends early when the signal is aborted. */
  pause(signal: AbortSignal): Promise<void>;
}

export function createPoll(): Poll {
  let pauseMs = firstPauseMs;
  return {
    found: () => {
      pauseMs = firstPauseMs;
    },
    pause: async (signal) => {
      await pause(pauseMs, undefined, { signal }).catch(() => {});
      pauseMs = Math.min(lastPauseMs, pauseMs * growth);
    },
  };
}
