/** Since when a request waits: the header that routers and proxies write when they take it. */

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A longer wait is a header in another unit or a clock that is wrong: the routers themselves give up after 30 s. */
export const waitMaximumMs = 60_000;
/** The first number from which a unit is meant: seconds have 10 digits in these centuries, milliseconds 13, and so on. */
const units: readonly (readonly [number, number])[] = [
  [1e17, 1e6], // nanoseconds
  [1e14, 1e3], // microseconds
  [1e11, 1], // milliseconds: Heroku
  [1e8, 1e-3], // seconds, with a point: nginx `t=${msec}`
];

/**
 * Milliseconds that the request waited before `now`; undefined when its headers do not say it. Router and app have different
 * clocks, so a little less than nothing is nothing.
 */
export function waitedMs(headers: Headers, now: number): number | undefined {
  const text = headers['x-request-start'] ?? headers['x-queue-start'];
  if (typeof text !== 'string' || text.length > 64) return undefined;
  const number = /^\s*(?:t\s*=\s*)?(\d+(?:\.\d+)?)\s*(?:,|;|$)/.exec(text)?.[1];
  const value = Number(number ?? 'none');
  const unit = units.find(([from]) => value >= from);
  if (!unit) return undefined;
  const waited = now - value / unit[1];
  if (waited > waitMaximumMs || waited < -waitMaximumMs) return undefined;
  return Math.max(0, waited);
}
