/**
 * What to do when Heroku says that so many may not run (422 cannot_run_above_limit, with the number that may): order
 * that number instead, and remember it for ten minutes, so that not every checkup asks for too many again.
 *
 * Giving up was the other way, and what other autoscalers do: they stay far below the limit while work piles up.
 */
import type { Row } from './formation.ts';
import { causeOf } from './refusals.ts';

export interface Order {
  readonly type: string;
  readonly quantity: number;
}

export interface Caps {
  /** The order, lowered to what is known to be allowed. */
  apply(order: Order, row: Row, now: number): Order;
  /** The orders that may be tried after this refusal; undefined when it was not about a limit, or nothing can be lowered. */
  lower(orders: readonly Order[], rows: readonly Row[], refusal: unknown, now: number): Order[] | undefined;
  warnings(now: number): string[];
}

interface Cap {
  readonly limit: number;
  readonly asked: number;
  readonly size: string;
  readonly until: number;
}

const rememberMs = 10 * 60_000;

export function createCaps(log: (process: string, line: string) => void): Caps {
  const caps = new Map<string, Cap>();
  const tell = (type: string, { limit, asked, size }: Cap): string =>
    `Heroku runs at most ${limit} ${size} dynos of ${type} now, ${asked} were wanted`;
  return {
    apply(order, row, now) {
      const cap = caps.get(order.type);
      if (!cap) return order;
      if (now >= cap.until || cap.size !== row.size) caps.delete(order.type);
      else if (order.quantity > cap.limit) return { ...order, quantity: Math.max(cap.limit, row.quantity) };
      return order;
    },
    lower(orders, rows, refusal, now) {
      const { id, limit, asked } = causeOf(refusal);
      if (id !== 'cannot_run_above_limit' || limit === undefined) return undefined;
      // The refusal does not name the process type; the number that was asked for may tell which it is.
      const above = orders.filter(({ quantity }) => quantity > limit);
      const named = above.filter(({ quantity }) => quantity === asked);
      const guilty = named.length > 0 ? named : above;
      let lowered = false;
      const next = orders.flatMap((order) => {
        const row = rows.find(({ type }) => type === order.type);
        if (!row || !guilty.includes(order) || order.quantity <= row.quantity) return [order];
        const quantity = Math.max(limit, row.quantity);
        const cap = { limit: quantity, asked: order.quantity, size: row.size, until: now + rememberMs };
        caps.set(order.type, cap);
        log(order.type, tell(order.type, cap));
        lowered = true;
        return quantity === row.quantity ? [] : [{ ...order, quantity }];
      });
      return lowered ? next : undefined;
    },
    warnings: (now) => [...caps].filter(([, cap]) => now < cap.until).map(([type, cap]) => tell(type, cap)),
  };
}
