/**
 * Who goes when the number of processes falls. On some platforms only the highest numbers can (`highest`, Heroku); where any
 * process can be named (`named`), first those that do no work: crashed, starting and not heard yet, told to take nothing and idle, idle;
 * then those that take nothing new and still work, those of which nobody knows, the busy ones. What cannot be told to
 * take nothing goes last. Among equals the highest number goes.
 */
import type { Leaving, Process } from './words.ts';

/** All that are not stopping already, the first to go first. */
export function leavingOrder(processes: readonly Process[], leaving: Leaving): Process[] {
  const staying = processes.filter(({ state }) => state !== 'stopping');
  const byNumber = staying.toSorted((a, b) => numberOf(b.name) - numberOf(a.name));
  return leaving === 'highest' ? byNumber : byNumber.toSorted((a, b) => worth(a) - worth(b));
}

function worth({ state, busy, jobs, quietSince, deaf }: Process): number {
  if (state === 'crashed') return 0;
  const idle = jobs === undefined ? busy === false : jobs === 0;
  const busyNow = jobs === undefined ? busy === true : jobs > 0;
  if (state === 'starting' && !busyNow && jobs === undefined) return 1;
  if (quietSince !== undefined) return idle ? 2 : 4;
  if (deaf !== undefined) return 7;
  if (idle) return 3;
  return busyNow ? 6 : 5;
}

/** It can go now: it does no work, was told to take none and has none left, or cannot be told anything. */
export function isFree({ state, busy, jobs, quietSince, deaf }: Process): boolean {
  if (state === 'crashed' || deaf !== undefined) return true;
  // Whose worker speaks already works, whatever the fleet thinks of its boot; what it last said may be old.
  if (state === 'starting' && jobs === undefined) return busy !== true;
  return quietSince !== undefined && jobs === 0;
}

/** 3 of `worker.3`; 0 where there is none. */
export function numberOf(name: string): number {
  return Number(/\.(\d+)$/.exec(name)?.[1] ?? 0);
}
