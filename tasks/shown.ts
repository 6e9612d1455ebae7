/**
 * What people may see of a job in events, in `inspect` and in Flower. A sender can say it himself: `argsrepr` and
 * `kwargsrepr` hide arguments that are secret (Celery's guide, "Hiding sensitive information in arguments"), and `shadow`
 * is another name. Only where he said nothing, it is made of the arguments.
 */
import type { TaskMessage } from './message.ts';
import { reprOfArgs, reprOfKwargs } from './repr.ts';

/** Celery's `argsrepr_maxsize` is 1,024, and an app may have a larger one. */
const mostCharacters = 16_384;

export function argsShown({ argsRepr, args }: TaskMessage): string {
  return argsRepr === undefined ? reprOfArgs(args) : cut(argsRepr);
}

export function kwargsShown({ kwargsRepr, kwargs }: TaskMessage): string {
  return kwargsRepr === undefined ? reprOfKwargs(kwargs) : cut(kwargsRepr);
}

export function nameShown({ shadow, task }: TaskMessage): string {
  return shadow || task;
}

export function hasReprs({ argsRepr, kwargsRepr }: TaskMessage): boolean {
  return argsRepr !== undefined || kwargsRepr !== undefined;
}

/**
 * What a message's headers say of it. Our own senders write what the arguments are, which can be made again, unless the
 * header says that they pass on what another one wrote. To compare the texts would take longer than the rest of `decode`.
 */
export function reprsOf({
  lang,
  argsrepr,
  kwargsrepr,
  headcount_reprs: foreign,
}: Readonly<Record<string, unknown>>): Pick<TaskMessage, 'argsRepr' | 'kwargsRepr'> | undefined {
  if (lang === 'js' && foreign !== true) return undefined;
  return {
    ...(typeof argsrepr === 'string' && { argsRepr: argsrepr }),
    ...(typeof kwargsrepr === 'string' && { kwargsRepr: kwargsrepr }),
  };
}

/** The header, ours, with which a message goes on whose `argsrepr` or `kwargsrepr` is another sender's. */
export function passedOn({ argsRepr, kwargsRepr, args, kwargs }: TaskMessage): { headcount_reprs?: true } {
  const argsHidden = argsRepr !== undefined && argsRepr !== reprOfArgs(args);
  const kwargsHidden = kwargsRepr !== undefined && kwargsRepr !== reprOfKwargs(kwargs);
  return argsHidden || kwargsHidden ? { headcount_reprs: true } : {};
}

function cut(text: string): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 3)}...`;
}
