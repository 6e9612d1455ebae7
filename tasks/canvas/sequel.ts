/**
 * What comes after a job: its callbacks, the next task of its chain, its part in a chord; after a failure the errbacks and
 * the failure of all that was to follow. As Celery's tracer does it (celery/app/trace.py, 5.2.6): callbacks and the next
 * task go out first, then the result is kept, as their ids are in it, then the chord is told.
 *
 * At least once. All of it happens before the job's message is acknowledged; a crash in between brings the job back, and it
 * sends the same again: tasks of a chain with the same ids, callbacks without one with new ones. Where the only thing that
 * follows goes to the job's own queue (most chains), it is sent in the very step that acknowledges the job, and nothing
 * happens twice. A job of early acknowledgement loses what follows it in a crash, as it loses itself.
 */
import { TasksError, textOf } from '../errors.ts';
import type { TaskMessage } from '../message.ts';
import type { ResultRecord } from '../results.ts';
import { writeJson } from '../values.ts';
import { type Home, planningOf } from './carry.ts';
import { type Part, partReturned } from './chord.ts';
import { kindOf, listOf, newGroup, readSig, type Sig } from './data.ts';
import { callErrbacks } from './errbacks.ts';
import { type Failing, failRest } from './fail.ts';
import { type ResultTuple, tupleOf } from './frozen.ts';
import { type Plan, planned } from './plan.ts';

/** Most jobs have none, and pay nothing for it. */
export function hasSequel({ embed }: TaskMessage): boolean {
  return isThere(embed.callbacks) || isThere(embed.chain) || isThere(embed.chord) || isThere(embed.errbacks);
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

export interface Sequel extends Plan {
  readonly children: readonly ResultTuple[];
}

/**
 * What follows a success. Nothing is sent yet.
 *
 * @throws TasksError SIGNATURE_INVALID, CHORD_NEEDS_RESULTS; TypeError for a result that JSON cannot hold
 */
export async function sequelOf(home: Home, message: TaskMessage, result: unknown): Promise<Sequel> {
  // Known here, and not when half of it is sent.
  writeJson(result, false);
  const sender = senderOf(message);
  const planning = await planningOf(home, Date.now(), sender);
  const options = { parent_id: message.id, root_id: sender.rootId };
  const plans = followers(message).map(({ sig, chain }) =>
    planned(planning, sig, { args: [result], options: { ...options, ...(chain ? { chain } : {}) } }),
  );
  return {
    sent: plans.flatMap(({ sent }) => sent),
    sizes: plans.flatMap(({ sizes }) => sizes),
    saved: plans.flatMap(({ saved }) => saved),
    children: plans.map((plan) => tupleOf(plan.result)),
  };
}

/** Several callbacks go out as one group, and groups among them as themselves. */
function followers({ embed }: TaskMessage): { readonly sig: Sig; readonly chain?: readonly unknown[] }[] {
  const callbacks = listOf(embed.callbacks).map((one) => readSig(one));
  const groups = callbacks.filter((sig) => kindOf(sig) === 'group');
  const single = callbacks.filter((sig) => kindOf(sig) !== 'group');
  const linked =
    callbacks.length < 2 ? callbacks : [...groups, ...(single.length > 0 ? [newGroup(single)] : [])];
  const rest = [...listOf(embed.chain)];
  const next = rest.pop();
  return [
    ...linked.map((sig) => ({ sig })),
    ...(next === undefined ? [] : [{ sig: readSig(next), chain: rest }]),
  ];
}

/** To be called when the record is kept. Rejects for an outage. */
export async function afterSuccess(
  failing: Failing,
  message: TaskMessage,
  record: ResultRecord,
): Promise<void> {
  const part = partOf(message);
  if (part) await partReturned(failing, part, record);
}

/** The same after a failure, or a revocation: whatever waits for the job must not wait for ever. */
export async function afterFailure(
  failing: Failing,
  message: TaskMessage,
  record: ResultRecord,
  error: unknown,
): Promise<void> {
  const part = partOf(message);
  if (part) await partReturned(failing, part, record);
  try {
    await failRest(failing, message.embed.chain, record, 0);
  } catch (thrown) {
    // A rest that cannot be read can wait for nothing.
    if (!(thrown instanceof TasksError && thrown.code === 'SIGNATURE_INVALID')) throw thrown;
    failing.log('error', `the chain behind ${message.id} cannot be failed: ${textOf(thrown)}`);
  }
  if (record.status !== 'FAILURE') return;
  const { id, task, args, kwargs, rootId, parentId, retries } = message;
  const errbacks = listOf(message.embed.errbacks);
  await callErrbacks(
    failing.home,
    failing.log,
    { id, task, args, kwargs, rootId, parentId, retries, errbacks },
    error,
  );
}

export function senderOf({ id, rootId }: TaskMessage): { readonly id: string; readonly rootId: string } {
  return { id, rootId: rootId ?? id };
}

function partOf(message: TaskMessage): Part | undefined {
  const { id, group, groupIndex: index, rootId, embed } = message;
  return group !== null && isThere(embed.chord)
    ? { id, group, index, rootId, chord: embed.chord }
    : undefined;
}

/** Celery keeps the group and the sender with the result. */
export function inContext(
  record: ResultRecord,
  message: TaskMessage,
  children: readonly ResultTuple[],
): ResultRecord {
  return {
    ...record,
    children,
    ...(message.group === null ? {} : { group_id: message.group }),
    ...(message.parentId === null ? {} : { parent_id: message.parentId }),
  };
}
