/** A binary heap of (key, number) pairs in typed arrays: the least key, usually a time, on top. It grows by doubling. */

export interface Heap {
  readonly size: () => number;
  /** The earliest time, or infinity when it is empty. */
  readonly nextAt: () => number;
  readonly push: (at: number, item: number) => void;
  /** Takes the earliest off and answers its number; -1 when empty. */
  readonly pop: () => number;
}

export function createHeap(capacity = 1_024): Heap {
  let times = new Float64Array(capacity);
  let items = new Float64Array(capacity);
  let size = 0;

  const grow = (): void => {
    const [oldTimes, oldItems] = [times, items];
    times = new Float64Array(size * 2);
    items = new Float64Array(size * 2);
    times.set(oldTimes);
    items.set(oldItems);
  };

  const push = (at: number, item: number): void => {
    if (size === times.length) grow();
    let hole = size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if ((times[parent] as number) <= at) break;
      times[hole] = times[parent] as number;
      items[hole] = items[parent] as number;
      hole = parent;
    }
    times[hole] = at;
    items[hole] = item;
  };

  const pop = (): number => {
    if (size === 0) return -1;
    const top = items[0] as number;
    const at = times[--size] as number;
    const item = items[size] as number;
    let hole = 0;
    for (let child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && (times[child + 1] as number) < (times[child] as number)) child++;
      if ((times[child] as number) >= at) break;
      times[hole] = times[child] as number;
      items[hole] = items[child] as number;
      hole = child;
    }
    times[hole] = at;
    items[hole] = item;
    return top;
  };

  return {
    size: () => size,
    nextAt: () => (size > 0 ? (times[0] as number) : Number.POSITIVE_INFINITY),
    push,
    pop,
  };
}
