/** When nothing can be known for long: a count that somebody chose beforehand, instead of the last one for ever. */
import type { LimitKind } from '../kinds.ts';
import { duration, number } from '../wording.ts';
import type { View } from '../words.ts';
import { unknownsIn } from '../work.ts';

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
  let since: number | undefined;
  for (let place = samples.length; place > 0; place--) {
    if (unknownsIn(samples.slice(0, place)).length === 0) return since;
    since = samples[place - 1]?.at;
  }
  // The window of samples is shorter than that of decisions.
  for (const { at, unknown } of since === undefined ? [] : decisions.toReversed()) {
    if (!unknown) break;
    since = Math.min(since ?? at, at);
  }
  return since;
}
