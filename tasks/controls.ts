/** What can be changed in a worker while it runs, by remote control: what is revoked, how fast, and for how long tasks may run. */
import type { TaskMessage } from './message.ts';
import { perSecond, type RateGate, rateGate } from './remote/rate.ts';
import { mostRevoked, type Revoked, revokedIds } from './remote/revoked.ts';
import type { Definition } from './task.ts';

export interface TimeLimits {
  readonly softSeconds: number | null;
  readonly hardSeconds: number | null;
}

export interface Controls {
  readonly revoked: Revoked;
  /** By the name of the task; only those that have one. */
  readonly rates: Map<string, { readonly text: string; readonly gate: RateGate }>;
  /** By the name of the task; in place of the limits of its definition. */
  readonly timeLimits: Map<string, TimeLimits>;
  /** Stamps, by which jobs are revoked in groups: name to values. */
  readonly revokedStamps: Map<string, Set<string>>;
}

export function controlsOf(tasks: ReadonlyMap<string, Definition>): Controls {
  const controls: Controls = {
    revoked: revokedIds(),
    rates: new Map(),
    timeLimits: new Map(),
    revokedStamps: new Map(),
  };
  for (const { name, options } of tasks.values()) setRate(controls, name, options.rateLimit);
  return controls;
}

/** False for what is no rate limit. */
export function setRate({ rates }: Controls, name: string, limit: unknown): boolean {
  const rate = perSecond(limit);
  if (rate === undefined) return false;
  if (rate > 0) rates.set(name, { text: String(limit), gate: rateGate(rate) });
  else rates.delete(name);
  return true;
}

/** The message's own limits count before those set for its task; 0 is none, as for Celery. */
export function limitsOf(
  { timeLimits }: Controls,
  { timeLimit, task }: TaskMessage,
  { options }: Definition,
): TimeLimits {
  const set = timeLimits.get(task);
  const soft = set ? set.softSeconds : (options.softTimeLimitSeconds ?? null);
  const hard = set ? set.hardSeconds : (options.timeLimitSeconds ?? null);
  return {
    softSeconds: timeLimit.softSeconds || soft || null,
    hardSeconds: timeLimit.hardSeconds || hard || null,
  };
}

/** At most 50,000 values of a stamp; the oldest is forgotten first. */
export function revokeStamp({ revokedStamps }: Controls, name: string, value: string): void {
  const known = revokedStamps.get(name) ?? new Set();
  known.delete(value);
  known.add(value);
  for (const oldest of known) {
    if (known.size <= mostRevoked) break;
    known.delete(oldest);
  }
  revokedStamps.set(name, known);
}

export function isRevoked({ revoked, revokedStamps }: Controls, message: TaskMessage): boolean {
  if (revoked.size > 0 && revoked.has(message.id)) return true;
  return revokedStamps.size > 0 && hasStamp(message, revokedStamps);
}

/** Of Celery's header `stamps`, each of which has one value or a list. */
function hasStamp(message: TaskMessage, wanted: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const stamps = message.extraHeaders.stamps;
  if (typeof stamps !== 'object' || stamps === null) return false;
  return [...wanted].some(([name, values]) => {
    const found: unknown = (stamps as Record<string, unknown>)[name];
    return (Array.isArray(found) ? found : [found]).some((value) => values.has(String(value)));
  });
}
