/** Where the marks of an axis stand: at round numbers, few enough to be read. */

/** From 0 to the first mark at or above the largest value: steps of 1, 2 or 5 times a power of ten, 3 to 6 marks. */
export function niceTicks(largest: number): number[] {
  const most = largest > 0 ? largest : 1;
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, place) => Number((place * step).toPrecision(12)));
}

export interface TimeTicks {
  readonly unit: string;
  readonly ticks: readonly { readonly seconds: number; readonly text: string }[];
}

const units = [
  { unit: 'seconds', seconds: 1, steps: [1, 2, 5, 10, 15, 30] },
  { unit: 'minutes', seconds: 60, steps: [1, 2, 5, 10, 15, 30] },
  { unit: 'hours', seconds: 3_600, steps: [1, 2, 3, 6, 12] },
  { unit: 'days', seconds: 86_400, steps: [1, 2, 5, 10, 30, 100, 365] },
];

export function timeTicks(endSeconds: number): TimeTicks {
  const chosen = units.findLast(({ seconds }) => endSeconds >= 3 * seconds) ?? units[0];
  const { unit, seconds, steps } = chosen ?? { unit: 'seconds', seconds: 1, steps: [1] };
  const step = steps.find((each) => endSeconds / (each * seconds) <= 13) ?? steps.at(-1) ?? 1;
  const count = Math.floor(endSeconds / (step * seconds));
  const ticks = Array.from({ length: Math.min(count, 100) + 1 }, (_, place) => ({
    seconds: place * step * seconds,
    text: String(place * step),
  }));
  return { unit, ticks };
}
