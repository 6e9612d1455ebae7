/** A person's override: this many until then, whatever the rules and the bounds say. */
import type { LimitKind } from '../kinds.ts';
import { duration } from '../wording.ts';

export const hold: LimitKind = {
  use: 'hold',
  title: 'Hold',
  help: "A person's override: so many processes until a moment, whatever rules and bounds say.",
  always: true,
  options: [
    {
      name: 'count',
      label: 'Processes',
      help: 'How many to keep.',
      type: 'number',
      unit: 'processes',
      minimum: 0,
    },
    {
      name: 'until',
      label: 'Until',
      help: 'When it ends, in milliseconds since the Unix epoch; without it, when somebody ends it.',
      type: 'number',
      unit: 'ms',
      optional: true,
    },
    { name: 'by', label: 'By', help: 'Who set it.', type: 'text', optional: true },
  ],
  create: ({ count, until, by }) => ({
    apply(given, _view, now) {
      if (until !== undefined && now >= Number(until)) return { count: given };
      const left =
        until === undefined ? 'until it is ended' : `for ${duration((Number(until) - now) / 1000)} more`;
      return { count: Number(count), reason: `held by ${by ?? 'a person'} ${left}` };
    },
  }),
};
