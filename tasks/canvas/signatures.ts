/**
 * What a user of canvas holds: signatures, and chains, groups and chords of them. Each is the data of Celery's layout with the
 * app that made it; every method answers with a new one, so that a signature can be kept and used many times. (Celery's own
 * change in place, and one that was sent once must not be sent again.)
 */
import { TasksError, textOf } from '../errors.ts';
import { isoTime } from '../message.ts';
import { checkSend } from '../settings.ts';
import type { SendOptions } from '../task.ts';
import { carryOut, type Home, planningOf } from './carry.ts';
import {
  appendLink,
  bodyOf,
  copySig,
  headerOf,
  invalid,
  kindOf,
  newChain,
  newChord,
  newGroup,
  newSig,
  partsOf,
  type Sig,
} from './data.ts';
import { joined, linkErrorTo } from './freeze.ts';
import { handleOf } from './handles.ts';
import { planned } from './plan.ts';
import type {
  AnySignature,
  GroupResult,
  MissingOf,
  ResultsOf,
  Signature,
  SignatureData,
  Stamps,
} from './typed.ts';

interface Inner {
  readonly home: Home;
  readonly sig: Sig;
}

type Loose = Signature<readonly unknown[], never, never>;

/** Kept apart from the object, which users see and print. */
const inners = new WeakMap<object, Inner>();

export function signatureOf(home: Home, sig: Sig): Loose {
  const changed = (change: (copy: Sig) => void): Loose => {
    const copy = copySig(sig);
    change(copy);
    return signatureOf(home, copy);
  };
  const signature: Loose = {
    task: sig.task,
    delay: (...args) => send(home, sig, args, {}),
    applyAsync: (args, options = {}) => send(home, sig, args, options),
    set: (options) => changed((copy) => setOptions(copy, options)),
    link: (callback) => changed((copy) => linkTo(copy, dataOf(callback))),
    linkError: (errback) => changed((copy) => linkErrorTo(copy, dataOf(errback))),
    stamp: (stamps) => changed((copy) => stampAll(copy, stamps)),
    toJSON: () => copySig(sig) as SignatureData,
  };
  inners.set(signature, { home, sig });
  return signature;
}

async function send(home: Home, sig: Sig, args: readonly unknown[], given: SendOptions): Promise<never> {
  const now = Date.now();
  const { parent } = given;
  const planning = await planningOf(home, now, parent);
  const call = { args, kwargs: given.kwargs ?? {}, options: celeryOptions(given) };
  const plan = planned(planning, sig, call);
  try {
    await carryOut(home, plan);
  } catch (error) {
    throw error instanceof TypeError ? notJson(sig.task, error) : error;
  }
  const { result } = plan;
  const ignored = plan.sent.some(({ message }) => message.id === result.id && message.ignoreResult);
  return handleOf(result, ignored ? undefined : home.results) as never;
}

