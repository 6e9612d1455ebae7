/** Maximum, mean and quantile of what was seen lately, bounded by the window. */

export interface Sliding {
  add(now: number, value: number): void;
  maximum(): number;
  mean(): number;
  /** The least value that at least this share of the entries do not exceed; 0 when there are none. */
  quantile(share: number): number;
  full(): boolean;
}

export function sliding(windowSeconds: number): Sliding {
  let entries: { at: number; value: number }[] = [];
  let firstAt: number | undefined;
  let lastAt = 0;
  return {
    add: (now, value) => {
      firstAt ??= now;
      lastAt = now;
      entries = entries.filter((entry) => entry.at > now - windowSeconds);
      entries.push({ at: now, value });
    },
    maximum: () => entries.reduce((most, entry) => Math.max(most, entry.value), 0),
    mean: () => entries.reduce((sum, entry) => sum + entry.value, 0) / Math.max(1, entries.length),
    quantile: (share) => {
      const values = entries.map((entry) => entry.value).sort((a, b) => a - b);
      return values[Math.max(0, Math.ceil(share * values.length) - 1)] ?? 0;
    },
    full: () => firstAt !== undefined && lastAt - firstAt >= windowSeconds,
  };
}
