/** When nothing can be known for long: a count that somebody chose beforehand, instead of the last one for ever. */
import type { LimitKind } from '../kinds.ts';
import { duration, number } from '../wording.ts';
import type { Sample, View } from '../words.ts';
import { jobsIn } from '../work.ts';

export const fallback: LimitKind = {
  use: 'fallback',
  title: 'Fallback',
  help: 'After a time in which the meters could not tell, the count goes to this one; until then it does not fall.',
  reach: 'set',
  options: [
    {
      name: 'count',
      label: 'Processes',
      help: 'Enough to get through an outage of what is measured.',
      type: 'number',
      unit: 'processes',
      minimum: 0,
      maximum: 10_000,
    },
    {
      name: 'afterMinutes',
      label: 'After',
      help: 'How long nothing could be told.',
      type: 'number',
      unit: 'min',
      minimum: 1,
      maximum: 50,
      default: 10,
    },
  ],
  create: ({ count: chosen, afterMinutes }) => ({
    apply(count, view, now) {
      const since = unknownSince(view);
      const seconds = since === undefined ? 0 : (now - since) / 1000;
      if (seconds < Number(afterMinutes) * 60) return { count };
      const fixed = Math.floor(Number(chosen));
      return {
        count: fixed,
        reason: `unknown for ${duration(seconds)}, so the fallback of ${number(fixed)}`,
      };
    },
  }),
};

/** When it began that the newest samples, one after the other, and the decisions before them could not tell. */
function unknownSince({ samples, decisions }: View): number | undefined {
  const told = firstTold(samples);
  let since: number | undefined;
  for (let place = samples.length - 1; place >= 0; place--) {
    const sample = samples[place];
    if (sample && tells(sample, place, told)) return since;
    since = sample?.at;
  }
  // The window of samples is shorter than that of decisions.
  for (let place = decisions.length - 1; since !== undefined && place >= 0; place--) {
    const decision = decisions[place];
    if (!decision?.unknown) break;
    since = Math.min(since, decision.at);
  }
  return since;
}

/** By queue: the first sample that told what runs. From then on silence about it is unknown (see work.ts). */
function firstTold(samples: readonly Sample[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  samples.forEach((sample, place) => {
    for (const { queue, running } of jobsIn(sample))
      if (running !== undefined && !first.has(queue)) first.set(queue, place);
  });
  return first;
}

function tells(sample: Sample, place: number, told: ReadonlyMap<string, number>): boolean {
  if (sample.readings.some(({ kind }) => kind === 'unknown')) return false;
  return jobsIn(sample).every(
    ({ queue, running }) => running !== undefined || (told.get(queue) ?? Number.POSITIVE_INFINITY) > place,
  );
}
