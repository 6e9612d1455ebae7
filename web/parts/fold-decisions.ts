/** Neighbouring decisions that say the same and changed nothing become one line. Pure. */
import type { Decision } from '../../server/api.ts';

export interface Fold {
  readonly newest: Decision;
  readonly oldest: Decision;
  readonly checkups: number;
}

/** Newest first, as they came. */
export function foldDecisions(decisions: readonly Decision[]): Fold[] {
  const folds: Fold[] = [];
  for (const decision of decisions) {
    const last = folds.at(-1);
    if (last && alike(last.oldest, decision))
      folds[folds.length - 1] = { ...last, oldest: decision, checkups: last.checkups + 1 };
    else folds.push({ newest: decision, oldest: decision, checkups: 1 });
  }
  return folds;
}

function alike(a: Decision, b: Decision): boolean {
  return (
    a.outcome !== 'scaled' &&
    a.outcome === b.outcome &&
    a.error === b.error &&
    a.desired === b.desired &&
    a.current === b.current &&
    a.unknown === b.unknown
  );
}
