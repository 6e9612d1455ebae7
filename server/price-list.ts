/**
 * Prices of processes, asked of the fleets at most every ten minutes. A page is not kept waiting for a slow platform: what has
 * not answered after a moment is unknown now, and there at the next look. A platform that fails keeps its last prices.
 */
import type { Rounds } from './rounds.ts';

/** Money per process and hour by process type. */
export type HourPrices = Readonly<Record<string, number>>;

export interface PriceList {
  /** By the name of the app; nothing for one whose fleet tells no prices, or did not answer yet. */
  of(apps: readonly string[]): Promise<ReadonlyMap<string, HourPrices>>;
}

const freshMs = 10 * 60_000;
const patienceMs = 1_000;
const mostApps = 20_000;

interface Entry {
  askedAt: number;
  prices: HourPrices | undefined;
  asking: Promise<void> | undefined;
}

export function createPriceList({ prices }: Pick<Rounds, 'prices'>, now: () => number): PriceList {
  const entries = new Map<string, Entry>();
  const ask = (app: string): Entry => {
    if (entries.size > mostApps) entries.clear();
    const entry = entries.get(app) ?? {
      askedAt: Number.NEGATIVE_INFINITY,
      prices: undefined,
      asking: undefined,
    };
    entries.set(app, entry);
    if (entry.asking || now() - entry.askedAt < freshMs) return entry;
    entry.askedAt = now();
    entry.asking = prices(app)
      .then((perSecond) => {
        entry.prices = perSecond && perHour(perSecond);
      })
      .catch(() => {})
      .finally(() => {
        entry.asking = undefined;
      });
    return entry;
  };
  return {
    of: async (apps) => {
      const asked = apps.map((app) => [app, ask(app)] as const);
      const answers = asked.flatMap(([, { asking }]) => asking ?? []);
      if (answers.length > 0) await soon(Promise.all(answers));
      return new Map(asked.flatMap(([app, entry]) => (entry.prices ? [[app, entry.prices] as const] : [])));
    },
  };
}

async function soon(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}

function perHour(perSecond: Readonly<Record<string, number>>): HourPrices {
  return Object.fromEntries(
    Object.entries(perSecond)
      .filter(([, price]) => Number.isFinite(price))
      .map(([type, price]) => [type, price * 3_600]),
  );
}
