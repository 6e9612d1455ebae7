/**
 * Checks of arguments by any library that speaks Standard Schema (version 1, standardschema.dev): zod, valibot, arktype.
 * The interface is small and only of types, so it is written out here instead of being a dependency.
 */
import { TasksError } from './errors.ts';

export interface ArgumentsSchema<Args extends readonly unknown[] = readonly unknown[]> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Checked<Args> | Promise<Checked<Args>>;
    readonly types?: { readonly input: unknown; readonly output: Args } | undefined;
  };
}

type Checked<Args> =
  | { readonly value: Args; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

const mostIssuesTold = 5;

/** @throws TasksError ARGUMENTS_INVALID */
export async function checkedArguments(
  task: string,
  schema: ArgumentsSchema,
  args: readonly unknown[],
): Promise<readonly unknown[]> {
  const checked = await schema['~standard'].validate(args);
  if (!checked.issues && Array.isArray(checked.value)) return checked.value;
  const issues = checked.issues ?? [{ message: 'the schema must answer with a list' }];
  throw new TasksError(
    'ARGUMENTS_INVALID',
    `A call of "${task}" has wrong arguments`,
    issues.slice(0, mostIssuesTold).map(shown).join('; '),
    'Correct the call, or the schema of the task',
  );
}

function shown({ message, path }: Issue): string {
  const keys = path?.map((part) => String(typeof part === 'object' ? part.key : part)) ?? [];
  return keys.length === 0 ? message : `argument ${keys.join('.')}: ${message}`;
}
