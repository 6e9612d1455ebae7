/** Checks what a person typed against an option's description, in words. The controller checks again. Pure. */
import type { Adapter, Choice, OptionSpec } from '../server/api.ts';
import { weekProblem } from './week-text.ts';

export type OptionValue = string | number | boolean;
export type OptionValues = Readonly<Record<string, OptionValue>>;

/** What is wrong with a value, or nothing. */
export function problemWith(spec: OptionSpec, value: OptionValue | undefined): string | undefined {
  if (value === undefined || value === '')
    return spec.default === undefined && !spec.optional ? 'This is needed.' : undefined;
  if (spec.format === 'week') return weekProblem(String(value));
  if (spec.type !== 'number') return undefined;
  const unit = spec.unit ? ` ${spec.unit}` : '';
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'This must be a number.';
  if (spec.minimum !== undefined && value < spec.minimum) return `At least ${spec.minimum}${unit}.`;
  if (spec.maximum !== undefined && value > spec.maximum) return `At most ${spec.maximum}${unit}.`;
  return undefined;
}

export function hasProblem(choices: readonly Choice[], adapters: readonly Adapter[]): boolean {
  return choices.some((choice) =>
    adapters
      .find((adapter) => adapter.use === choice.use)
      ?.options.some((spec) => problemWith(spec, choice.options[spec.name]) !== undefined),
  );
}

/** With a default filled in, so that a form shows what would be used. */
export function newChoice(adapter: Adapter): Choice {
  const filled = adapter.options.flatMap(({ name, default: value }) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return { use: adapter.use, options: Object.fromEntries(filled) };
}

/** Without the options that were emptied. */
export function withOption(
  options: OptionValues,
  name: string,
  value: OptionValue | undefined,
): OptionValues {
  const { [name]: _, ...rest } = options;
  return value === undefined || value === '' ? rest : { ...rest, [name]: value };
}
