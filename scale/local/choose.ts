/** Pure choices of the local fleet: which index a new process gets, and which process goes. */
import { leavingOrder } from '../../decide/leaving.ts';
import type { Process } from '../../decide/words.ts';

/** The lowest index from 1 that nobody has. A process that is stopping still has its index. */
export function lowestFreeIndex(taken: readonly number[]): number {
  const used = new Set(taken);
  let index = 1;
  while (used.has(index)) index++;
  return index;
}

/**
 * Who goes when `count` must go: first those that are named, then as decide/leaving.ts orders them: those that do no work
 * yet, the idle ones, those of which nobody knows; a busy one only when all others are gone.
 */
export function victims<P extends Process>(
  processes: readonly P[],
  count: number,
  first: readonly string[] = [],
): P[] {
  const order = leavingOrder(processes, 'named') as P[];
  const named = first.flatMap((name) => order.filter((process) => process.name === name));
  const others = order.filter(({ name }) => !first.includes(name));
  return [...named, ...others].slice(0, Math.max(0, count));
}
