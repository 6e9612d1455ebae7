/** HireFire's ratio, shared by the rules that have one and by the simulator's picture of HireFire. */

/** One process for so many; a ratio that is no whole number leaves no rounding behind. */
export function countByRatio(size: number, ratio: number): number {
  return Math.max(0, Math.ceil(size / ratio - 1e-9));
}

/** HireFire's "decrementable: false": while any work is left the count does not fall. */
export function keptUntilDone(size: number, current: number, wanted: number): number {
  return size > 0 ? Math.max(current, wanted) : wanted;
}
