/** At most so many processes up or down in one decision. */
import { currentCount } from '../formation.ts';
import type { LimitKind } from '../kinds.ts';
import { number } from '../wording.ts';

export const step: LimitKind = {
  use: 'step',
  title: 'Step',
  help: 'At most so many processes are started or stopped by one decision; an option that is left out does not limit.',
  options: [
    {
      name: 'maxUp',
      label: 'Most to start at once',
      help: 'Set it where the platform or a database cannot take many new processes at a time.',
      type: 'number',
      unit: 'processes',
      minimum: 1,
      maximum: 10_000,
      optional: true,
    },
    {
      name: 'maxDown',
      label: 'Most to stop at once',
      help: 'Set it to let processes go gradually; it costs idle time.',
      type: 'number',
      unit: 'processes',
      minimum: 1,
      maximum: 10_000,
      optional: true,
    },
  ],
  create({ maxUp, maxDown }) {
    const up = maxUp === undefined ? Number.POSITIVE_INFINITY : Math.floor(Number(maxUp));
    const down = maxDown === undefined ? Number.POSITIVE_INFINITY : Math.floor(Number(maxDown));
    return {
      apply(count, view) {
        const current = currentCount(view.processes);
        if (count > current + up)
          return { count: current + up, reason: `at most ${number(up)} more at once` };
        if (count < current - down)
          return { count: current - down, reason: `at most ${number(down)} fewer at once` };
        return { count };
      },
    };
  },
};
