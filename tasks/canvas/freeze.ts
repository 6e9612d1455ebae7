/**
 * Gives a canvas its ids, before anything is sent: each task must know by name what comes after it. The steps and their
 * order are those of Celery's `freeze` and `prepare_steps` (celery/canvas.py, 5.2.6), as the messages show them; a test
 * compares with what Python writes.
 *
 * What comes back says where the results will be: the last of a chain, or the group, each with what came before it.
 */
import {
  appendLink,
  bodyOf,
  copySig,
  kindOf,
  listOf,
  merged,
  newChain,
  newChord,
  newGroup,
  partsOf,
  type Sig,
} from './data.ts';

/** Where results will be. */
export interface Frozen {
  readonly id: string;
  parent: Frozen | undefined;
  /** Of a group: its members. */
  readonly nodes: readonly Frozen[] | undefined;
}

/** What must come from outside. */
export interface Naming {
  newId(): string;
  /** Where the sender hears results. */
  readonly replyTo: string;
}

export interface FreezeOptions {
  readonly id?: string | undefined;
  readonly groupId?: string | undefined;
  readonly groupIndex?: number | undefined;
  /** The body to be called when the group is through. */
  readonly chord?: Sig | undefined;
  readonly rootId?: unknown;
  readonly parentId?: unknown;
}

/** Changes the signature in place. */
export function freeze(naming: Naming, sig: Sig, given: FreezeOptions = {}): Frozen {
  switch (kindOf(sig)) {
    case 'task':
      return freezeTask(naming, sig, given);
    case 'chain': {
      const { results } = prepareSteps(naming, partsOf(sig), { ...given, args: sig.args, inPlace: true });
      return results[0] ?? { id: naming.newId(), parent: undefined, nodes: undefined };
    }
    case 'group':
      return freezeGroup(naming, sig, given);
    case 'chord':
      return freezeChord(naming, sig, given);
  }
}

function freezeTask(naming: Naming, { options }: Sig, given: FreezeOptions): Frozen {
  options.task_id ??= given.id ?? naming.newId();
  if (given.rootId) options.root_id = given.rootId;
  if (given.parentId) options.parent_id = given.parentId;
  if (options.reply_to === undefined) options.reply_to = naming.replyTo;
  if (given.groupId !== undefined && options.group_id === undefined) options.group_id = given.groupId;
  if (given.chord) options.chord = given.chord;
  if (given.groupIndex !== undefined) options.group_index = given.groupIndex;
  return { id: String(options.task_id), parent: undefined, nodes: undefined };
}

/**
 * Groups within groups are one group: all of their tasks run at the same time. One at the end of a part of a chord has an id
 * of its own; Celery gives it that of the chord's header, and whoever sends it then overwrites the size of that header.
 */
export function freezeGroup(naming: Naming, sig: Sig, given: FreezeOptions): Frozen {
  const { options } = sig;
  options.task_id ??= naming.newId();
  if (given.groupId !== undefined) options.group_id = given.groupId;
  if (given.chord) options.chord = given.chord;
  if (given.groupIndex !== undefined) options.group_index = given.groupIndex;
  options.root_id ??= given.rootId ?? null;
  options.parent_id ??= given.parentId ?? null;
  const { groupId, chord } = given;
  const { root_id: rootId, parent_id: parentId } = options;
  const ends = given.groupId !== undefined && given.groupId !== options.task_id;
  // A worker of Python gives a chord in a group that group's id, but leaves what stands in a chain its own.
  const flat = flattened(partsOf(sig)).map((part) =>
    ends && kindOf(part) === 'chord' ? newChain([copySig(part)]) : copySig(part),
  );
  const nodes = flat.map((task, groupIndex) =>
    freeze(naming, task, { groupId, chord, rootId, parentId, groupIndex }),
  );
  partsOf(sig).splice(0, Infinity, ...flat);
  return { id: String(options.task_id), parent: undefined, nodes };
}

/** In their own order. (Celery 5.2 turns inner groups round; no worker depends on it, and nobody expects it.) */
function flattened(tasks: readonly Sig[]): Sig[] {
  return tasks.flatMap((task) => (kindOf(task) === 'group' ? flattened(partsOf(task)) : [task]));
}

function freezeChord(naming: Naming, sig: Sig, given: FreezeOptions): Frozen {
  const { header } = sig.kwargs;
  if (Array.isArray(header)) sig.kwargs.header = newGroup(header as Sig[]);
  const group = sig.kwargs.header as Sig;
  const { parentId, rootId, ...ofBody } = given;
  const before = freeze(naming, group, { parentId, rootId, chord: bodyOf(sig) });
  const body = freeze(naming, bodyOf(sig), { ...ofBody, rootId });
  firstOf(body).parent = before;
  sig.options.task_id = group.options.task_id;
  return body;
}

/** What has nothing before it. */
export function firstOf(frozen: Frozen): Frozen {
  let first = frozen;
  while (first.parent) first = first.parent;
  return first;
}

export interface Steps {
  /** The last first, as the messages have it: a worker takes the next from the end. */
  readonly tasks: Sig[];
  readonly results: Frozen[];
}

