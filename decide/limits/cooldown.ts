/**
 * Lets a time pass between two changes in the same direction.
 *
 * A change is a decision whose desired count differed from its current one. An up move waits until `upSeconds` have passed
 * since the last up change, a down move until `downSeconds` have passed since the last down change; the directions do
 * not know of each other, as with HireFire's timeouts. Counting from the last change of either kind was rejected: a burst
 * right after a scale-down would wait.
 *
 * Until then the count stays where it is, with one exception: when the last change of all went the same way, its number may be
 * asked for again. Otherwise a platform that shows a change late, or a scale call that is tried again, would be
 * answered by taking the change back. Decisions dated after `now` (the clock was set back) are not looked at.
 */
import { currentCount } from '../formation.ts';
import type { LimitKind } from '../kinds.ts';
import { duration } from '../wording.ts';
import type { Decision } from '../words.ts';

export const cooldown: LimitKind = {
  use: 'cooldown',
  title: 'Cooldown',
  help: 'Lets a time pass between two changes in the same direction.',
  options: [
    {
      name: 'upSeconds',
      label: 'Between two raises',
      help: 'Usually 0: jobs that wait should not wait for this.',
      type: 'number',
      unit: 's',
      minimum: 0,
      maximum: 86_400,
      default: 0,
    },
    {
      name: 'downSeconds',
      label: 'Between two cuts',
      help: 'Fewer changes for more idle time.',
      type: 'number',
      unit: 's',
      minimum: 0,
      maximum: 86_400,
      default: 0,
    },
  ],
  create: ({ upSeconds, downSeconds }) => ({
    apply(count, view, now) {
      const current = currentCount(view.processes);
      if (count === current) return { count };
      const up = count > current;
      const pauseSeconds = Number(up ? upSeconds : downSeconds);
      const { last, lastSame } = lastChanges(view.decisions, up, now);
      if (!lastSame || now - lastSame.at >= pauseSeconds * 1000) return { count };
      const again = last === lastSame ? lastSame.desired : current;
      const kept = up ? Math.max(current, Math.min(count, again)) : Math.min(current, Math.max(count, again));
      if (kept === count) return { count };
      const left = duration(pauseSeconds - (now - lastSame.at) / 1000);
      return { count: kept, reason: `the last ${up ? 'raise' : 'cut'} was too short ago, ${left} to go` };
    },
  }),
};

function lastChanges(
  decisions: readonly Decision[],
  up: boolean,
  now: number,
): { last: Decision | undefined; lastSame: Decision | undefined } {
  const changes = decisions.filter(({ at, desired, current }) => at <= now && desired !== current);
  return {
    last: changes.at(-1),
    lastSame: changes.findLast(({ desired, current }) => desired > current === up),
  };
}
