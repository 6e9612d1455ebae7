/** What was wanted over time, for a picture: in each step the highest number, so that a short peak does not vanish. */
import type { Stretch } from './recorded.ts';
import type { Wish } from './what-if-sums.ts';

/** Of an absent number nothing is known in this step. */
export interface Step {
  readonly at: number;
  readonly present: number;
  readonly changed: number;
  readonly recorded?: number;
}

interface Given {
  readonly from: number;
  readonly to: number;
  readonly present: readonly Wish[];
  readonly changed: readonly Wish[];
  readonly stretches: readonly Stretch[];
}

const mostSteps = 500;
const leastSeconds = 10;

/** A step without a checkup, as in a gap, is left out. */
export function createSteps({ from, to, present, changed, stretches }: Given): {
  stepSeconds: number;
  steps: Step[];
} {
  const stepSeconds = Math.max(leastSeconds, Math.ceil((to - from) / 1000 / mostSteps));
  const stepMs = stepSeconds * 1000;
  const placeOf = (at: number): number => Math.floor((at - from) / stepMs);
  const [now, then] = [highest(present, placeOf), highest(changed, placeOf)];
  const counted = stretches.flatMap((stretch) =>
    stretch.map(({ at, current }) => ({ at, desired: Math.round(current) })),
  );
  const recorded = highest(counted, placeOf);
  const places = [...now.keys()].filter((place) => then.has(place)).sort((a, b) => a - b);
  const steps = places.map((place) => {
    const was = recorded.get(place);
    return {
      at: from + place * stepMs,
      present: now.get(place) ?? 0,
      changed: then.get(place) ?? 0,
      ...(was !== undefined && { recorded: was }),
    };
  });
  return { stepSeconds, steps };
}

function highest(wishes: readonly Wish[], placeOf: (at: number) => number): Map<number, number> {
  const found = new Map<number, number>();
  for (const { at, desired } of wishes) {
    const place = placeOf(at);
    found.set(place, Math.max(found.get(place) ?? 0, desired));
  }
  return found;
}
