/**
 * An adapter describes its options once, as plain data. The same description checks what a user wrote (with a
 * suggestion for a misspelt key), draws the form in the dashboard, prints the help and the table in the docs.
 * zod was the other way: it checks as well, but a form and a table cannot be drawn from a function.
 */
import type { OptionValue } from './words.ts';

export interface OptionSpec {
  readonly name: string;
  /** What a form shows. */
  readonly label: string;
  /** One sentence: what it does and when to change it. */
  readonly help: string;
  readonly type: 'number' | 'text' | 'boolean';
  /** What a text means, where a form can offer more than a line: ranges of a week (week.ts), a time zone's name. */
  readonly format?: 'week' | 'time-zone';
  readonly unit?: string;
  /** Used when the option is absent. An option without a default and without `optional` is required. */
  readonly default?: OptionValue;
  readonly optional?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  /** The only values a text may have. */
  readonly choices?: readonly string[];
  /** A password or an address with one: encrypted at rest, never sent to a browser. */
  readonly secret?: boolean;
}

export type Options = Readonly<Record<string, OptionValue>>;

export type Checked =
  | { readonly ok: true; readonly options: Options }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Checks `given` against `specs` and fills in defaults. Every problem says what is wrong and what to write. */
export function checkOptions(
  specs: readonly OptionSpec[],
  given: Readonly<Record<string, unknown>>,
): Checked {
  const problems = Object.keys(given).flatMap((key) => problemWithKey(specs, key));
  const options: Record<string, OptionValue> = {};
  for (const spec of specs) {
    const value = given[spec.name] ?? spec.default;
    if (value === undefined) {
      if (!spec.optional) problems.push(`option "${spec.name}" is missing: ${spec.help}`);
      continue;
    }
    const problem = problemWithValue(spec, value);
    if (problem) problems.push(problem);
    else options[spec.name] = value as OptionValue;
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, options };
}

function problemWithKey(specs: readonly OptionSpec[], key: string): string[] {
  const names = specs.map((spec) => spec.name);
  return names.includes(key) ? [] : [unknownName('option', key, names)];
}

function problemWithValue(spec: OptionSpec, value: unknown): string | undefined {
  const wanted = spec.type === 'text' ? 'string' : spec.type;
  if (typeof value !== wanted)
    return `option "${spec.name}" must be a ${spec.type}, not ${JSON.stringify(value)}`;
  if (spec.choices && !spec.choices.includes(value as string))
    return unknownName(`value of "${spec.name}"`, String(value), spec.choices);
  if (typeof value !== 'number') return undefined;
  const unit = spec.unit ? ` ${spec.unit}` : '';
  if (!Number.isFinite(value)) return `option "${spec.name}" must be a finite number`;
  if (spec.minimum !== undefined && value < spec.minimum)
    return `option "${spec.name}" must be at least ${spec.minimum}${unit}, not ${value}`;
  if (spec.maximum !== undefined && value > spec.maximum)
    return `option "${spec.name}" must be at most ${spec.maximum}${unit}, not ${value}`;
  return undefined;
}

/** "unknown option "raito", did you mean "ratio"?", or the list of what there is when nothing is near. */
export function unknownName(what: string, given: string, known: readonly string[]): string {
  const near = nearest(given, known);
  const hint = near
    ? `did you mean "${near}"?`
    : `there is ${known.map((name) => `"${name}"`).join(', ') || 'none'}`;
  return `unknown ${what} "${given}", ${hint}`;
}

/** The known name within a third of its length in edits, or nothing. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const scored = known.map((name) => ({
    name,
    edits: editDistance(given.toLowerCase(), name.toLowerCase()),
  }));
  scored.sort((a, b) => a.edits - b.edits);
  const best = scored[0];
  return best && best.edits <= Math.max(1, Math.ceil(best.name.length / 3)) ? best.name : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
