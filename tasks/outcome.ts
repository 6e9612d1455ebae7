/** The caller's side of a result. */
import { TasksError } from './errors.ts';
import { type Results, resultValue } from './results.ts';
import type { AsyncResult } from './task.ts';

const defaultTimeoutMs = 30_000;

/** @param results absent when no result of this call is kept */
export function createAsyncResult<Result>(
  id: string,
  results: (() => Promise<Results>) | undefined,
): AsyncResult<Result> {
  return {
    id,
    get: async ({ timeoutMs = defaultTimeoutMs } = {}) => {
      if (!results) throw ignored(id);
      const signal = AbortSignal.timeout(timeoutMs);
      // The timer of a signal does not keep a process alive, and a program may have nothing else to wait for.
      const alive = setTimeout(() => {}, timeoutMs);
      try {
        const found = await (await results()).wait(id, signal);
        return resultValue(found) as Result;
      } catch (error) {
        throw signal.aborted && !(error instanceof TasksError) ? late(id, timeoutMs) : error;
      } finally {
        clearTimeout(alive);
      }
    },
  };
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
