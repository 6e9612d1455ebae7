/**
 * What happened in each second of this process, kept until it was delivered, at most a minute. Every second since the last delivered one
 * is told, also the empty ones: "alive, no request" is a fact, and silence is not.
 *
 * Of a second all sums are kept, and the single waits up to a number: from them come true percentiles. Above it their mean must
 * do; a sample was rejected, because its count would stand for the requests.
 */
export interface Second {
  readonly second: number;
  /** Requests whose wait is known, and the sum of their waits in ms. */
  readonly waitedCount: number;
  readonly waitedMs: number;
  /** The waits one by one, in ms; at most `waitCountMaximum`. */
  readonly waits: readonly number[];
  /** Requests that ended without an error of the server, and the sum of their times in ms. */
  readonly tookCount: number;
  readonly tookMs: number;
  /** The same of those that were answered with 5xx. */
  readonly failedCount: number;
  readonly failedMs: number;
  /** Percent. */
  readonly cpu?: number | undefined;
  /** Percent of the time in which the event loop was at work. */
  readonly eventLoop?: number | undefined;
  /** Requests at work when the second was over. */
  readonly inFlight?: number | undefined;
}

export interface Gauges {
  readonly cpu?: number | undefined;
  readonly eventLoop?: number | undefined;
}

export interface Seconds {
  began(waitedMs: number | undefined): void;
  ended(tookMs: number, failed: boolean): void;
  /** True once a request was seen. */
  busy(): boolean;
  /** True when requests were seen and none of them said since when it waits: there is no router that says so. */
  unrouted(): boolean;
  /** The seconds that are over and not delivered, the oldest first; `read` is called when there is a new one. */
  due(read: () => Gauges): readonly Second[];
  /** Everything up to this second has arrived. */
  delivered(second: number): void;
}

export const keptSeconds = 60;
export const waitCountMaximum = 2_000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };
interface Open extends Omit<Writable<Second>, 'waits'> {
  waits: number[];
}

export function createSeconds(now: () => number): Seconds {
  const kept = new Map<number, Open>();
  const nowSecond = (): number => Math.floor(now() / 1_000);
  let closedTo = nowSecond() - 1;
  let inFlight = 0;
  let seen = false;
  let routed = false;
  const open = (second: number): Open => {
    const known = kept.get(second) ?? empty(second);
    kept.set(second, known);
    if (kept.size > 2 * keptSeconds) forget(kept, second - keptSeconds);
    return known;
  };
  return {
    began: (waitedMs) => {
      seen = true;
      inFlight += 1;
      if (waitedMs === undefined) return;
      routed = true;
      const one = open(nowSecond());
      one.waitedCount += 1;
      one.waitedMs += waitedMs;
      if (one.waits.length < waitCountMaximum) one.waits.push(Math.round(waitedMs));
    },
    ended: (tookMs, failed) => {
      inFlight = Math.max(0, inFlight - 1);
      const one = open(nowSecond());
      one[failed ? 'failedCount' : 'tookCount'] += 1;
      one[failed ? 'failedMs' : 'tookMs'] += tookMs;
    },
    busy: () => seen,
    unrouted: () => seen && !routed,
    due: (read) => {
      const last = nowSecond() - 1;
      // A clock that was set back: what was told stays told, and what comes is told anew from there.
      if (closedTo > last + 1) closedTo = last;
      forget(kept, last - keptSeconds);
      for (let second = Math.max(closedTo, last - keptSeconds) + 1; second <= last; second++) open(second);
      const newest = last > closedTo ? kept.get(last) : undefined;
      if (newest) Object.assign(newest, read(), { inFlight });
      closedTo = Math.max(closedTo, last);
      return [...kept.values()].filter(({ second }) => second <= last).sort((a, b) => a.second - b.second);
    },
    delivered: (second) => forget(kept, second),
  };
}

function empty(second: number): Open {
  const counts = { waitedCount: 0, tookCount: 0, failedCount: 0 };
  return { second, ...counts, waitedMs: 0, waits: [], tookMs: 0, failedMs: 0 };
}

/** Up to this second, and what lies in an impossible future. */
function forget(kept: Map<number, Open>, upTo: number): void {
  for (const second of kept.keys())
    if (second <= upTo || second > upTo + 10 * keptSeconds) kept.delete(second);
}
