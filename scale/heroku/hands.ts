/**
 * Notices that somebody else changed the formation: a person with `heroku ps:scale`, another program. What they set is
 * adopted, because every checkup begins with what there is; this is only to be told, for a quarter of an hour.
 *
 * Compared is what Heroku says was ordered with what it said before; the dynos themselves come and go by their own. After a
 * call of ours of which nobody knows whether Heroku carried it out, either number may be ours.
 */
import type { Order } from './caps.ts';
import type { Row } from './formation.ts';

export interface Hands {
  /** We are about to order this. */
  ordering(orders: readonly Order[]): void;
  /** What Heroku says is ordered now. */
  look(rows: readonly Row[], now: number): void;
  warnings(now: number): string[];
}

interface Change {
  readonly text: string;
  readonly until: number;
}

const toldMs = 15 * 60_000;
const mostTypes = 100;

export function watchHands(log: (process: string, line: string) => void): Hands {
  const seen = new Map<string, number>();
  const ours = new Map<string, Set<number>>();
  const changes = new Map<string, Change>();
  return {
    ordering(orders) {
      for (const { type, quantity } of orders) {
        const own = ours.get(type) ?? new Set();
        ours.set(type, own.add(quantity));
        changes.delete(type);
      }
    },
    look(rows, now) {
      for (const { type, quantity } of rows.slice(0, mostTypes)) {
        const before = seen.get(type);
        seen.set(type, quantity);
        if (before === undefined || before === quantity) continue;
        const isOurs = ours.get(type)?.has(quantity);
        ours.delete(type);
        if (isOurs) continue;
        const text = `somebody set ${type} to ${quantity} at Heroku (it was ${before}); that is taken as it is`;
        changes.set(type, { text, until: now + toldMs });
        log(type, text);
      }
    },
    warnings: (now) => [...changes.values()].filter(({ until }) => now < until).map(({ text }) => text),
  };
}
