/** What a dyno costs per second, from /dyno-sizes. Heroku bills by the second; a month has 720 hours there. */
import type { Row } from './formation.ts';

const secondsPer: Readonly<Record<string, number>> = { month: 720 * 3_600, hour: 3_600 };

/**
 * Dollars per second by process type. A type is left out where nobody can say: enterprise accounts see no prices, and the
 * five dollars of Eco are paid once for all of them.
 */
export function pricesOf(rows: readonly Row[], sizes: readonly unknown[]): Record<string, number> {
  const prices: Record<string, number> = {};
  for (const { type, size, sizeId } of rows) {
    const found = sizes.map(readSize).find(({ id, name }) => id === sizeId || name === size.toLowerCase());
    const seconds = secondsPer[found?.unit ?? ''];
    if (!found || seconds === undefined || found.name === 'eco') continue;
    if (Number.isFinite(found.cents)) prices[type] = found.cents / 100 / seconds;
  }
  return prices;
}

function readSize(item: unknown): { id: unknown; name: string; cents: number; unit: string } {
  const { id, name, cost } = (item ?? {}) as { id?: unknown; name?: unknown; cost?: unknown };
  const { cents, unit } = (cost ?? {}) as { cents?: unknown; unit?: unknown };
  return { id, name: String(name).toLowerCase(), cents: Number(cents ?? Number.NaN), unit: String(unit) };
}
