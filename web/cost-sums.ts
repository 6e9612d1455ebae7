/** Sums of what apps cost, for the cost page. Pure. Money is summed over what has a price; the rest is named, never zero. */
import type { Cost, TypeCost } from '../server/api-overview.ts';

export interface CostSums {
  readonly spent: number;
  readonly alwaysOn: number;
  readonly saved: number;
  /** Absent: too little is known of some of it. */
  readonly forecast?: number;
  readonly processHours: number;
  /** How many process types have a price. */
  readonly priced: number;
  /** Process types that ran and have no price: "catalogue/mailer". */
  readonly unpriced: readonly string[];
  readonly unknownHours: number;
}

type Apps = Cost['apps'];

export function sumsOf(apps: Apps): CostSums {
  const types = apps.flatMap(({ name, processTypes }) => processTypes.map((type) => ({ name, type })));
  const priced = types.flatMap(({ type }) => type.money ?? []);
  const add = (of: (money: NonNullable<TypeCost['money']>) => number): number =>
    priced.reduce((sum, money) => sum + of(money), 0);
  // One that never ran yet has no forecast, and will perhaps cost nothing.
  const foreseen = types.every(
    ({ type }) => !type.money || type.hours === 0 || type.money.forecast !== undefined,
  );
  return {
    spent: add(({ spent }) => spent),
    alwaysOn: add(({ alwaysOn }) => alwaysOn),
    saved: add(({ saved }) => saved),
    ...(foreseen && { forecast: add(({ forecast, spent }) => forecast ?? spent) }),
    processHours: types.reduce((sum, { type }) => sum + type.processHours, 0),
    priced: priced.length,
    unpriced: types
      .filter(({ type }) => !type.money && type.processHours > 0)
      .map(({ name, type }) => `${name}/${type.processType}`),
    unknownHours: types.reduce((sum, { type }) => sum + type.unknownHours, 0),
  };
}

export interface CostDay {
  readonly at: number;
  /** Of what has a price. Absent: nothing is known of the day. */
  readonly spent?: number;
}

export function daysOf({ apps, from }: Cost): CostDay[] {
  const types = apps.flatMap(({ processTypes }) => processTypes).filter(({ money }) => money);
  const count = Math.max(0, ...types.map(({ days }) => days.length));
  return Array.from({ length: count }, (_, index) => {
    const known = types.flatMap(({ days, money }) => {
      const hours = days[index];
      return hours === null || hours === undefined ? [] : [hours * (money?.pricePerHour ?? 0)];
    });
    const spent = known.length > 0 && { spent: known.reduce((sum, each) => sum + each, 0) };
    return { at: from + index * 86_400_000, ...spent };
  });
}

export interface Month {
  /** As it stands in the address: 2026-03. */
  readonly key: string;
  readonly from: number;
  readonly until: number;
  readonly before: string;
  readonly after: string;
}

/** A month where the reader is. @param key as 2026-03; absent: that of `now` */
export function monthOf(key: string | undefined, now: number): Month {
  const today = new Date(now);
  const [year = today.getFullYear(), month = today.getMonth() + 1] = key?.split('-').map(Number) ?? [];
  const start = (index: number): Date => new Date(year, month - 1 + index, 1);
  return {
    key: keyOf(start(0)),
    from: start(0).getTime(),
    until: start(1).getTime(),
    before: keyOf(start(-1)),
    after: keyOf(start(1)),
  };
}

function keyOf(date: Date): string {
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, '0')}`;
}
