/**
 * What is called when a task failed (`link_error`), in Celery's two styles (celery/backends/base.py,
 * `_call_task_errbacks`): an errback that this worker has and that takes the request and the error is called here and now;
 * any other is sent as a task with the id of the failed one as its first argument, to whichever worker has it.
 */

import type { Log } from '../broker.ts';
import { textOf } from '../errors.ts';
import type { Definition, TaskContext } from '../task.ts';
import { carryOut, type Home, planningOf } from './carry.ts';
import { newGroup, readSig, type Sig } from './data.ts';
import { planned } from './plan.ts';

/** What is known of the task that failed. */
export interface FailedCall {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly rootId: string | null;
  readonly parentId: string | null;
  readonly retries: number;
  readonly errbacks: readonly unknown[];
}

export async function callErrbacks(home: Home, log: Log, failed: FailedCall, error: unknown): Promise<void> {
  const sent: Sig[] = [];
  for (const one of failed.errbacks) {
    const errback = readOrTell(log, failed, one);
    if (!errback) continue;
    const definition = home.tasks.get(errback.task);
    if (definition && isCalledHere(definition, errback))
      await callHere(log, definition, errback, failed, error);
    else sent.push(errback);
  }
  if (sent.length === 0) return;
  const rootId = failed.rootId ?? failed.id;
  const planning = await planningOf(home, Date.now(), { id: failed.id, rootId });
  const options = { parent_id: failed.id, root_id: rootId };
  await carryOut(home, planned(planning, newGroup(sent), { args: [failed.id], options }));
}

/** One that cannot be read must not keep the failure itself from being told. */
function readOrTell(log: Log, { id }: FailedCall, value: unknown): Sig | undefined {
  try {
    return readSig(value);
  } catch (error) {
    log('error', `an errback of ${id} cannot be called: ${textOf(error)}`);
    return undefined;
  }
}

/** Two parameters are left to fill beside the context and its own arguments: the request and the error. */
function isCalledHere({ handler }: Definition, errback: Sig): boolean {
  return errback.subtask_type === null && handler.length - 1 - errback.args.length >= 2;
}

async function callHere(
  log: Log,
  definition: Definition,
  errback: Sig,
  { errbacks: _errbacks, ...request }: FailedCall,
  error: unknown,
): Promise<void> {
  const given = errback.immutable ? [] : [request, error];
  try {
    await definition.handler(contextFor(request, definition, errback), ...given, ...errback.args);
  } catch (thrown) {
    log('error', `the errback ${definition.name} of ${request.id} threw: ${textOf(thrown)}`);
  }
}

function refuse(): never {
  throw new TypeError('an errback that is called at once can neither be retried nor replaced');
}

function contextFor(
  request: Omit<FailedCall, 'errbacks'>,
  { name }: Definition,
  { kwargs }: Sig,
): TaskContext {
  return {
    id: request.id,
    name,
    retries: 0,
    queue: '',
    redelivered: false,
    kwargs,
    rootId: request.rootId,
    parentId: request.parentId,
    signal: new AbortController().signal,
    retry: refuse,
    replace: refuse,
  };
}
