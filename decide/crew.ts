/** Who is there to work. */
import { busyCount, currentCount } from './formation.ts';
import type { View } from './words.ts';

export interface Crew {
  readonly current: number;
  readonly up: number;
  readonly busy: number;
  readonly idle: number;
  /** Seconds until each is up, soonest first. One that crashed has its whole boot before it. */
  readonly booting: readonly number[];
}

export function crewOf(view: View, bootSeconds: number, now: number): Crew {
  let up = 0;
  const booting: number[] = [];
  for (const { state, since } of view.processes) {
    if (state === 'up') up++;
    else if (state === 'crashed') booting.push(bootSeconds);
    else if (state === 'starting') booting.push(Math.max(0, bootSeconds - Math.max(0, (now - since) / 1000)));
  }
  const busy = busyCount(view);
  return {
    current: currentCount(view.processes),
    up,
    busy,
    idle: Math.max(0, up - busy),
    booting: booting.sort((a, b) => a - b).slice(Math.max(0, busy - up)),
  };
}
