/** The one way to check a choice (`use` and its options) against the adapters that there are. */
import { HeadcountError } from './errors.ts';
import { checkOptions, type OptionSpec, type Options, unknownName } from './options.ts';
import type { Choice } from './words.ts';

export interface Choosable {
  readonly use: string;
  readonly options: readonly OptionSpec[];
  /** What is wrong with options that pass their description, each with what to write. */
  problems?(options: Options): string[];
}

/** What is wrong with a choice, each as a clause; empty when nothing is. */
export function problemsWith(what: string, kinds: readonly Choosable[], { use, options }: Choice): string[] {
  const kind = kinds.find((candidate) => candidate.use === use);
  const names = kinds.map((candidate) => candidate.use);
  if (!kind) return [unknownName(what, use, names)];
  const checked = checkOptions(kind.options, options);
  const problems = checked.ok ? (kind.problems?.(checked.options) ?? []) : checked.problems;
  return problems.map((problem) => `${what} "${use}": ${problem}`);
}

/**
 * The adapter of a choice and its options with the defaults filled in.
 *
 * @throws HeadcountError ADAPTER_UNKNOWN, OPTION_INVALID
 */
export function resolve<K extends Choosable>(
  what: string,
  kinds: readonly K[],
  choice: Choice,
): { kind: K; options: Options } {
  const kind = kinds.find(({ use }) => use === choice.use);
  const checked = kind && checkOptions(kind.options, choice.options);
  if (kind && checked?.ok && !kind.problems?.(checked.options).length)
    return { kind, options: checked.options };
  throw new HeadcountError(
    kind ? 'OPTION_INVALID' : 'ADAPTER_UNKNOWN',
    `The ${what} "${choice.use}" cannot be used`,
    problemsWith(what, kinds, choice).join('; '),
    'Change it in headcount.yaml or in the dashboard.',
  );
}
