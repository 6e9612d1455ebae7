/** Turns updates into changes, after Heroku's limits on the number of dynos. */
import type { Change, Platform } from './platform.ts';
import { Refusal } from './refusal.ts';
import type { Update } from './schema.ts';
import { findSize } from './sizes.ts';

/** @throws Refusal not_found, cannot_run_above_limit; then nothing of the batch is done */
export function planChanges(platform: Platform, updates: readonly Update[], mostDynos: number): Change[] {
  const changes = updates.map((update) => {
    const row = platform.row(update.type);
    const size = update.size?.name ?? row.size;
    return { row, size, quantity: quantityOf(update, row.quantity) };
  });
  for (const { row, size, quantity } of changes) {
    const most = findSize(size)?.most ?? mostDynos;
    if (quantity > most && quantity > row.quantity)
      throw aboveLimit(most, quantity, `Cannot run more than ${most} ${size} dynos of ${row.type}.`);
  }
  const others = platform.rows.filter((row) => !changes.some((change) => change.row === row));
  const total = [...changes, ...others].reduce((sum, { quantity }) => sum + quantity, 0);
  const before = platform.rows.reduce((sum, { quantity }) => sum + quantity, 0);
  if (total <= mostDynos || total <= before) return changes;
  const largest = changes.toSorted((a, b) => b.quantity - a.quantity)[0]?.quantity ?? total;
  const limit = Math.max(0, mostDynos - (total - largest));
  throw aboveLimit(limit, largest, `Cannot run more than ${mostDynos} dynos.`);
}

function quantityOf({ quantity }: Update, before: number): number {
  if (!quantity) return before;
  return 'absolute' in quantity ? quantity.absolute : Math.max(0, before + quantity.relative);
}

function aboveLimit(limit: number, size: number, message: string): Refusal {
  return new Refusal(422, 'cannot_run_above_limit', message, { limit, size });
}
