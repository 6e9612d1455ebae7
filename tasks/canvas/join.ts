/** Puts the results of a group together, in its order and in its shape. */
import { isFinal, type ResultRecord, type Results, resultValue } from '../results.ts';
import type { Frozen } from './freeze.ts';

/** Subscriptions or polls at a time. */
const atATime = 50;

export type Join = { readonly value: unknown } | { readonly failed: ResultRecord };

/** Waits for all; the first failure in the order of the group ends it. Rejects when the signal is aborted. */
export async function joined(results: Results, frozen: Frozen, signal: AbortSignal): Promise<Join> {
  if (!frozen.nodes) {
    const record = await results.wait(frozen.id, signal);
    return record.status === 'SUCCESS' ? { value: record.result } : { failed: record };
  }
  const values: unknown[] = [];
  for (let from = 0; from < frozen.nodes.length; from += atATime) {
    const some = frozen.nodes.slice(from, from + atATime);
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const waiting = some.map((node) => joined(results, node, either));
    for (const one of waiting) one.catch(() => {});
    try {
      for (const one of waiting) {
        const found = await one;
        if ('failed' in found) return found;
        values.push(found.value);
      }
    } finally {
      ended.abort();
    }
  }
  return { value: values };
}

/** Whether all are through, one way or the other. */
export async function allReady(results: Results, frozen: Frozen): Promise<boolean> {
  if (!frozen.nodes) return isFinal(await results.get(frozen.id));
  for (const node of frozen.nodes) if (!(await allReady(results, node))) return false;
  return true;
}

/** @throws TasksError TASK_FAILED */
export function joinedValue(found: Join): unknown {
  return 'failed' in found ? resultValue(found.failed) : found.value;
}

/** Celery's text for a header of a chord with a failure in it. */
export function dependencyError(record: ResultRecord): Error {
  const { exc_type = 'Exception', exc_message = [] } = (record.result ?? {}) as {
    exc_type?: unknown;
    exc_message?: unknown;
  };
  const args = (Array.isArray(exc_message) ? exc_message : [exc_message]).map((one) => JSON.stringify(one));
  return chordError(`Dependency ${record.task_id} raised ${String(exc_type)}(${args.join(', ')})`);
}

/** Named as Celery's exception. */
export function chordError(text: string): Error {
  return Object.assign(new RangeError(text), { name: 'ChordError' });
}