export interface StepOptions extends FreezeOptions {
  /** For the first task, before its own. */
  readonly args?: readonly unknown[];
  readonly linkError?: unknown;
  /** True: the tasks themselves are laid out; else copies of them. */
  readonly inPlace?: boolean;
}

/**
 * Lays out a chain from its end. A chain within it is spliced in; a group that something follows becomes a chord.
 * Only the last task belongs to the group and the chord around the chain, so that these wait for the whole of it.
 */
export function prepareSteps(naming: Naming, given: readonly Sig[], options: StepOptions): Steps {
  const steps = [...given];
  const tasks: Sig[] = [];
  const results: Frozen[] = [];
  let previous: { readonly task: Sig; readonly result: Frozen } | undefined;
  let isLast = true;
  for (let step = steps.pop(); step; step = steps.pop()) {
    let task = unrolled(step);
    if (!options.inPlace) task = copySig(task);
    if (steps.length === 0 && kindOf(task) !== 'chain') giveArgs(task, options);
    if (kindOf(task) === 'chain') {
      steps.push(...partsOf(task));
      continue;
    }
    if (previous && endsInGroup(task)) {
      tasks.pop();
      results.pop();
      task = kindOf(task) === 'chord' ? ontoBody(task, previous.task) : upgraded(task, previous, options);
    }
    const result = freezeStep(naming, task, options, isLast);
    isLast = false;
    if (previous && !previous.result.parent) previous.result.parent = result;
    for (const errback of listOf(options.linkError)) linkErrorTo(task, errback as Sig);
    tasks.push(task);
    results.push(result);
    // What comes before a chord comes before its header.
    previous = { task, result: kindOf(task) === 'chord' ? firstOf(result) : result };
  }
  return { tasks, results };
}

function giveArgs(task: Sig, { args = [], inPlace }: StepOptions): void {
  if (args.length === 0) return;
  task.args = inPlace ? [...args, ...task.args] : merged(task, { args }).args;
}

function freezeStep(naming: Naming, task: Sig, options: StepOptions, isLast: boolean): Frozen {
  const { id, rootId, groupId, groupIndex, chord } = options;
  return freeze(naming, task, isLast ? { id, rootId, groupId, groupIndex, chord } : { rootId });
}

/** What follows must wait for all of the group; else each of its tasks would call what follows. */
function endsInGroup(sig: Sig): boolean {
  const kind = kindOf(sig);
  if (kind === 'chord') return endsInGroup(bodyOf(sig));
  const last = kind === 'chain' ? partsOf(sig).at(-1) : undefined;
  return kind === 'group' || (last !== undefined && endsInGroup(last));
}

function upgraded(group: Sig, next: { task: Sig; result: Frozen }, { rootId }: StepOptions): Sig {
  const named = next.result.nodes ? {} : { task_id: next.result.id };
  return newChord(partsOf(group), next.task, { options: { ...named, root_id: rootId ?? null } });
}

/** A group of one is that one. */
export function unrolled(sig: Sig): Sig {
  const [only, ...more] = kindOf(sig) === 'group' ? partsOf(sig) : [];
  return only && more.length === 0 ? only : sig;
}

/** Any task of a group may fail, so each gets it; a chord's body stands for the chord. */
export function linkErrorTo(sig: Sig, errback: Sig): void {
  if (kindOf(sig) === 'group') for (const part of partsOf(sig)) linkErrorTo(part, errback);
  else appendLink(kindOf(sig) === 'chord' ? bodyOf(sig) : sig, 'link_error', errback);
}

/** Python's `a | b`. */
export function joined(first: Sig, given: Sig): Sig {
  const next = unrolled(given);
  const [kind, nextKind] = [kindOf(first), kindOf(next)];
  if (kind === 'group') return newChord(partsOf(copySig(first)), copySig(next));
  if (kind === 'chord' && nextKind !== 'group' && nextKind !== 'chain') return ontoBody(first, next);
  if (kind !== 'chain') return newChain([first, ...(nextKind === 'chain' ? unchained(next) : [next])]);
  const parts = unchained(first);
  if (parts.length === 0) return next;
  if (nextKind === 'chain') return newChain([...parts, ...unchained(next)]);
  const last = parts.at(-1) as Sig;
  if (nextKind !== 'group' && kindOf(last) === 'group')
    return newChain([...parts.slice(0, -1), newChord(partsOf(last), next)], first.options);
  if (nextKind !== 'group' && kindOf(last) === 'chord')
    return newChain([...parts.slice(0, -1), ontoBody(last, next)], first.options);
  return newChain([...parts, next]);
}

function ontoBody(chord: Sig, next: Sig): Sig {
  const copy = copySig(chord);
  copy.kwargs.body = joined(bodyOf(copy), next);
  return copy;
}

/** A chain's own errbacks go to each of its tasks. */
function unchained(chain: Sig): Sig[] {
  const tasks = partsOf(chain).map(copySig);
  for (const errback of listOf(chain.options.link_error))
    for (const task of tasks) linkErrorTo(task, errback as Sig);
  return tasks;
}
