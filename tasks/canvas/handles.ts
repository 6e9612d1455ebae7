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
    state: async () => stateOf(await statesOf(members)),
    ready: async () => (await ofAll(members, (member) => member.ready())).every(Boolean),
    completedCount: async () =>
      (await statesOf(members)).reduce((count, state) => count + (state === 'SUCCESS' ? 1 : 0), 0),
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

/** Questions to the store at a time. */
const atATime = 50;

async function ofAll<T>(
  members: readonly AsyncResult<unknown>[],
  ask: (member: AsyncResult<unknown>) => Promise<T>,
): Promise<T[]> {
  const found: T[] = [];
  for (let from = 0; from < members.length; from += atATime)
    found.push(...(await Promise.all(members.slice(from, from + atATime).map(ask))));
  return found;
}

function statesOf(members: readonly AsyncResult<unknown>[]): Promise<string[]> {
  return ofAll(members, (member) => member.state());
}

function stateOf(states: readonly string[]): string {
  if (states.some((state) => state === 'FAILURE' || state === 'REVOKED')) return 'FAILURE';
  return states.every((state) => state === 'SUCCESS') ? 'SUCCESS' : 'PENDING';
}

function nowhere(id: string): TasksError {
  return new TasksError(
    'OPTION_INVALID',
    `The group ${id} cannot be saved`,
    'the app has no store that keeps results',
    'Give the app results: redis://…, sqlite:… or postgresql://…',
  );
}
