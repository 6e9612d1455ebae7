/** What the state of a manager is, in one word and one sentence, from its newest checkup. Pure: time is an argument. */
import type { Adapters, Manager, Point } from '../server/api.ts';

/** How a state looks: `calm` needs nobody, `busy` is at work, `warn` wants a look, `bad` wants a person. */
export type Tone = 'calm' | 'busy' | 'warn' | 'bad' | 'unknown' | 'set';

export interface State {
  readonly tone: Tone;
  readonly word: string;
  readonly sentence: string;
}

/** No checkup for this long means that something is wrong, whatever the interval. */
export const staleAfterMs = 120_000;

/** A manager in full, or as the overview has it. */
export type Stateful = Pick<Manager, 'paused' | 'dryRun' | 'hold' | 'latest' | 'unknown' | 'maximum'> &
  ({ readonly meters: readonly unknown[] } | { readonly measured: boolean });

/** The most pressing first; at least one. */
export function statesOf(manager: Stateful, goal: number | undefined, now: number): State[] {
  const { latest } = manager;
  const states = [...overrides(manager, now)];
  if (!latest)
    states.push({
      tone: 'unknown',
      word: 'no checkup yet',
      sentence: 'It will be measured at the next checkup.',
    });
  else if (now - latest.at > staleAfterMs)
    states.push({ tone: 'bad', word: 'no checkups', sentence: 'It has not been measured for minutes.' });
  else if (manager.unknown !== undefined || latest.unknown > 0)
    states.push({
      tone: 'unknown',
      word: unknownState,
      sentence: manager.unknown ?? 'A reading was unknown; the count does not fall meanwhile.',
    });
  else states.push(...pressure(manager, latest, goal));
  return states;
}

const unknownState = 'reading unknown';

function overrides(manager: Stateful, now: number): State[] {
  return [...held(manager, now), ...(manager.dryRun ? [dryRun] : [])];
}

const dryRun: State = {
  tone: 'set',
  word: 'dry run',
  sentence: 'It decides and records what it would do, and changes nothing.',
};

function held(manager: Stateful, now: number): State[] {
  if (manager.paused)
    return [{ tone: 'set', word: 'paused', sentence: 'It measures and records, and changes nothing.' }];
  const { hold } = manager;
  if (!hold || (hold.until !== undefined && hold.until <= now)) return [];
  return [{ tone: 'set', word: `held at ${hold.count}`, sentence: 'A person holds this number.' }];
}

function pressure(manager: Stateful, latest: Point, goal: number | undefined): State[] {
  const oldest = oldestWait(latest);
  const late = goal !== undefined && oldest !== undefined && oldest > goal;
  const full = latest.current >= manager.maximum && latest.desired >= latest.current;
  if (late && full)
    return [
      {
        tone: 'bad',
        word: 'late, at maximum',
        sentence: 'Jobs wait past the goal, and no more workers are allowed.',
      },
    ];
  if (manager.dryRun && latest.desired !== latest.current)
    return [
      {
        tone: late ? 'warn' : 'calm',
        word: `would have ${latest.desired}`,
        sentence: `It would scale from ${latest.current} to ${latest.desired} workers.`,
      },
    ];
  const hires = latest.desired > latest.current && !manager.paused;
  if (late && hires) return [{ tone: 'warn', word: 'past the goal, hiring', sentence: change(latest) }];
  if (late)
    return [{ tone: 'warn', word: 'past the goal', sentence: 'The oldest job waits longer than the goal.' }];
  if (manager.paused) return [];
  if (hires) return [{ tone: 'busy', word: 'hiring', sentence: change(latest) }];
  if (latest.desired < latest.current)
    return [{ tone: 'busy', word: 'letting go', sentence: change(latest) }];
  if (!isMeasured(manager))
    return [{ tone: 'calm', word: 'fixed', sentence: 'No meter: only the bounds and a hold decide.' }];
  const busy = (latest.waiting ?? 0) > 0 || (latest.running ?? 0) > 0;
  return busy
    ? [{ tone: 'busy', word: 'working', sentence: 'The number of workers is as decided.' }]
    : [{ tone: 'calm', word: 'quiet', sentence: 'Nothing waits.' }];
}

function isMeasured(manager: Stateful): boolean {
  return 'measured' in manager ? manager.measured : manager.meters.length > 0;
}

function change({ current, desired }: Point): string {
  return `From ${current} to ${desired} workers.`;
}

/** A manager that a person should look at. */
export function needsAttention(states: readonly State[]): boolean {
  return states.some(({ tone }) => tone === 'bad' || tone === 'warn' || tone === 'unknown');
}

/** Whether an absent number means that measuring failed, and not that no meter tells it. */
export function isUnknown({ latest, unknown }: Pick<Manager, 'latest' | 'unknown'>): boolean {
  return unknown !== undefined || latest === undefined || latest.unknown > 0;
}

/** Where nothing waits, nothing waits long: 0 then is known. Otherwise an absent age stays unknown. */
export function oldestWait(point: Point): number | undefined {
  return point.oldestSeconds ?? (point.waiting === 0 ? 0 : undefined);
}

/** The goal for the oldest wait, in seconds: the first rule that has an option of this name and unit. */
export function goalOf(manager: Manager, adapters: Adapters | undefined): number | undefined {
  for (const rule of manager.rules) {
    const given = rule.options.goalSeconds;
    if (typeof given === 'number') return given;
    const spec = adapters?.rules
      .find((adapter) => adapter.use === rule.use)
      ?.options.find((option) => option.name === 'goalSeconds' && option.unit === 's');
    if (typeof spec?.default === 'number') return spec.default;
  }
  return undefined;
}
