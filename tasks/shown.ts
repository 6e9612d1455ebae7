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

function cut(text: string): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 3)}...`;
}
