/**
 * The tasks that every Celery worker has (celery/app/builtins.py, 5.2.6), so that whoever sends one need not know of which
 * kind the worker is. Two of them nobody sends any more (`celery.group`, `celery.chord`); they are there for old messages.
 */
import { TasksError } from '../errors.ts';
import type { Results } from '../results.ts';
import { checkedArguments } from '../schema.ts';
import type { Definition, TaskContext } from '../task.ts';
import { carryOut, type Home, planningOf } from './carry.ts';
import { invalid, newChord, newGroup, readSig, type Sig } from './data.ts';
import { failBody } from './fail.ts';
import type { Frozen } from './freeze.ts';
import { frozenOf, tupleOf } from './frozen.ts';
import { allReady, chordError, dependencyError, joined } from './join.ts';
import { type Planned, planned, unlockMark } from './plan.ts';
import { chunksSig } from './signatures.ts';

type Kwargs = Readonly<Record<string, unknown>>;

/** Celery's `result_chord_retry_interval`. */
const unlockEverySeconds = 1;
/** Celery's `result_chord_join_timeout`: all are ready by then. */
const joinLimitMs = 3_000;

export function builtins(home: Home): Definition[] {
  const task = (
    name: string,
    handler: (context: TaskContext, ...args: readonly unknown[]) => unknown,
    options: Definition['options'] = {},
  ): Definition => ({ name: `celery.${name}`, handler, options });
  return [
    task('map', (context, ...args) => mapped(home, context, args, false)),
    task('starmap', (context, ...args) => mapped(home, context, args, true)),
    task('chunks', (context, ...args) => sendChunks(home, context, args)),
    task('accumulate', ({ kwargs }, ...args) => (kwargs.index == null ? args : args[Number(kwargs.index)])),
    task('group', (context, ...args) => sendGroup(home, context, args)),
    task('chord', (context, ...args) => sendChord(home, context, args)),
    task('chain', () => {
      throw invalid('celery.chain is no real task');
    }),
    task('chord_unlock', (context, ...args) => unlock(home, context, args), {
      ignoreResult: true,
      retryBackoffSeconds: unlockEverySeconds,
    }),
    // Our stores let go of old results by themselves.
    task('backend_cleanup', () => null),
  ];
}

/** Positional or named, as Python takes them. */
function given(names: readonly string[], args: readonly unknown[], kwargs: Kwargs): Kwargs {
  return { ...kwargs, ...Object.fromEntries(names.slice(0, args.length).map((name, n) => [name, args[n]])) };
}

/** The task is called here, item after item, and not sent. */
async function mapped(
  home: Home,
  context: TaskContext,
  args: readonly unknown[],
  star: boolean,
): Promise<unknown[]> {
  const { task, it } = given(['task', 'it'], args, context.kwargs);
  const { task: name } = readSig(task);
  const definition = home.tasks.get(name);
  if (!definition)
    throw Object.assign(new RangeError(`no task "${name}" in this worker`), { name: 'NotRegistered' });
  const { schema } = definition.options;
  const values: unknown[] = [];
  for (const item of listGiven('it', it)) {
    const call = star ? listGiven('an item', item) : [item];
    const checked = schema ? await checkedArguments(name, schema, call) : call;
    values.push((await definition.handler(context, ...checked)) ?? null);
  }
  return values;
}

function listGiven(what: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${what} must be a list`);
  return value;
}

async function sendChunks(home: Home, context: TaskContext, args: readonly unknown[]): Promise<unknown> {
  const { task, it, n } = given(['task', 'it', 'n'], args, context.kwargs);
  const { result } = await sendFrom(home, context, chunksSig(readSig(task), listGiven('it', it), Number(n)));
  return tupleOf(result);
}

async function sendGroup(home: Home, context: TaskContext, args: readonly unknown[]): Promise<unknown> {
  const names = ['tasks', 'result', 'group_id', 'partial_args'];
  const { tasks, result, group_id, partial_args = [] } = given(names, args, context.kwargs);
  const group = newGroup(listGiven('tasks', tasks).map((one) => readSig(one)));
  await sendFrom(home, context, group, listGiven('partial_args', partial_args), { task_id: group_id });
  return result;
}

async function sendChord(home: Home, context: TaskContext, args: readonly unknown[]): Promise<unknown> {
  const {
    header,
    body,
    partial_args = [],
    ...kwargs
  } = given(['header', 'body', 'partial_args'], args, context.kwargs);
  const chord = readSig(newChord(Array.isArray(header) ? header : [header as Sig], body as Sig));
  const { interval, countdown, max_retries } = kwargs;
  const options = { interval, countdown, max_retries };
  const { result } = await sendFrom(home, context, chord, listGiven('partial_args', partial_args), options);
  return tupleOf(result);
}

async function sendFrom(
  home: Home,
  context: TaskContext,
  sig: Sig,
  args: readonly unknown[] = [],
  options: Kwargs = {},
): Promise<Planned> {
  const plan = planned(await planningOf(home, Date.now(), context), sig, { args, options });
  await carryOut(home, plan);
  return plan;
}

/** For stores that cannot count: looks whether all of the header is there, and comes back when it is not. */
async function unlock(home: Home, context: TaskContext, args: readonly unknown[]): Promise<unknown> {
  const all = given(['group_id', 'callback', 'interval', 'max_retries', 'result'], args, context.kwargs);
  const results = await home.results?.();
  if (!results) throw invalid('a chord cannot be unlocked by a worker without results');
  // Both count on Redis, where each can read what the other wrote.
  if (all[unlockMark] !== true && !results.chords) throw notOurs(String(all.group_id));
  const body = readSig(all.callback);
  const nodes = listGiven('result', all.result).map((tuple) => frozenOf(tuple));
  const header: Frozen = {
    id: String(all.group_id),
    parent: undefined,
    nodes: nodes.filter((node) => node !== undefined),
  };
  if (header.nodes?.length !== nodes.length) throw invalid('the result of a chord must be a list of results');
  if (!(await allReady(results, header))) again(context, all);
  await fire(home, context, results, header, body);
  return null;
}

function notOurs(groupId: string): TasksError {
  return new TasksError(
    'CHORD_NEEDS_RESULTS',
    `The chord ${groupId} cannot be looked after`,
    'Python began it, and keeps its results where this worker cannot read them',
    "Let the body's queue be one that Python's workers take from, or use Redis for the results of both",
  );
}

function again(context: TaskContext, { interval, max_retries }: Kwargs): never {
  context.retry({
    countdown: typeof interval === 'number' ? interval : unlockEverySeconds,
    maxRetries: typeof max_retries === 'number' ? max_retries : Infinity,
    cause: new RangeError('the chord is not ready'),
  });
}

async function fire(
  home: Home,
  context: TaskContext,
  results: Results,
  header: Frozen,
  body: Sig,
): Promise<void> {
  const keep = (record: Parameters<Results['store']>[0]): Promise<void> => results.store(record);
  const failing = { home, log: () => {}, keep };
  const found = await joined(results, header, AbortSignal.timeout(joinLimitMs));
  if ('failed' in found) {
    await failBody(failing, body, dependencyError(found.failed), 0);
    return;
  }
  try {
    await sendFrom(home, context, body, [found.value]);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    await failBody(failing, body, chordError(`Callback error: ${error.message}`), 0);
  }
}