/** @throws TasksError OPTION_INVALID */
function celeryOptions(given: SendOptions): Record<string, unknown> {
  checkSend(given, {}, Date.now());
  const iso = (value: number | Date): string | null =>
    isoTime(value instanceof Date ? value.getTime() : value);
  const options: Record<string, unknown> = {
    task_id: given.id,
    countdown: given.countdown,
    eta: given.eta === undefined ? undefined : iso(given.eta),
    expires: given.expires instanceof Date ? iso(given.expires) : given.expires,
    priority: given.priority,
    queue: given.queue,
    ignore_result: given.ignoreResult,
    time_limit: given.timeLimit?.hardSeconds,
    soft_time_limit: given.timeLimit?.softSeconds,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function setOptions(sig: Sig, given: SendOptions): void {
  sig.options = { ...sig.options, ...celeryOptions(given) };
  if (given.kwargs && kindOf(sig) === 'task') sig.kwargs = { ...sig.kwargs, ...given.kwargs };
}

/** A group has no end of its own; a chord ends with its body, a chain with its last task. */
function linkTo(sig: Sig, callback: Sig): void {
  const last =
    kindOf(sig) === 'chain' ? partsOf(sig).at(-1) : kindOf(sig) === 'chord' ? bodyOf(sig) : undefined;
  if (kindOf(sig) === 'group') throw invalid('a group has no end to link to: follow it by a task in a chain');
  if (last) linkTo(last, callback);
  else appendLink(sig, 'link', callback);
}

function stampAll(sig: Sig, stamps: Stamps): void {
  const names = new Set([
    ...((sig.options.stamped_headers as string[] | undefined) ?? []),
    ...Object.keys(stamps),
  ]);
  sig.options = { ...sig.options, stamped_headers: [...names], ...stamps };
  if (kindOf(sig) === 'chain' || kindOf(sig) === 'group')
    for (const part of partsOf(sig)) stampAll(part, stamps);
  if (kindOf(sig) === 'chord') for (const part of [...headerOf(sig), bodyOf(sig)]) stampAll(part, stamps);
}

function innerOf(signature: AnySignature): Inner {
  const inner = inners.get(signature);
  if (!inner) throw invalid('it is none: it was not made by this package');
  return inner;
}

/** The data of a signature, copied. */
export function dataOf(signature: AnySignature): Sig {
  return copySig(innerOf(signature).sig);
}

function homeOf([first]: readonly AnySignature[], what: string): Home {
  if (!first) throw invalid(`${what} needs at least one signature`);
  return innerOf(first).home;
}

type After<Before, Result, Handle> = Signature<[NoInfer<Before>], Result, Handle>;
type Args = readonly unknown[];

/**
 * One after the other, each with the result of the one before it as its first argument. A group in it hands on the list of
 * its results, and waits for all of them: with what follows it is a chord.
 *
 * @throws TasksError SIGNATURE_INVALID
 */
export function chain<M extends Args, A, H>(a: Signature<M, A, H>): Signature<M, A, H>;
export function chain<M extends Args, A, B, H>(
  a: Signature<M, A, unknown>,
  b: After<A, B, H>,
): Signature<M, B, H>;
export function chain<M extends Args, A, B, C, H>(
  a: Signature<M, A, unknown>,
  b: After<A, B, unknown>,
  c: After<B, C, H>,
): Signature<M, C, H>;
export function chain<M extends Args, A, B, C, D, H>(
  a: Signature<M, A, unknown>,
  b: After<A, B, unknown>,
  c: After<B, C, unknown>,
  d: After<C, D, H>,
): Signature<M, D, H>;
export function chain<M extends Args, A, B, C, D, E, H>(
  a: Signature<M, A, unknown>,
  b: After<A, B, unknown>,
  c: After<B, C, unknown>,
  d: After<C, D, unknown>,
  e: After<D, E, H>,
): Signature<M, E, H>;
export function chain<M extends Args, A, B, C, D, E, F, H>(
  a: Signature<M, A, unknown>,
  b: After<A, B, unknown>,
  c: After<B, C, unknown>,
  d: After<C, D, unknown>,
  e: After<D, E, unknown>,
  f: After<E, F, H>,
): Signature<M, F, H>;
export function chain(...given: readonly AnySignature[]): Loose {
  const home = homeOf(given, 'a chain');
  const [first, ...rest] = given.map(dataOf);
  const start = first && kindOf(first) === 'chain' ? first : newChain(first ? [first] : []);
  return signatureOf(home, rest.length === 0 && first ? first : rest.reduce(joined, soleOf(start)));
}

/** A chain of one is that one, so that a group at its start becomes a chord with what follows. */
function soleOf(start: Sig): Sig {
  const [only, ...more] = partsOf(start);
  return only && more.length === 0 && kindOf(only) !== 'task' ? only : start;
}

/** The same for a list that is only known at run time, with no check of types. @throws TasksError SIGNATURE_INVALID */
export function chainOf<Result = unknown>(
  signatures: readonly AnySignature[],
): Signature<readonly unknown[], Result> {
  return (chain as unknown as (...all: readonly AnySignature[]) => Loose)(...signatures) as never;
}

/** All at the same time. @throws TasksError SIGNATURE_INVALID */
export function group<const Parts extends readonly AnySignature[]>(
  signatures: Parts,
): Signature<MissingOf<Parts>, ResultsOf<Parts>, GroupResult<ResultsOf<Parts>>> {
  return signatureOf(homeOf(signatures, 'a group'), newGroup(signatures.map(dataOf))) as never;
}

/** All of the header at the same time, then the body with the list of their results. @throws TasksError SIGNATURE_INVALID */
export function chord<const Parts extends readonly AnySignature[], Result, Handle>(
  header: Parts,
  body: Signature<[NoInfer<ResultsOf<Parts>>], Result, Handle>,
): Signature<MissingOf<Parts>, Result, Handle> {
  return signatureOf(innerOf(body).home, newChord(header.map(dataOf), dataOf(body))) as never;
}

/** `celery.map` and `celery.starmap`: one job for all items. */
export function mapOf(home: Home, task: string, items: readonly unknown[], star: boolean): Loose {
  return signatureOf(home, mapSig(task, items, star));
}

export function mapSig(task: Sig | string, items: readonly unknown[], star: boolean): Sig {
  const each = typeof task === 'string' ? newSig(task) : task;
  const kwargs = { task: each, it: [...items] };
  return newSig(star ? 'celery.starmap' : 'celery.map', [], { kwargs, immutable: true });
}

/** As many starmaps as it takes. @throws TasksError OPTION_INVALID */
export function chunksSig(task: Sig | string, calls: readonly unknown[], size: number): Sig {
  if (!Number.isSafeInteger(size) || size < 1) throw invalid('chunks must have a size of at least 1');
  const parts: Sig[] = [];
  for (let from = 0; from < calls.length; from += size)
    parts.push(mapSig(task, calls.slice(from, from + size), true));
  return newGroup(parts);
}

/** @throws TasksError ARGUMENTS_INVALID */
export function notJson(name: string, error: TypeError): TasksError {
  return new TasksError(
    'ARGUMENTS_INVALID',
    `A call of "${name}" could not be sent`,
    textOf(error),
    'Pass what JSON can hold: no object that contains itself',
    { cause: error },
  );
}
