/**
 * A signature as it travels: which task, with which arguments and options, to be called later. Celery's own layout
 * (celery/canvas.py, 5.2.6, `Signature`), member by member in its order, so that either side's workers can go on with
 * what the other side began. Chains, groups and chords are signatures too, told apart by `subtask_type`.
 *
 * They are changed in place while a canvas is laid out: a chord's body is referred to by every part of its header before
 * it has its id. So whoever lays one out makes a copy first. (Immutable values, rebuilt at each step, were the other way;
 * the order of Celery's steps, which the layout shows, would be lost.)
 */
import { TasksError } from '../errors.ts';

export interface Sig {
  readonly task: string;
  args: unknown[];
  kwargs: Record<string, unknown>;
  options: Record<string, unknown>;
  readonly subtask_type: string | null;
  immutable: boolean;
}

export type SigKind = 'task' | 'chain' | 'group' | 'chord';

/** Deeper than any canvas that a person writes, and far from the end of the stack. */
const deepest = 200;

export function newSig(task: string, args: readonly unknown[] = [], rest: Partial<Sig> = {}): Sig {
  return {
    task,
    args: [...args],
    kwargs: rest.kwargs ?? {},
    options: rest.options ?? {},
    subtask_type: rest.subtask_type ?? null,
    immutable: rest.immutable ?? false,
  };
}

export function newChain(tasks: readonly Sig[], options: Record<string, unknown> = {}): Sig {
  return newSig('celery.chain', [], { kwargs: { tasks: [...tasks] }, options, subtask_type: 'chain' });
}

/** The list is kept as it is given: a chord's header and the group that it came from share it. */
export function newGroup(tasks: Sig[], options: Record<string, unknown> = {}): Sig {
  return newSig('celery.group', [], { kwargs: { tasks }, options, subtask_type: 'group' });
}

export function newChord(header: Sig | Sig[], body: Sig, rest: Partial<Sig> = {}): Sig {
  const kwargs = { kwargs: {}, ...rest.kwargs, header, body };
  return newSig('celery.chord', rest.args, { ...rest, kwargs, subtask_type: 'chord' });
}

export function kindOf({ subtask_type }: Sig): SigKind {
  return subtask_type === 'chain' || subtask_type === 'group' || subtask_type === 'chord'
    ? subtask_type
    : 'task';
}

/** The parts of a chain or a group. */
export function partsOf(sig: Sig): Sig[] {
  return sig.kwargs.tasks as Sig[];
}

export function bodyOf(chord: Sig): Sig {
  return chord.kwargs.body as Sig;
}

/** The parts of a chord's header, which is a list until it is laid out, and a group from then on. */
export function headerOf(chord: Sig): Sig[] {
  const header = chord.kwargs.header as Sig | Sig[];
  return Array.isArray(header) ? header : partsOf(header);
}

/**
 * A signature from a message, copied. What a stranger wrote is checked here, once.
 *
 * @throws TasksError SIGNATURE_INVALID
 */
export function readSig(value: unknown, depth = 0): Sig {
  if (depth > deepest) throw invalid('it is nested too deeply');
  if (!isRecord(value)) throw invalid('it must be an object');
  const { task, args = [], kwargs = {}, options = {}, subtask_type = null, immutable = false } = value;
  if (typeof task !== 'string' || task === '') throw invalid('"task" must be a name');
  if (!Array.isArray(args) || !isRecord(kwargs ?? {}) || !isRecord(options ?? {}))
    throw invalid(`args, kwargs and options of "${task}" must be a list and two objects`);
  const sig = newSig(task, args as unknown[], {
    kwargs: { ...((kwargs ?? {}) as Record<string, unknown>) },
    options: copyOptions((options ?? {}) as Record<string, unknown>),
    subtask_type: typeof subtask_type === 'string' ? subtask_type : null,
    immutable: immutable === true,
  });
  return withReadParts(sig, depth + 1);
}

function withReadParts(sig: Sig, depth: number): Sig {
  const list = (value: unknown): Sig[] => {
    if (!Array.isArray(value)) throw invalid(`"${sig.task}" must have a list of signatures`);
    return value.map((one) => readSig(one, depth));
  };
  switch (kindOf(sig)) {
    case 'chain':
      return newChain(list(sig.kwargs.tasks), sig.options);
    case 'group':
      return newGroup(list(sig.kwargs.tasks), sig.options);
    case 'chord': {
      const { header, body } = sig.kwargs;
      if (!isRecord(body)) throw invalid('a chord must have a body');
      return newChord(headerFrom(header, list, depth), readSig(body, depth), sig);
    }
    case 'task':
      return sig;
  }
}

/** A list of signatures; a group or a chain stands for its parts, as in Celery (`_maybe_group`). */
function headerFrom(header: unknown, list: (value: unknown) => Sig[], depth: number): Sig[] {
  if (Array.isArray(header)) return list(header);
  const one = readSig(header, depth);
  return kindOf(one) === 'group' || kindOf(one) === 'chain' ? partsOf(one) : [one];
}

/** A copy that shares nothing but arguments with what it was made from. A laid out header stays a group. */
export function copySig(sig: Sig): Sig {
  const kwargs = { ...sig.kwargs };
  const header = kwargs.header as Sig | Sig[] | undefined;
  if (kindOf(sig) === 'chain' || kindOf(sig) === 'group') kwargs.tasks = partsOf(sig).map(copySig);
  if (kindOf(sig) === 'chord') {
    kwargs.header = Array.isArray(header) ? header.map(copySig) : copySig(header as Sig);
    kwargs.body = copySig(bodyOf(sig));
  }
  return { ...sig, args: [...sig.args], kwargs, options: copyOptions(sig.options) };
}

/** Lists are copied: links are appended to them. What is in them is never changed. */
function copyOptions(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      Array.isArray(value) ? [...(value as unknown[])] : value,
    ]),
  );
}

export interface Extra {
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What is given at the call comes before what the signature has. A group that a task belongs to stays its own. */
export function merged(
  sig: Sig,
  { args = [], kwargs = {}, options = {} }: Extra,
): Pick<Sig, 'args' | 'kwargs' | 'options'> {
  const given = Object.entries(options).filter(
    ([name]) => name !== 'group_id' || sig.options.group_id === undefined,
  );
  const mergedOptions = { ...sig.options, ...Object.fromEntries(given) };
  if (sig.immutable) return { args: sig.args, kwargs: sig.kwargs, options: mergedOptions };
  return {
    args: args.length > 0 ? [...args, ...sig.args] : sig.args,
    kwargs: { ...sig.kwargs, ...kwargs },
    options: mergedOptions,
  };
}

export function appendLink(sig: Sig, option: 'link' | 'link_error', link: Sig): void {
  const links = listOf(sig.options[option]);
  if (!links.includes(link)) sig.options[option] = [...links, link];
}

export function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function invalid(why: string): TasksError {
  return new TasksError(
    'SIGNATURE_INVALID',
    'A signature cannot be used',
    why,
    'Make signatures with task.s(), app.signature(), chain(), group() and chord()',
  );
}
