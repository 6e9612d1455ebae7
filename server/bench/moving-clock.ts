/** A clock that only its owner moves: for benches and tests of what happens in time. */
import type { Clock } from '../clock.ts';

export interface MovingClock extends Clock {
  /** Moves on and calls back what falls due, in order. */
  advance(ms: number): void;
  /** Callbacks that are still to come. */
  waitingCount(): number;
}

export function movingClock(startMs = 1_760_000_000_000): MovingClock {
  let now = startMs;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  const next = (until: number) => [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
  return {
    now: () => now,
    random: () => 0.5,
    after: (delayMs, callback) => {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance: (ms) => {
      const until = now + ms;
      for (let timer = next(until); timer; timer = next(until)) {
        timers.delete(timer);
        now = Math.max(now, timer.at);
        timer.callback();
      }
      now = until;
    },
    waitingCount: () => timers.size,
  };
}
