/**
 * From a canvas to what must be sent for it to begin: messages, each with its queue; sizes of chords, which have to be
 * known before their first part can return; and groups whose shape has to be remembered. Pure but for the ids, so that
 * all of it is known, or refused, before anything is sent. The steps are those of Celery's `apply_async` methods
 * (celery/canvas.py, 5.2.6).
 *
 * A chord comes to its end in one of two ways, as the result store allows: its workers count the parts that came back
 * (Redis), or a task looks now and then whether all are there (`celery.chord_unlock`).
 */
import { TasksError } from '../errors.ts';
import {
  appendLink,
  bodyOf,
  copySig,
  headerOf,
  invalid,
  kindOf,
  listOf,
  merged,
  newGroup,
  partsOf,
  readSig,
  type Sig,
} from './data.ts';
import { type Frozen, firstOf, freeze, freezeGroup, type Naming, prepareSteps } from './freeze.ts';
import { tupleOf } from './frozen.ts';
import { type Asked, type Sent, sentOf } from './send.ts';

export interface Planning extends Naming, Asked {
  /** How chords end here. `none`: nothing keeps results that another worker could read. */
  readonly chords: 'counted' | 'polled' | 'none';
  /** Whether a worker of this app has the task. */
  isDefined(task: string): boolean;
}

export interface Plan {
  readonly sent: Sent[];
  readonly sizes: { readonly groupId: string; readonly size: number }[];
  /** Groups with groups in their results: what a chord over them gets must have that shape. */
  readonly saved: Frozen[];
}

export interface Planned extends Plan {
  readonly result: Frozen;
}

type Options = Readonly<Record<string, unknown>>;

/** In the arguments of our chord_unlock. Python's, which asks another store, has none. */
export const unlockMark = 'headcount';

interface Call {
  readonly args?: readonly unknown[];
  readonly kwargs?: Options;
  readonly options?: Options;
}

/**
 * The signature stays as it is.
 *
 * @throws TasksError CHORD_NEEDS_RESULTS, SIGNATURE_INVALID, OPTION_INVALID
 */
export function planned(planning: Planning, sig: Sig, call: Call = {}): Planned {
  const plan: Plan = { sent: [], sizes: [], saved: [] };
  // A worker that goes on with a canvas need not have all of its tasks; who begins one should know them.
  if (planning.chords === 'polled' && !planning.parent) refuseForeign(planning, sig);
  const result = apply(planning, plan, copySig(sig), call);
  return { ...plan, result };
}

function apply(planning: Planning, plan: Plan, sig: Sig, call: Call): Frozen {
  const { options = {} } = call;
  switch (kindOf(sig)) {
    case 'task':
      return applyTask(planning, plan, sig, merged(sig, { ...call, options: withoutNull(options) }));
    case 'chain':
      return applyChain(planning, plan, sig, call.args ?? [], { ...sig.options, ...options });
    case 'group':
      return applyGroup(planning, plan, sig, call.args ?? [], options);
    case 'chord':
      return applyChord(planning, plan, sig, merged(sig, call).args, options);
  }
}

function applyTask(
  planning: Planning,
  plan: Plan,
  { task }: Sig,
  { args, kwargs, options }: Pick<Sig, 'args' | 'kwargs' | 'options'>,
): Frozen {
  const sent = sentOf(planning, task, args, kwargs, options);
  plan.sent.push(sent);
  return { id: sent.message.id, parent: undefined, nodes: undefined };
}

function applyChain(
  planning: Planning,
  plan: Plan,
  sig: Sig,
  args: readonly unknown[],
  { group_id, chord, task_id, link, link_error, root_id, parent_id: _sender, group_index, ...rest }: Options,
): Frozen {
  const { tasks, results } = prepareSteps(planning, partsOf(sig), {
    id: textOf(task_id),
    groupId: textOf(group_id),
    groupIndex: typeof group_index === 'number' ? group_index : undefined,
    chord: chord === undefined || chord === null ? undefined : (chord as Sig),
    rootId: root_id,
    linkError: listOf(link_error).map((one) => readSig(one)),
    args: sig.immutable ? [] : args,
  });
  const [last, result] = [tasks[0], results[0]];
  if (!last || !result) throw invalid('a chain must have a task');
  for (const one of listOf(link))
    appendLink(kindOf(last) === 'chord' ? bodyOf(last) : last, 'link', readSig(one));
  const first = tasks.pop() as Sig;
  const applied = apply(planning, plan, first, { options: { ...rest, ...chainOption(rest, tasks) } });
  return tasks.length === 0 ? applied : result;
}

