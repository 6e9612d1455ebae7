/** Never fewer than the minimum, never more than the maximum. */
import type { LimitKind } from '../kinds.ts';
import { number } from '../wording.ts';

export const bounds: LimitKind = {
  use: 'bounds',
  title: 'Bounds',
  help: "The manager's minimum and maximum. Always on.",
  always: true,
  options: [
    {
      name: 'minimum',
      label: 'Minimum',
      help: 'Never fewer processes than this.',
      type: 'number',
      unit: 'processes',
      minimum: 0,
    },
    {
      name: 'maximum',
      label: 'Maximum',
      help: 'Never more processes than this; it wins over a minimum above it.',
      type: 'number',
      unit: 'processes',
      minimum: 0,
    },
  ],
  create(options) {
    const minimum = Math.ceil(Number(options.minimum));
    const maximum = Math.floor(Number(options.maximum));
    return {
      apply(count) {
        if (count > maximum) return { count: maximum, reason: `the maximum is ${number(maximum)}` };
        if (count < Math.min(minimum, maximum))
          return { count: Math.min(minimum, maximum), reason: `the minimum is ${number(minimum)}` };
        return { count };
      },
    };
  },
};
