/** Pure choices of the local fleet: which index a new process gets, and which process goes. */
import type { ProcessState } from '../../decide/words.ts';

export interface Candidate {
  readonly index: number;
  readonly state: ProcessState;
  readonly busy?: boolean | undefined;
}

/** The lowest index from 1 that nobody has. A process that is stopping still has its index. */
export function lowestFreeIndex(taken: readonly number[]): number {
  const used = new Set(taken);
  let index = 1;
  while (used.has(index)) index++;
  return index;
}

/**
 * Who goes when `count` must go. First those that do no work yet: crashed, then starting; then the idle ones; then those
 * of which nobody knows; a busy one only when all others are gone. Among equals the highest index goes, so that low
 * numbers stay.
 */
export function victims<C extends Candidate>(candidates: readonly C[], count: number): C[] {
  return candidates
    .filter((candidate) => candidate.state !== 'stopping')
    .toSorted((a, b) => worth(a) - worth(b) || b.index - a.index)
    .slice(0, Math.max(0, count));
}

function worth({ state, busy }: Candidate): number {
  if (state === 'crashed') return 0;
  if (state === 'starting') return 1;
  if (busy === false) return 2;
  return busy === undefined ? 3 : 4;
}
