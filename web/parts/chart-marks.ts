/**
 * Decisions as marks on a chart. Marks that would stand on one another become one that says how many it is; where the
 * pointer is near one, that one is read out. Pure: the width of the picture is an argument.
 */
import type { Decision } from '../../server/api.ts';

export interface Mark {
  /** The newest of those that stand together. */
  readonly decision: Decision;
  readonly count: number;
  /** In the picture, in pixels from its left edge. */
  readonly x: number;
  readonly look: 'grew' | 'shrank' | 'failed' | 'would-grow' | 'would-shrink';
}

/** Closer than this, two marks cannot be told apart. */
const apartPx = 9;
export const nearPx = 12;

/** From left to right. `decisions` in any order; those outside the picture are left out. */
export function marksOf(
  decisions: readonly Decision[],
  xOf: (at: number) => number,
  widthPx: number,
): Mark[] {
  const marks: Mark[] = [];
  for (const decision of [...decisions].sort((a, b) => a.at - b.at)) {
    const x = xOf(decision.at);
    if (x < 0 || x > widthPx) continue;
    const last = marks.at(-1);
    if (last && x - last.x < apartPx) marks[marks.length - 1] = joined(last, decision);
    else marks.push({ decision, count: 1, x, look: lookOf(decision) });
  }
  return marks;
}

export function nearest(marks: readonly Mark[], x: number): Mark | undefined {
  return marks
    .filter((mark) => Math.abs(mark.x - x) <= nearPx)
    .reduce<Mark | undefined>(
      (best, mark) => (best && Math.abs(best.x - x) <= Math.abs(mark.x - x) ? best : mark),
      undefined,
    );
}

/** It stays where the first of them stands, so that a long row of them does not become one; a failure is not hidden. */
function joined(mark: Mark, decision: Decision): Mark {
  const look = mark.look === 'failed' ? 'failed' : lookOf(decision);
  return { decision, count: mark.count + 1, x: mark.x, look };
}

function lookOf({ outcome, current, desired }: Decision): Mark['look'] {
  if (outcome === 'failed') return 'failed';
  if (outcome === 'dry-run') return desired > current ? 'would-grow' : 'would-shrink';
  return desired > current ? 'grew' : 'shrank';
}
