/**
 * Sees when the count goes up and down again and again, and lets it rest: while it changed direction too often, it does not
 * fall. It still rises, since jobs wait. Then the changes grow old, and the count may fall again: either the cause is gone, or
 * it goes on at a slower beat. Holding the count in both directions was rejected: it would break the promise of a wait.
 */
import { currentCount } from '../formation.ts';
import type { LimitKind } from '../kinds.ts';
import { duration, number } from '../wording.ts';
import type { Decision } from '../words.ts';

export const flap: LimitKind = {
  use: 'flap',
  title: 'Flap',
  help: 'When the count changed direction too often, it does not fall for a while.',
  options: [
    {
      name: 'turns',
      label: 'Changes of direction',
      help: 'So many within the window are too many; set it high where workers come and go with every burst.',
      type: 'number',
      unit: 'turns',
      minimum: 2,
      maximum: 1_000,
      default: 6,
    },
    {
      name: 'windowSeconds',
      label: 'Look back',
      help: 'Over which time they are counted.',
      type: 'number',
      unit: 's',
      minimum: 10,
      maximum: 3_600,
      default: 600,
    },
  ],
  create: ({ turns, windowSeconds }) => ({
    apply(count, view, now) {
      const current = currentCount(view.processes);
      if (count >= current) return { count };
      const seen = turnsSince(view.decisions, now - Number(windowSeconds) * 1000, now);
      if (seen < Number(turns)) return { count };
      const often = `it changed direction ${number(seen)} times in ${duration(Number(windowSeconds))}`;
      return { count: current, reason: `${often}, so it does not fall for now` };
    },
  }),
};

function turnsSince(decisions: readonly Decision[], from: number, now: number): number {
  const ups = decisions
    .filter(({ at, current, desired }) => at > from && at <= now && desired !== current)
    .map(({ current, desired }) => desired > current);
  return ups.filter((up, place) => place > 0 && up !== ups[place - 1]).length;
}
