/**
 * What a person may save: choices are checked against the adapters' own descriptions, and a manager as a whole by decide.
 * A secret option goes out as dots; the dots coming back mean "as it was".
 */

import { problemsWith } from '../decide/choice.ts';
import { HeadcountError } from '../decide/errors.ts';
import { checkManager } from '../decide/registry.ts';
import type { Choice, OptionValue } from '../decide/words.ts';
import type { ManagerSettings, StoredManager } from '../store/store.ts';
import type { Manager } from './api.ts';
import type { Kinds } from './kinds.ts';
import type { WatchedManager } from './watched.ts';

export const hidden = '••••••';

/** @throws HeadcountError OPTION_INVALID with every problem */
export function checkManagerSettings(kinds: Kinds, settings: ManagerSettings): void {
  refuse(`The manager "${settings.processType}" cannot be saved`, [
    ...settings.meters.flatMap((choice) => problemsWith('meter', kinds.meters, choice)),
    ...checkManager(settings),
  ]);
}

/** @throws HeadcountError OPTION_INVALID */
export function checkFleet(kinds: Kinds, fleet: Choice): void {
  refuse('The fleet cannot be saved', problemsWith('fleet', kinds.fleets, fleet));
}

function refuse(what: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new HeadcountError('OPTION_INVALID', what, problems.join('; '), 'Mend these and save again.');
}

type Side = keyof Kinds;

/** A choice as a browser may see it. */
export function hideSecrets(
  kinds: Kinds,
  side: Side,
  choice: Choice,
): { use: string; options: Choice['options'] } {
  return withSecrets(kinds, side, choice, () => hidden);
}

/** Puts the stored secrets where the dots came back: the choice at the same place, else one of the same adapter. */
export function restoreSecrets(
  kinds: Kinds,
  side: Side,
  given: readonly Choice[],
  stored: readonly Choice[],
): Choice[] {
  return given.map((choice, index) => {
    const same =
      stored[index]?.use === choice.use ? stored[index] : stored.find(({ use }) => use === choice.use);
    return withSecrets(kinds, side, choice, (name, value) =>
      value === hidden ? same?.options[name] : value,
    );
  });
}

function withSecrets(
  kinds: Kinds,
  side: Side,
  { use, options }: Choice,
  change: (name: string, value: OptionValue) => OptionValue | undefined,
): { use: string; options: Record<string, OptionValue> } {
  const kind = kinds[side].find((candidate) => candidate.use === use);
  const result: Record<string, OptionValue> = {};
  for (const [name, value] of Object.entries(options)) {
    const secret = kind?.options.some((spec) => spec.name === name && spec.secret);
    const changed = secret ? change(name, value) : value;
    if (changed !== undefined) result[name] = changed;
  }
  return { use, options: result };
}

/** A manager as the API shows it; numbers come from the loop's memory, which is newer than the store. */
export function presentManager(
  kinds: Kinds,
  stored: StoredManager,
  watched: WatchedManager | undefined,
): Manager {
  const { processType, minimum, maximum, paused, dryRun, hold, combine } = stored;
  const { serviceSeconds, bootSeconds, concurrency } = watched?.memory.learned ?? stored.learned;
  const { latest, unknown, draining } = watched?.memory ?? {};
  const shown = (side: 'meters' | 'rules' | 'limits'): Manager['meters'] =>
    stored[side].map((choice) => hideSecrets(kinds, side, choice));
  return {
    processType,
    minimum,
    maximum,
    paused,
    ...(dryRun && { dryRun }),
    ...(hold && { hold }),
    ...(combine !== undefined && { combine }),
    meters: shown('meters'),
    rules: shown('rules'),
    limits: shown('limits'),
    learned: { serviceSeconds, bootSeconds, concurrency },
    ...(latest && { latest }),
    ...(unknown && { unknown }),
    ...(draining && { draining }),
  };
}
