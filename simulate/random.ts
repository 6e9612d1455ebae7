/** A small seeded generator, so that every run can be repeated: mulberry32, whose period of 2^32 is enough for a trace. */

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Normal with mean 0 and variance 1 (Box and Muller). */
  normal(): number;
  /** Exponential with mean 1. */
  exponential(): number;
  /** Lognormal with this mean and coefficient of variation. */
  lognormal(mean: number, variation: number): number;
}

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    normal,
    exponential: () => -Math.log(1 - next()),
    lognormal: (mean, variation) => {
      const variance = Math.log(1 + variation * variation);
      return mean * Math.exp(Math.sqrt(variance) * normal() - variance / 2);
    },
  };
}