/** What follows the chain comes after the rest of it, and lies before it, as the last is taken first. */
function chainOption({ chain }: Options, tasks: readonly Sig[]): Options {
  return { chain: [...listOf(chain), ...tasks] };
}

function applyGroup(
  planning: Planning,
  plan: Plan,
  sig: Sig,
  args: readonly unknown[],
  given: Options,
): Frozen {
  const { link, link_error, ...rest } = given;
  if (link || link_error) throw invalid('a group has no end to link to: make it a chord, or link its tasks');
  const { task_id, ...options } = { ...sig.options, ...rest } as Record<string, unknown>;
  const id = textOf(task_id) ?? planning.newId();
  // At the end of a part of a chord its tasks count for that chord.
  const group_id = textOf(sig.options.group_id) ?? id;
  return sendParts(planning, plan, unnested(partsOf(sig)), id, args, { ...options, group_id });
}

function unnested(tasks: readonly Sig[]): Sig[] {
  return tasks.flatMap((task) => (kindOf(task) === 'group' ? unnested(partsOf(task)) : [task]));
}

function sendParts(
  planning: Planning,
  plan: Plan,
  parts: readonly Sig[],
  groupId: string,
  args: readonly unknown[],
  { chord, ...options }: Options,
): Frozen {
  const { group_id, root_id: rootId } = options;
  const frozen = parts.map((part) => freeze(planning, part, { groupId: textOf(group_id), rootId }));
  for (const part of parts) {
    const partBody = chord ?? part.options.chord ?? null;
    apply(planning, plan, part, { args, options: { add_to_parent: false, chord: partBody, ...options } });
  }
  // A group whose only part ends in a group is that one.
  const [only, ...more] = frozen;
  if (only?.nodes && more.length === 0) return only;
  return { id: groupId, parent: undefined, nodes: frozen };
}

/** How many results a chord gets from one part: that of a chain is its last, that of a chord is its body. */
export function endsOf(sig: Sig): number {
  switch (kindOf(sig)) {
    case 'task':
      return 1;
    case 'group':
      return partsOf(sig).reduce((sum, part) => sum + endsOf(part), 0);
    case 'chain':
      return partsOf(sig).reduceRight((found, part) => found || endsOf(part), 0);
    case 'chord':
      return endsOf(bodyOf(sig));
  }
}

function applyChord(
  planning: Planning,
  plan: Plan,
  sig: Sig,
  args: readonly unknown[],
  { task_id, ...given }: Options,
): Frozen {
  if (planning.chords === 'none') throw needsResults();
  const header = sig.kwargs.header as Sig | Sig[];
  const group = Array.isArray(header) ? newGroup(header) : header;
  const body = copySig(bodyOf(sig));
  const { task_id: ownId, ...own } = sig.options;
  const {
    interval,
    countdown,
    max_retries,
    eager: _eager,
    ...options
  } = { ...own, ...given } as Record<string, unknown>;
  body.options = { ...merged(body, { options: given }).options, ...options };
  group.options.task_id ??= planning.newId();
  const groupId = String(group.options.task_id);
  const result = freeze(planning, body, { id: textOf(task_id ?? ownId), rootId: body.options.root_id });
  const before = freezeGroup(planning, group, { groupId, chord: body, rootId: body.options.root_id });
  firstOf(result).parent = before;
  const { chain: _chain, chord: _chord, ...ofHeader } = options;
  if (headerOf({ ...sig, kwargs: { header: group } }).length === 0) {
    apply(planning, plan, body, { args: [[]] });
    return result;
  }
  for (const part of partsOf(group)) refuseIgnored(planning, part);
  if (planning.chords === 'polled')
    unlockLater(
      planning,
      plan,
      before,
      { body, parts: partsOf(group) },
      { interval, countdown, max_retries },
    );
  else if (before.nodes?.some(({ nodes }) => nodes)) plan.saved.push(before);
  const size = partsOf(group).reduce((sum, part) => sum + endsOf(part), 0);
  plan.sizes.push({ groupId, size });
  applyGroup(planning, plan, group, args, { ...ofHeader, task_id: groupId });
  return result;
}

