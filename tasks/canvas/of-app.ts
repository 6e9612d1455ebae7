/** Canvas as an app and its tasks have it. */
import type { SendOptions, Task } from '../task.ts';
import { builtins } from './builtins.ts';
import { type Home, savedGroup } from './carry.ts';
import { newSig } from './data.ts';
import { groupOf } from './handles.ts';
import { chunksSig, mapOf, signatureOf } from './signatures.ts';
import type { GroupResult, Signature } from './typed.ts';

export interface AppCanvas {
  /**
   * A call for later of a task that another program has. With `immutable` it does not take the result before it in a chain.
   *
   * @throws TasksError OPTION_INVALID
   */
  signature<Result = unknown>(
    name: string,
    args?: readonly unknown[],
    options?: SendOptions & { readonly immutable?: boolean },
  ): Signature<readonly unknown[], Result>;
  /** A group that was saved, by Python or by ours. Undefined when it was not, or a day ago. */
  groupResult<Result = unknown>(id: string): Promise<GroupResult<Result[]> | undefined>;
}

export function canvasOf(home: Home): AppCanvas {
  for (const definition of builtins(home))
    (home.tasks as Map<string, typeof definition>).set(definition.name, definition);
  return {
    signature: (name, args = [], { immutable = false, ...options } = {}) =>
      signatureOf(home, newSig(name, args, { immutable })).set(options) as Signature<
        readonly unknown[],
        never
      >,
    groupResult: async (id) => {
      const results = await home.results?.();
      const saved = results && (await savedGroup(results, id));
      return saved?.nodes ? (groupOf(saved, home.results) as GroupResult<never[]>) : undefined;
    },
  };
}

type OfTask<Args extends readonly unknown[], Result> = Pick<
  Task<Args, Result>,
  's' | 'si' | 'map' | 'starmap' | 'chunks'
>;

export function signaturesOf<Args extends readonly unknown[], Result>(
  home: Home,
  name: string,
): OfTask<Args, Result> {
  const made: OfTask<readonly unknown[], unknown> = {
    s: (...args) => signatureOf(home, newSig(name, args)),
    si: (...args) => signatureOf(home, newSig(name, args, { immutable: true })),
    map: (items) => mapOf(home, name, items, false),
    starmap: (calls) => mapOf(home, name, calls, true),
    chunks: (calls, size) => signatureOf(home, chunksSig(name, calls, size)),
  };
  // The types were told by the definition of the task; the data knows nothing of them.
  return made as unknown as OfTask<Args, Result>;
}
