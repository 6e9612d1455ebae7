/**
 * Workers to keep where a boot takes more than half of the goal: then whoever is started for a job that waits comes too late for
 * it, and only those that are there already can keep the promise.
 *
 * It counts the slots that will be busy when a worker that is started now would be up: running jobs that will not be done,
 * jobs that will have come and still run, and the waiting jobs that are long ones (short ones are gone by then). To
 * this it adds standard deviations, the more the less the past went well; while all goes well, none, and fewer than the mean.
 * Square-root staffing by Erlang's formula was rejected: with heavy tails it costs half as much again.
 */
import { isTight } from './need.ts';
import { doneWithin, expectedUpTo, meanSeconds } from './services.ts';
import type { Situation } from './situation.ts';
import type { View } from './words.ts';
import { arrivedPerSecond } from './work.ts';

const rateSeconds = 300;
const deviations = 4;

export interface Headroom {
  readonly workers: number;
  readonly perSecond: number;
}

export function headroom(seen: Situation, view: View): Headroom {
  const none = { workers: 0, perSecond: 0 };
  if (!isTight(seen.terms) || seen.guessed) return none;
  const perSecond = arrivedPerSecond(view.samples, rateSeconds);
  if (perSecond <= 0) return none;
  const { bootSeconds, goalSeconds, slots } = seen.terms;
  // Between two jobs a worker is worth keeping when the next one comes within about a boot.
  const kept = (perSecond * meanSeconds(seen.law())) / slots + bootSeconds / (goalSeconds + 1 / perSecond);
  return { workers: Math.max(0, Math.floor(kept), busyAfterBoot(seen, perSecond)), perSecond };
}

function busyAfterBoot({ terms, work, waiting, law: lawOf }: Situation, perSecond: number): number {
  const { goalSeconds, bootSeconds, periodSeconds, slots, trust } = terms;
  const law = lawOf();
  const ahead = bootSeconds + periodSeconds;
  const coming = perSecond * expectedUpTo(law, ahead);
  let mean = coming + waiting * (1 - doneWithin(law, 0, goalSeconds / 4));
  let variance = coming;
  for (const [elapsed, jobs] of work.running) {
    const stays = 1 - doneWithin(law, elapsed, ahead);
    mean += jobs * stays;
    variance += jobs * stays * (1 - stays);
  }
  return Math.ceil((mean - deviations * trust * Math.sqrt(variance)) / slots);
}
