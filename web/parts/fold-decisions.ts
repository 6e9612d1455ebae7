/** Neighbouring decisions that say the same and changed nothing become one line. Pure. */
import type { Decision } from '../../server/api.ts';

/** A decision; in a list over several managers with whose it is. */
export type Shown = Decision & { readonly app?: string; readonly processType?: string };

export interface Fold {
  readonly newest: Shown;
  readonly oldest: Shown;
  readonly checkups: number;
}

/** Newest first, as they came. */
export function foldDecisions(decisions: readonly Shown[]): Fold[] {
  const folds: Fold[] = [];
  for (const decision of decisions) {
    const last = folds.at(-1);
    if (last && alike(last.oldest, decision))
      folds[folds.length - 1] = { ...last, oldest: decision, checkups: last.checkups + 1 };
    else folds.push({ newest: decision, oldest: decision, checkups: 1 });
  }
  return folds;
}

function alike(a: Shown, b: Shown): boolean {
  return (
    a.outcome !== 'scaled' &&
    a.app === b.app &&
    a.processType === b.processType &&
    a.outcome === b.outcome &&
    a.error === b.error &&
    a.desired === b.desired &&
    a.current === b.current &&
    a.unknown === b.unknown
  );
}
