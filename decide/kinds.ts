/** What the registry lists: an adapter is one file in rules/ or limits/, one test, and one line in registry.ts. */
import type { OptionSpec, Options } from './options.ts';
import type { Limit, Rule } from './words.ts';

export interface RuleKind {
  /** As the file is named: `wait-goal`. */
  readonly use: string;
  readonly title: string;
  readonly help: string;
  readonly options: readonly OptionSpec[];
  /** What is wrong with options that pass their description, each with what to write; asked before `create`. */
  problems?(options: Options): string[];
  create(options: Options): Rule;
}

/**
 * What a limit may do to a wanted count. `slow`: anything between the current and the wanted one. `cap`: only lower it, also
 * below the current one. `set`: anything.
 */
export type Reach = 'slow' | 'cap' | 'set';

export interface LimitKind {
  readonly use: string;
  readonly title: string;
  readonly help: string;
  readonly options: readonly OptionSpec[];
  /** Always on, with options that decide() takes from the manager: a form does not offer it, a manager cannot list it. */
  readonly always?: true;
  /** Default: `slow`. */
  readonly reach?: Reach;
  /** What is wrong with options that pass their description, each with what to write; asked before `create`. */
  problems?(options: Options): string[];
  create(options: Options): Limit;
}
