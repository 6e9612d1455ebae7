/** The dyno sizes that the fake knows, with the monthly prices that Heroku's own command line shows. */
import { stableId } from './ids.ts';

export interface DynoSize {
  readonly id: string;
  readonly name: string;
  readonly cents: number;
  /** Most processes of one type. */
  readonly most: number;
  readonly dedicated: boolean;
}

/** Only the limit of the whole app holds. */
const ordinary = Number.POSITIVE_INFINITY;

export const dynoSizes: readonly DynoSize[] = (
  [
    ['Eco', 500, 1],
    ['Basic', 700, 1],
    ['Standard-1X', 2_500, ordinary],
    ['Standard-2X', 5_000, ordinary],
    ['Performance-M', 25_000, 10],
    ['Performance-L', 50_000, 10],
    ['Performance-L-RAM', 50_000, 10],
    ['Performance-XL', 75_000, 10],
    ['Performance-2XL', 150_000, 10],
    ['Private-S', 22_500, 10],
    ['Private-M', 45_000, 10],
    ['Private-L', 90_000, 10],
  ] as const
).map(([name, cents, most]) => ({
  id: stableId(`size ${name}`),
  name,
  cents,
  most,
  dedicated: /^(Performance|Private)/.test(name),
}));

/** By name in any case, or by id. */
export function findSize(nameOrId: string): DynoSize | undefined {
  return dynoSizes.find(({ id, name }) => id === nameOrId || name.toLowerCase() === nameOrId.toLowerCase());
}
