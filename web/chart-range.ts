/**
 * A stretch of time that a chart is zoomed to: as it stands in the address, and how it is moved and narrowed. Pure: now is
 * an argument. It is never shorter than a minute, never longer than is kept, and never in the future.
 */
export interface Range {
  /** Milliseconds since the Unix epoch. */
  readonly from: number;
  readonly to: number;
}

const shortestMs = 60_000;
const longestMs = 400 * 86_400_000;

export type Move = 'in' | 'out' | 'earlier' | 'later';

/** From the address; nothing when it is no stretch of time. */
export function rangeIn({ from, to }: Record<string, unknown>): Range | undefined {
  if (typeof from !== 'number' || typeof to !== 'number') return undefined;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0) return undefined;
  return to - from >= shortestMs && to - from <= longestMs && to <= 8.64e15 ? { from, to } : undefined;
}

/** What was drawn over, in whichever direction; widened to what can be shown. */
export function rangeOf(one: number, other: number, now: number): Range {
  const [from, to] = [Math.round(Math.min(one, other)), Math.round(Math.max(one, other))];
  const width = Math.min(longestMs, Math.max(shortestMs, to - from));
  const middle = (from + to) / 2;
  const end = Math.min(Math.round(middle + width / 2), Math.ceil(now));
  return { from: Math.max(0, end - width), to: Math.max(width, end) };
}

/** By half of what is shown. */
export function moved({ from, to }: Range, move: Move, now: number): Range {
  const half = (to - from) / 2;
  if (move === 'in') return rangeOf(from + half / 2, to - half / 2, now);
  if (move === 'out') return rangeOf(from - half, to + half, now);
  return move === 'earlier' ? rangeOf(from - half, to - half, now) : rangeOf(from + half, to + half, now);
}
