/**
 * A bounded sample of service times. While there is room every job is kept; then every fourth takes the place of another one,
 * chosen by a hash of the count, so that the sample forgets slowly, stays sorted, and the same jobs give the same sample.
 * The last 400 jobs were rejected: they are one burst, and a burst is often of one kind.
 */
import type { Groups, ServiceSample } from './words.ts';

const size = 400;
const replaceEvery = 4;
/** Of one reading no more are looked at: they resemble each other. */
const perReading = 64;

export function addToSample(sample: ServiceSample | undefined, groups: Groups): ServiceSample | undefined {
  const values = spread(groups);
  if (values.length === 0) return sample;
  const seconds = [...(sample?.seconds ?? [])];
  let seen = sample?.seen ?? 0;
  for (const value of values) {
    seen++;
    if (seconds.length < size) insert(seconds, value);
    else if (seen % replaceEvery === 0) {
      seconds.splice((Math.imul(seen, 2_654_435_761) >>> 0) % size, 1);
      insert(seconds, value);
    }
  }
  return { seconds, seen };
}

/** At most `perReading` values that stand for all jobs of the groups. */
function spread(groups: Groups): number[] {
  const jobs = groups.reduce((sum, group) => sum + group[1], 0);
  const step = Math.max(1, jobs / perReading);
  const values: number[] = [];
  let next = step / 2;
  let passed = 0;
  for (const [seconds, count] of groups) {
    passed += count;
    for (; next < passed; next += step) values.push(Number(seconds.toPrecision(4)));
  }
  return values.filter((value) => value >= 0);
}

function insert(ascending: number[], value: number): void {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  ascending.splice(low, 0, value);
}
