/** The caller's side of a result. */
import { frozenOf } from './canvas/frozen.ts';
import { handleOf } from './canvas/handles.ts';
import { TasksError } from './errors.ts';
import { isFinal, type ResultRecord, type Results, resultValue } from './results.ts';
import { checkTimeout } from './settings.ts';
import type { AsyncResult } from './task.ts';

const defaultTimeoutMs = 30_000;

/** @param results absent when no result of this call is kept */
export function createAsyncResult<Result>(
  id: string,
  results: (() => Promise<Results>) | undefined,
): AsyncResult<Result> {
  const known = async (): Promise<ResultRecord | undefined> => {
    if (!results) throw ignored(id);
    return await (await results()).get(id);
  };
  return {
    id,
    get: ({ timeoutMs } = {}) =>
      waitingFor(
        id,
        results,
        timeoutMs,
        async (store, signal) => resultValue(await store.wait(id, signal)) as Result,
      ),
    state: async () => (await known())?.status ?? 'PENDING',
    ready: async () => isFinal(await known()),
    children: async () => {
      const record = await known();
      const children = (record?.children ?? []).map((child) => frozenOf(child));
      return children.filter((child) => child !== undefined).map((child) => handleOf(child, results));
    },
  };
}

/** Waits in a store of results, and says why when nothing came in time. */
export async function waitingFor<T>(
  id: string,
  results: (() => Promise<Results>) | undefined,
  timeoutMs: number = defaultTimeoutMs,
  wait: (results: Results, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!results) throw ignored(id);
  const limitMs = checkTimeout(timeoutMs);
  const signal = AbortSignal.timeout(limitMs);
  // The timer of a signal does not keep a process alive, and a program may have nothing else to wait for.
  const alive = setTimeout(() => {}, limitMs);
  try {
    return await wait(await results(), signal);
  } catch (error) {
    throw signal.aborted && !(error instanceof TasksError) ? late(id, timeoutMs) : error;
  } finally {
    clearTimeout(alive);
  }
}

function ignored(id: string): TasksError {
  return new TasksError(
    'RESULT_IGNORED',
    `There is no result of ${id}`,
    'the app, the task or the call has ignoreResult, or the app has no result store',
    'Remove ignoreResult, or send the call with { ignoreResult: false }',
  );
}

function late(id: string, timeoutMs: number): TasksError {
  return new TasksError(
    'RESULT_TIMEOUT',
    `No result of ${id} came within ${timeoutMs} ms`,
    'it waits for a worker, still runs, or no worker knows the task',
    'Wait longer with get({ timeoutMs }), and look whether workers run on its queue',
  );
}
