/**
 * Restarts dynos that stay crashed. Heroku restarts a crashed dyno once at once, then after 20 minutes and longer; a
 * broker that was away for a minute should not cost a worker for so long.
 *
 * A dyno is restarted after it was crashed for a minute, then after twice as long each time, up to an hour, and three
 * at most at one count: what crashes at every start is ill, and restarting it more often does not heal it.
 */
import type { Formation } from '../../decide/words.ts';

const firstPauseMs = 60_000;
const longestPauseMs = 3_600_000;
const mostAtOnce = 3;

/** Names of the dynos to restart now; call it with each formation. */
export function watchCrashed(): (formation: Formation, now: number) => string[] {
  const pauses = new Map<string, { ms: number; last: number }>();
  return (formation, now) => {
    const processes = Object.values(formation).flat();
    const crashed = processes.filter(({ state }) => state === 'crashed');
    for (const [name, { ms, last }] of pauses) {
      const isGone = !processes.some((process) => process.name === name);
      const isWell = !crashed.some((process) => process.name === name) && now - last > 2 * ms;
      if (isGone || isWell) pauses.delete(name);
    }
    const due = crashed.filter(({ name, since }) => {
      const { ms, last } = pauses.get(name) ?? { ms: firstPauseMs, last: 0 };
      return now - Math.max(since, last) >= ms;
    });
    return due.slice(0, mostAtOnce).map(({ name }) => {
      const before = pauses.get(name)?.ms ?? firstPauseMs;
      pauses.set(name, { ms: Math.min(longestPauseMs, before * 2), last: now });
      return name;
    });
  };
}
