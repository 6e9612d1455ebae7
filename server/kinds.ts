/** Every adapter that can be chosen, from the registries, and the one way to check a choice of them. */
import { HeadcountError } from '../decide/errors.ts';
import { checkOptions, type OptionSpec, type Options, unknownName } from '../decide/options.ts';
import { type LimitKind, limits, type RuleKind, rules } from '../decide/registry.ts';
import type { Choice } from '../decide/words.ts';
import type { MeterKind } from '../measure/meter.ts';
import { meters } from '../measure/registry.ts';
import type { FleetKind } from '../scale/fleet.ts';
import { fleets } from '../scale/registry.ts';

export interface Kinds {
  readonly meters: readonly MeterKind[];
  readonly rules: readonly RuleKind[];
  readonly limits: readonly LimitKind[];
  readonly fleets: readonly FleetKind[];
}

/** What the product ships; tests bring their own. */
export const shippedKinds: Kinds = { meters, rules, limits, fleets };

interface Kind {
  readonly use: string;
  readonly options: readonly OptionSpec[];
}

/** What is wrong with a choice, each as a clause; empty when nothing is. */
export function problemsWith(what: string, kinds: readonly Kind[], choice: Choice): string[] {
  const kind = kinds.find(({ use }) => use === choice.use);
  if (!kind)
    return [
      unknownName(
        what,
        choice.use,
        kinds.map(({ use }) => use),
      ),
    ];
  const checked = checkOptions(kind.options, choice.options);
  return checked.ok ? [] : checked.problems.map((problem) => `${what} "${choice.use}": ${problem}`);
}

/**
 * The adapter of a choice and its options with the defaults filled in.
 *
 * @throws HeadcountError ADAPTER_UNKNOWN, OPTION_INVALID
 */
export function resolve<K extends Kind>(
  what: string,
  kinds: readonly K[],
  choice: Choice,
): { kind: K; options: Options } {
  const kind = kinds.find(({ use }) => use === choice.use);
  const checked = kind && checkOptions(kind.options, choice.options);
  if (kind && checked?.ok) return { kind, options: checked.options };
  throw new HeadcountError(
    kind ? 'OPTION_INVALID' : 'ADAPTER_UNKNOWN',
    `The ${what} "${choice.use}" cannot be used`,
    problemsWith(what, kinds, choice).join('; '),
    'Change it in headcount.yaml or in the dashboard.',
  );
}
