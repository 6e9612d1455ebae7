/** The caller's side of a canvas: results, each with what came before it. */
import { TasksError } from '../errors.ts';
import { createAsyncResult, waitingFor } from '../outcome.ts';
import type { Results } from '../results.ts';
import type { AsyncResult } from '../task.ts';
import { saveGroup } from './carry.ts';
import type { Frozen } from './freeze.ts';
import { joined, joinedValue } from './join.ts';
import type { GroupResult } from './typed.ts';

type Opened = (() => Promise<Results>) | undefined;

export function handleOf(frozen: Frozen, results: Opened): AsyncResult<unknown> {
  const parent = frozen.parent && handleOf(frozen.parent, results);
  if (frozen.nodes) return groupOf(frozen, results, parent);
  return { ...createAsyncResult<unknown>(frozen.id, results), ...(parent ? { parent } : {}) };
}

export function groupOf(
  frozen: Frozen,
  results: Opened,
  parent?: AsyncResult<unknown>,
): GroupResult<unknown[]> {
  const { id, nodes = [] } = frozen;
  const members = nodes.map((node) => handleOf(node, results));
  return {
    id,
    ...(parent ? { parent } : {}),
    results: members,
    children: async () => members,
    get: async ({ timeoutMs } = {}) =>
      (await waitingFor(id, results, timeoutMs, async (store, signal) =>
        joinedValue(await joined(store, { id, parent: undefined, nodes }, signal)),
      )) as unknown[],
    save: async () => {
      const store = await results?.();
      if (!store || store.replyTo) throw nowhere(id);
      await saveGroup(store, frozen);
    },
  };
}

function nowhere(id: string): TasksError {
  return new TasksError(
    'OPTION_INVALID',
    `The group ${id} cannot be saved`,
    'the app has no store that keeps results',
    'Give the app results: redis://…, sqlite:… or postgresql://…',
  );
}
