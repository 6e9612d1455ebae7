/**
 * So much money per calendar month (UTC), and no more. What was spent is what the processes of this month existed, at the
 * price of one. Near the limit it warns; at the end it lets only as many run as the rest pays for an hour, so the money
 * tapers off instead of ending with a bang; when it is gone, `keep` go on, and cost what they cost.
 *
 * Spreading the rest over the rest of the month was rejected: it would refuse a short burst that the money easily pays. Where
 * nobody knows what was spent, the budget can only be kept by never running more than it pays for all month.
 */
import type { LimitKind } from '../kinds.ts';
import type { OptionSpec } from '../options.ts';
import { monthStart } from '../wall-clock.ts';
import { number } from '../wording.ts';
import type { Limited, View } from '../words.ts';

const options: readonly OptionSpec[] = [
  {
    name: 'perMonth',
    label: 'Money per month',
    help: 'What this process type may cost in a calendar month (UTC), in the currency of the price.',
    type: 'number',
    minimum: 0,
    maximum: 1e9,
  },
  {
    name: 'pricePerHour',
    label: 'Price of a process per hour',
    help: 'Billed by the second; a price per month is divided by 730 first.',
    type: 'number',
    minimum: 0.000_001,
    maximum: 1e6,
  },
  {
    name: 'warnPercent',
    label: 'Warn from',
    help: 'The part of the money from which each decision says how much is spent.',
    type: 'number',
    unit: '%',
    minimum: 1,
    maximum: 100,
    default: 80,
  },
  {
    name: 'keep',
    label: 'Keep',
    help: 'So many may go on when the money is gone; 0 stops all.',
    type: 'number',
    unit: 'processes',
    minimum: 0,
    maximum: 10_000,
    default: 1,
  },
];

export const budget: LimitKind = {
  use: 'budget',
  title: 'Budget',
  help: 'A process type costs at most this much per calendar month: it warns, then it caps.',
  reach: 'cap',
  options,
  create(given) {
    const [perMonth, pricePerHour, warnPercent, keep] = options.map(({ name }) => Number(given[name])) as [
      number,
      number,
      number,
      number,
    ];
    return {
      apply(count, view, now) {
        const spent = spentSince(view, now, pricePerHour);
        if (spent === undefined) return evenly(count, perMonth, pricePerHour, keep);
        const left = Math.max(0, perMonth - spent);
        const most = Math.max(Math.floor(keep), Math.floor(left / pricePerHour + 1e-9));
        const part = `${money(spent)} of ${money(perMonth)} for this month are spent`;
        if (count > most) {
          const why =
            left > 0 ? `the rest pays ${number(most)} for an hour` : `only ${number(most)} may go on`;
          return { count: most, reason: `${part}, ${why}` };
        }
        return spent * 100 >= perMonth * warnPercent ? { count, reason: part } : { count };
      },
    };
  },
};

/** Nothing when what the month had before anybody looked is not known. A new month begins at nothing. */
function spentSince({ used }: View, now: number, pricePerHour: number): number | undefined {
  if (!used || used.since > now) return undefined;
  return used.since < monthStart(now) ? undefined : (used.processSeconds * pricePerHour) / 3_600;
}

const hoursPerMonth = 730;

function evenly(count: number, perMonth: number, pricePerHour: number, keep: number): Limited {
  const most = Math.max(Math.floor(keep), Math.floor(perMonth / (pricePerHour * hoursPerMonth) + 1e-9));
  if (count <= most) return { count };
  const pays = `${money(perMonth)} pay ${number(most)} for a whole month`;
  return { count: most, reason: `what was spent this month is not known, and ${pays}` };
}

function money(value: number): string {
  const [whole = '0', cents = '00'] = value.toFixed(2).split('.');
  return `${number(Number(whole))}.${cents}`;
}