/**
 * A task that asks for the results, goes to the queue of the body, and tries again until all are there. Where Python may have
 * the body, it goes to that of the header: a worker of Python could not read the results.
 */
function unlockLater(
  planning: Planning,
  plan: Plan,
  header: Frozen,
  { body, parts }: { readonly body: Sig; readonly parts: readonly Sig[] },
  { interval = null, countdown = 1, max_retries = null }: Options,
): void {
  const result = (header.nodes ?? []).map(tupleOf);
  const nearby = planning.isDefined(body.task) ? body : (firstTask(parts) ?? body);
  const { queue = planning.routeOf(nearby.task).queue } = nearby.options;
  const { priority = 0 } = body.options;
  const kwargs = { interval, max_retries, result, [unlockMark]: true };
  const options = { countdown, queue, priority, ignore_result: true };
  plan.sent.push(sentOf(planning, 'celery.chord_unlock', [header.id, body], kwargs, options));
}

function firstTask([sig]: readonly Sig[]): Sig | undefined {
  if (!sig) return undefined;
  const kind = kindOf(sig);
  if (kind === 'task') return sig;
  return firstTask(kind === 'chord' ? headerOf(sig) : partsOf(sig));
}

/**
 * Python keeps its results elsewhere than in a store that only this package reads, so a chord over a task of Python would
 * wait for ever. Which program has a task is not known here; that this app has it, is.
 */
function refuseForeign(planning: Planning, sig: Sig, awaited = false): void {
  const kind = kindOf(sig);
  if (kind === 'task') {
    if (awaited && !planning.isDefined(sig.task)) throw foreign(sig.task);
    return;
  }
  if (kind === 'chord') {
    for (const part of headerOf(sig)) refuseForeign(planning, part, true);
    refuseForeign(planning, bodyOf(sig), awaited);
    return;
  }
  const parts = partsOf(sig);
  for (const [n, part] of parts.entries()) {
    const isLast = n === parts.length - 1;
    // A group that another step follows is the header of a chord.
    const waits = kind === 'group' || isLast ? awaited : kindOf(part) === 'group';
    refuseForeign(planning, part, waits);
  }
}

function foreign(task: string): TasksError {
  return new TasksError(
    'CHORD_NEEDS_RESULTS',
    `A chord cannot wait for "${task}"`,
    'this app does not define it, and only workers of this package keep results in its store; Python would keep them elsewhere',
    'Use results: redis://… for chords with tasks of Python; where another program of this package has the task, define it here too',
  );
}

/** A body that waits for a result which nobody keeps would wait for ever. */
function refuseIgnored(planning: Planning, sig: Sig): void {
  const parts =
    kindOf(sig) === 'chain' ? partsOf(sig).slice(-1) : kindOf(sig) === 'group' ? partsOf(sig) : [];
  for (const part of parts) refuseIgnored(planning, part);
  if (kindOf(sig) === 'chord') refuseIgnored(planning, bodyOf(sig));
  const ignored =
    kindOf(sig) === 'task' && (sig.options.ignore_result ?? planning.routeOf(sig.task).ignoreResult);
  if (ignored !== true) return;
  throw new TasksError(
    'OPTION_INVALID',
    `A chord waits for the result of "${sig.task}", which is ignored`,
    'its body is called with the results of all tasks of its header',
    'Remove ignoreResult from the task, or give its signature { ignoreResult: false }',
  );
}

function needsResults(): TasksError {
  return new TasksError(
    'CHORD_NEEDS_RESULTS',
    'A chord cannot be sent',
    'its body needs the results of its header, and nothing here keeps results that every worker can read. A group that a task follows is a chord too',
    'Give the app results: redis://…, sqlite:… or postgresql://…',
  );
}

function withoutNull(options: Options): Options {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== null && value !== undefined),
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
