/**
 * How long the next job has waited, where no message can be read or none says when it was published.
 *
 * Jobs leave a queue in the order in which they came, so the next one is number `started + 1`, and it came when
 * `waiting + started` reached that number: each look says how far it was by then. The answer is too short by at most the
 * time between two looks, and wrong by what priorities and retries reorder. Of what waited
 * already at the first look nobody knows. Taking the head off the queue and putting it back is the other way, and is what HireFire's
 * library does; it reorders jobs, marks them as redelivered, and can lose one.
 *
 * Jobs started come from what each worker says that it has accepted since it began, summed here so that the number only
 * grows when workers come and go.
 */
export interface Arrivals {
  /** Sum of what all workers have started, from the first look on. Keeps growing when one is replaced. */
  started(totals: ReadonlyMap<string, number>): number;
  /** Seconds that the next job has waited; 0 where none waits, absent where it was there before the first look. */
  oldestSeconds(at: number, waiting: number, started: number): number | undefined;
}

const marksMaximum = 2_000;

export function createArrivals(): Arrivals {
  let totals: ReadonlyMap<string, number> | undefined;
  let sum = 0;
  /** When how many had come in all. */
  let marks: { readonly at: number; readonly arrived: number }[] = [];
  /** Had come before the first look. */
  let unseen = 0;
  return {
    started: (now) => {
      for (const [node, total] of now) {
        const before = totals ? (totals.get(node) ?? 0) : total;
        // Fewer than before: it began anew.
        sum += total >= before ? total - before : total;
      }
      totals = new Map(now);
      return sum;
    },
    oldestSeconds: (at, waiting, started) => {
      const arrived = waiting + started;
      const last = marks.at(-1);
      if (last && last.at > at) marks = [];
      if (marks.length === 0) unseen = arrived;
      if (marks.length === 0 || !last || arrived > last.arrived) marks.push({ at, arrived });
      // Where a job vanished (revoked, purged), what was counted to have come is past what can still be waiting.
      const gone = Math.max(0, (marks.at(-1)?.arrived ?? 0) - arrived);
      const next = started + gone + 1;
      marks = marks.filter((mark, index) => mark.arrived >= next || index === marks.length - 1);
      if (marks.length > marksMaximum) marks = marks.filter((_, index) => index % 2 === 0);
      const since = marks.find((mark) => mark.arrived >= next)?.at ?? at;
      if (waiting > 0 && next <= unseen) return undefined;
      return waiting > 0 ? Math.max(0, at - since) / 1_000 : 0;
    },
  };
}
