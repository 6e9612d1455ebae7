/** Celery's rate limits, `10/s`, `10/m` or `10/h`: of one task in one worker, a token bucket that holds one. */

/** Per second; 0 is no limit. Undefined for what is none. Celery reads a bare number as per second. */
export function perSecond(limit: unknown): number | undefined {
  if (limit === null || limit === undefined || limit === '' || limit === 0) return 0;
  const found = /^(\d+(?:\.\d+)?)(?:\/([smh]))?$/.exec(String(limit));
  if (!found) return undefined;
  const count = Number(found[1]);
  return count / { s: 1, m: 60, h: 3600 }[(found[2] ?? 's') as 's' | 'm' | 'h'];
}

export interface RateGate {
  /** When the next may start; not later than `nowMs`: now. */
  readyMs(nowMs: number): number;
  started(nowMs: number): void;
}

export function rateGate(ratePerSecond: number): RateGate {
  const everyMs = 1000 / ratePerSecond;
  let next = 0;
  return {
    readyMs: () => next,
    started: (nowMs) => {
      // A worker that could not start in time may not catch up: the bucket holds one.
      next = Math.max(nowMs, next + everyMs > nowMs ? next : nowMs) + everyMs;
    },
  };
}
