/**
 * Another task, or canvas, in the place of a job that runs (celery/app/task.py, `Task.replace`): it gets the job's id, its
 * place in a group and a chord, its callbacks and errbacks, and the rest of its chain.
 */
import type { TaskMessage } from '../message.ts';
import { type Home, planningOf } from './carry.ts';
import { appendLink, bodyOf, copySig, kindOf, listOf, newSig, partsOf, readSig, type Sig } from './data.ts';
import { freeze, joined, linkErrorTo } from './freeze.ts';
import { type Planned, planned } from './plan.ts';
import { senderOf } from './sequel.ts';

/** @throws TasksError SIGNATURE_INVALID, CHORD_NEEDS_RESULTS */
export async function inPlaceOf(home: Home, message: TaskMessage, signature: Sig): Promise<Planned> {
  const { embed, group, groupIndex, rootId } = message;
  const planning = await planningOf(home, Date.now(), senderOf(message));
  let sig = withOneEnd(copySig(signature));
  for (const callback of listOf(embed.callbacks)) appendLink(lastOf(sig), 'link', readSig(callback));
  for (const errback of listOf(embed.errbacks)) linkErrorTo(sig, readSig(errback));
  freeze(planning, sig, { id: message.id });
  const place = { chord: embed.chord ?? null, group_id: group, group_index: groupIndex, root_id: rootId };
  sig.options = { ...sig.options, ...place };
  for (const next of [...listOf(embed.chain)].reverse()) sig = joined(sig, readSig(next));
  return planned(planning, sig);
}

/** A group has as many results as tasks: `celery.accumulate` makes one of them, as a chord's body. */
function withOneEnd(sig: Sig): Sig {
  return kindOf(sig) === 'group'
    ? joined(sig, newSig('celery.accumulate', [], { kwargs: { index: 0 } }))
    : sig;
}

function lastOf(sig: Sig): Sig {
  const last =
    kindOf(sig) === 'chain' ? partsOf(sig).at(-1) : kindOf(sig) === 'chord' ? bodyOf(sig) : undefined;
  return last ? lastOf(last) : sig;
}
