/** A sliding maximum and a sliding mean over time, bounded by the window. */

export interface Sliding {
  add(now: number, value: number): void;
  maximum(): number;
  mean(): number;
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
    full: () => firstAt !== undefined && lastAt - firstAt >= windowSeconds,
  };
}
