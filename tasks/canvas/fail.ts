/**
 * What a failure does to the rest of a canvas, as in Celery (celery/backends/base.py, `mark_as_failure`): every task that
 * will never run is recorded as failed, so that who waits for it hears so; the chord that waits for any of them is told;
 * the errbacks are called. A failed chord fails its body in the same way. (Celery stops at the body's own record, and a
 * chord around it, or a chain behind it, waits for ever.)
 */
import type { Log } from '../broker.ts';
import { failed as failedRecord, type ResultRecord } from '../results.ts';
import type { Home } from './carry.ts';
import { partReturned } from './chord.ts';
import { bodyOf, headerOf, kindOf, listOf, partsOf, readSig, type Sig } from './data.ts';
import { callErrbacks, type FailedCall } from './errbacks.ts';

export interface Failing {
  readonly home: Home;
  readonly log: Log;
  /** Keeps a record where there is a store; never rejects. */
  readonly keep: (record: ResultRecord) => Promise<void>;
}

/** Chords around chords; more than that is a loop. */
export const mostNested = 100;

/** All that follows a task that failed: the rest of its chain. */
export async function failRest(
  failing: Failing,
  chain: unknown,
  record: ResultRecord,
  depth: number,
): Promise<void> {
  for (const raw of [...listOf(chain)].reverse()) await failSig(failing, raw, record, depth);
}

/** A body whose chord failed: its own errbacks are called, too. */
export async function failBody(failing: Failing, raw: unknown, error: Error, depth: number): Promise<void> {
  const body = readSig(raw);
  const id = idOf(body) ?? idOf(firstTask(body)) ?? '';
  await callErrbacks(failing.home, failing.log, fakeCall(body, id), error);
  await failSig(failing, body, failedRecord(id, 'FAILURE', error, Date.now()), depth);
  // What was to follow the body came with it.
  await failRest(failing, body.options.chain, failedRecord(id, 'FAILURE', error, Date.now()), depth);
}

async function failSig(failing: Failing, raw: unknown, record: ResultRecord, depth: number): Promise<void> {
  const sig = readSig(raw);
  switch (kindOf(sig)) {
    case 'chain':
    case 'group':
      for (const part of partsOf(sig)) await failSig(failing, part, record, depth);
      return;
    case 'chord':
      for (const part of headerOf(sig))
        await failSig(failing, { ...part, options: { ...part.options, chord: null } }, record, depth);
      await failSig(failing, bodyOf(sig), record, depth);
      return;
    case 'task': {
      const id = idOf(sig);
      if (id === undefined) return;
      const own = { ...record, task_id: id };
      await failing.keep(own);
      const { group_id, group_index, chord } = sig.options;
      if (chord && typeof group_id === 'string')
        await partReturned(
          failing,
          { id, group: group_id, index: numberOr(group_index), chord },
          own,
          depth + 1,
        );
    }
  }
}

/** Best effort, as in Celery: nobody knows any more in which job it failed. */
function fakeCall(body: Sig, id: string): FailedCall {
  const links = listOf(body.options.link_error);
  const errbacks = links.length > 0 ? links : listOf(firstTask(body).options.link_error);
  const { root_id, parent_id } = body.options;
  return {
    id,
    task: body.task,
    args: body.args,
    kwargs: body.kwargs,
    rootId: typeof root_id === 'string' ? root_id : null,
    parentId: typeof parent_id === 'string' ? parent_id : null,
    retries: 0,
    errbacks,
  };
}

function firstTask(sig: Sig): Sig {
  const [first] = kindOf(sig) === 'chain' ? partsOf(sig) : [];
  return first ? firstTask(first) : kindOf(sig) === 'chord' ? firstTask(bodyOf(sig)) : sig;
}

function idOf({ options }: Sig): string | undefined {
  return typeof options.task_id === 'string' ? options.task_id : undefined;
}

function numberOr(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
