/** Seeded chance: the same seed gives the same bursts, so a run can be had again. */

export interface Chance {
  /** 0 (inclusive) to 1 (exclusive). */
  next(): number;
  /** Both ends inclusive. */
  whole(from: number, to: number): number;
  pick<T>(list: readonly T[]): T;
  /** Many small values and a few very large ones, as uploads are: a Pareto tail cut at `most`. */
  heavy(least: number, most: number, shape: number): number;
}

/** Mulberry32: 32 bits of state are plenty for a load, and no package is needed. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    whole: (from, to) => from + Math.floor(next() * (to - from + 1)),
    pick: (list) => {
      const one = list[Math.floor(next() * list.length)];
      if (one === undefined) throw new RangeError('nothing to pick from');
      return one;
    },
    heavy: (least, most, shape) => Math.min(most, Math.floor(least / (1 - next()) ** (1 / shape))),
  };
}
