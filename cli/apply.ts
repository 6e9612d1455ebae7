/**
 * `headcount apply`: makes a controller as headcount.yaml says, through its API. Run twice, the second does nothing. It stops
 * at the first change that is refused and tells what was done; what is not in the file is removed only with `--prune`.
 */
import { HeadcountError } from '../server/errors.ts';
import { call } from './call.ts';
import type { Change } from './configuration/plan.ts';
import { type DiffOptions, described, look } from './diff.ts';

export interface ApplyOptions extends DiffOptions {
  readonly dryRun?: boolean;
}

const done = { create: 'created', change: 'changed', remove: 'removed' } as const;

export async function apply(options: ApplyOptions): Promise<number> {
  const { target, plan } = await look(options);
  if (options.dryRun) {
    console.log(described(plan) || 'Nothing to change: the controller is as the file says.');
    if (plan.changes.length > 0) console.log('A dry run: nothing was changed.');
    return 0;
  }
  for (const [index, change] of plan.changes.entries()) {
    const { method, path, body } = change.call;
    await call(target, method, path, body).catch((error: unknown) => {
      throw refused(error, change, index, plan.changes.length);
    });
    console.log(`${change.kind} ${change.name}: ${done[change.action]}`);
  }
  if (plan.changes.length === 0) console.log('Nothing to change: the controller is as the file says.');
  if (plan.unnamed.length > 0)
    console.log(`Not in the file, left alone without --prune: ${plan.unnamed.join(', ')}.`);
  return 0;
}

function refused(error: unknown, { kind, name }: Change, doneCount: number, count: number): unknown {
  if (!(error instanceof HeadcountError)) return error;
  const why = error.message
    .replace(/^The controller refused: /, '')
    .replace(/ What was done before this stays\.$/, '');
  return new HeadcountError(
    error.code,
    `The ${kind} "${name}" could not be set`,
    why.replace(/\.$/, ''),
    `${doneCount} of ${count} changes are made; mend this and run it again.`,
    { cause: error },
  );
}
