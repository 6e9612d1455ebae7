/**
 * Goes down only to the largest wish of the last while, and up only to the smallest: a dip or a peak that is shorter than
 * the window moves nothing. Kubernetes calls it the stabilisation window. A wish is what the rules wanted at a checkup, before
 * any limit. A mean of the wishes was rejected: it follows every dip a little.
 */
import { currentCount } from '../formation.ts';
import type { LimitKind } from '../kinds.ts';
import { duration, number } from '../wording.ts';
import type { Decision } from '../words.ts';

export const stabilise: LimitKind = {
  use: 'stabilise',
  title: 'Stabilise',
  help: 'Down only to the largest wish of the last seconds, up only to the smallest; it costs idle time.',
  options: [
    {
      name: 'downSeconds',
      label: 'Look back before a cut',
      help: 'The count falls to the largest wish of this time; 300 is what Kubernetes does.',
      type: 'number',
      unit: 's',
      minimum: 0,
      maximum: 3_600,
      default: 0,
    },
    {
      name: 'upSeconds',
      label: 'Look back before a raise',
      help: 'The count rises to the smallest wish of this time; usually 0, since jobs wait meanwhile.',
      type: 'number',
      unit: 's',
      minimum: 0,
      maximum: 3_600,
      default: 0,
    },
  ],
  create: ({ downSeconds, upSeconds }) => ({
    apply(count, view, now) {
      const current = currentCount(view.processes);
      if (count === current) return { count };
      const up = count > current;
      const seconds = Number(up ? upSeconds : downSeconds);
      const wishes = wishesSince(view.decisions, now - seconds * 1000, now);
      const kept = up
        ? Math.max(current, Math.min(count, ...wishes))
        : Math.min(current, Math.max(count, ...wishes));
      if (kept === count) return { count };
      const which = up ? 'smallest' : 'largest';
      const wish = number(up ? Math.min(...wishes) : Math.max(...wishes));
      return { count: kept, reason: `the ${which} wish of the last ${duration(seconds)} was ${wish}` };
    },
  }),
};

/** What the rules came to: the first reason leads from the current count to it. */
function wishesSince(decisions: readonly Decision[], from: number, now: number): number[] {
  return decisions.flatMap(({ at, desired, reasons }) =>
    at > from && at <= now ? [reasons[0]?.to ?? desired] : [],
  );
}
