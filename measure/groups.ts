/** Many times as few groups: neighbours are put together, each group under its longest. */
import type { Groups } from '../decide/words.ts';

const groupsMaximum = 60;

/** @param seconds in any order; a negative one, from a clock that is behind, is 0 */
export function groupsOf(seconds: readonly number[]): Groups {
  const sorted = seconds.map((one) => Math.max(0, one)).sort((a, b) => b - a);
  const size = Math.ceil(sorted.length / groupsMaximum);
  const groups: [number, number][] = [];
  for (let from = 0; from < sorted.length; from += size)
    groups.push([sorted[from] ?? 0, Math.min(size, sorted.length - from)]);
  return groups;
}
