/** While anything is unknown the count does not fall: an outage must not look like an empty queue. */
import { currentCount } from '../formation.ts';
import type { LimitKind } from '../kinds.ts';

export const holdOnUnknown: LimitKind = {
  use: 'hold-on-unknown',
  title: 'Hold on unknown',
  help: 'While a meter or a rule cannot tell, the count does not fall. Always on.',
  always: true,
  options: [
    {
      name: 'why',
      label: 'What is unknown',
      help: 'What could not be told; decide() fills it in, and without it nothing is unknown.',
      type: 'text',
      optional: true,
    },
  ],
  create: ({ why }) => ({
    apply(count, view) {
      if (why === undefined) return { count };
      const kept = Math.max(count, currentCount(view.processes));
      return { count: kept, reason: `unknown, so the count does not fall: ${why}` };
    },
  }),
};
