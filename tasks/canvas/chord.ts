/**
 * The end of a chord: one more task of its header came back, and the last of them sends the body with all results, or
 * fails it. Where the store cannot count, nothing is to be done here: a `celery.chord_unlock` looks after the chord.
 *
 * At least once: the part is counted, then the body is sent, then the count is cleared, then the part's message is
 * acknowledged. A crash anywhere in between brings the part back, and it does the same again: before the body was sent it
 * counts once, and finds the chord complete; after that the body, of the same id, is sent a second time; after the
 * clearing it finds no chord.
 */
import { TasksError, textOf } from '../errors.ts';
import type { ResultRecord } from '../results.ts';
import { parseJson, writeJson } from '../values.ts';
import { carryOut, planningOf, savedGroup } from './carry.ts';
import { readSig } from './data.ts';
import { type Failing, failBody, mostNested } from './fail.ts';
import { chordError, dependencyError, type Join, joined } from './join.ts';
import { planned } from './plan.ts';

export interface Part {
  readonly id: string;
  readonly group: string;
  readonly index: number | null;
  /** The body, as it came. */
  readonly chord: unknown;
  readonly rootId?: string | null;
}

/** As Celery's `result_chord_join_timeout`: all results are there, or somebody removed one. */
const joinLimitMs = 3_000;

export async function partReturned(
  failing: Failing,
  part: Part,
  record: ResultRecord,
  depth = 0,
): Promise<void> {
  if (depth > mostNested) return;
  const results = await failing.home.results?.();
  const { chords } = results ?? {};
  if (!results || results.replyTo)
    failing.log(
      'error',
      `the chord ${part.group} will never hear of ${part.id}: this worker keeps no results that others can read`,
    );
  if (!results || !chords) return;
  const text = writeJson([1, part.id, record.status, record.result], false);
  const all = await chords.add(part.group, part.index, part.id, text);
  if (!all) return;
  const saved = await savedGroup(results, part.group);
  const join = saved
    ? await joined(results, saved, AbortSignal.timeout(joinLimitMs)).catch(notJoined)
    : partsJoined(all);
  if (join instanceof Error) await failChord(failing, part, join, depth);
  else if ('failed' in join) await failChord(failing, part, dependencyError(join.failed), depth);
  else await sendBody(failing, part, join.value, depth);
  await chords.clear(part.group);
}

function notJoined(error: unknown): Error {
  return chordError(`Join error: ${textOf(error)}`);
}

function partsJoined(all: readonly string[]): Join | Error {
  const values: unknown[] = [];
  for (const text of all) {
    const [, id, status, result] = parsed(text);
    if (status === 'FAILURE' || status === 'REVOKED')
      return { failed: recordOf(String(id), String(status), result) };
    values.push(result);
  }
  return { value: values };
}

function parsed(text: string): readonly unknown[] {
  const part = parseJson(text);
  return Array.isArray(part) ? part : [];
}

function recordOf(task_id: string, status: string, result: unknown): ResultRecord {
  return { task_id, status, result, traceback: null, children: [], date_done: null };
}

/** Whether it can be sent is known before it is; an outage of the broker is no failure of the chord. */
async function sendBody(failing: Failing, part: Part, value: unknown, depth: number): Promise<void> {
  const sender = { id: part.id, rootId: part.rootId ?? null };
  const planning = await planningOf(failing.home, Date.now(), sender);
  let plan: ReturnType<typeof planned>;
  try {
    plan = planned(planning, readSig(part.chord), { args: [value] });
  } catch (error) {
    await failChord(failing, part, chordError(`Callback error: ${textOf(error)}`), depth);
    return;
  }
  await carryOut(failing.home, plan);
}

async function failChord(failing: Failing, part: Part, error: Error, depth: number): Promise<void> {
  failing.log('error', `the chord ${part.group} failed: ${error.message}`);
  try {
    await failBody(failing, part.chord, error, depth);
  } catch (thrown) {
    if (!(thrown instanceof TasksError && thrown.code === 'SIGNATURE_INVALID')) throw thrown;
    failing.log('error', `the body of the chord ${part.group} cannot be read: ${textOf(thrown)}`);
  }
}
