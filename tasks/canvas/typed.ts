/** The types of canvas: which arguments a signature still lacks, and what comes out of it. */
import type { AsyncResult, SendOptions } from '../task.ts';

/**
 * A call that is yet to be made: a task with some or all of its arguments, or a chain, group or chord of such. Every method
 * answers with a new signature. It is JSON as it stands, in Celery's layout.
 *
 * `Missing`: the arguments that it lacks. They come before those it has, so a task in a chain lacks one: the result before it.
 */
export interface Signature<Missing extends readonly unknown[], Result, Handle = AsyncResult<Result>> {
  /** Only for types: a signature that lacks nothing cannot follow another one. */
  readonly lacks?: (args: Missing) => Result;
  /** The name of the task; `celery.chain` and so on for the others. */
  readonly task: string;
  /** Sends it. @throws TasksError CHORD_NEEDS_RESULTS, SIGNATURE_INVALID, ARGUMENTS_INVALID, BROKER_UNREACHABLE */
  delay(...args: Missing): Promise<Handle>;
  /** Sends it with options. Those of a chain are for its first task, those of a group for each of its tasks. */
  applyAsync(args: Missing, options?: SendOptions): Promise<Handle>;
  /** With options of the call: queue, countdown, expires… */
  set(options: SendOptions): Signature<Missing, Result, Handle>;
  /** When it succeeded, `callback` is called with its result. */
  link(callback: Signature<[Result], unknown, unknown>): Signature<Missing, Result, Handle>;
  /**
   * When it failed, `errback` is called: as a task with the id of the failed one; or, where its handler takes two arguments
   * more than it has, at once in the worker that saw the failure, with the failed call and the error.
   */
  linkError(errback: AnySignature): Signature<Missing, Result, Handle>;
  /** Marks every task in it, as Celery 5.3 does: `control.ask('revoke_by_stamped_headers')` finds them. */
  stamp(stamps: Stamps): Signature<Missing, Result, Handle>;
  toJSON(): SignatureData;
}

export type AnySignature = Signature<never, unknown, unknown>;

export type Stamps = Readonly<Record<string, string | number | readonly (string | number)[]>>;

/** What goes to an errback that is called at once. */
export interface FailedTask {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly rootId: string | null;
  readonly parentId: string | null;
  readonly retries: number;
}

/** Celery's layout of a signature. */
export interface SignatureData {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly subtask_type: string | null;
  readonly immutable: boolean;
}

/** The results of a group, in its order. `get` waits for all, and throws for the first that failed. */
export interface GroupResult<Results extends readonly unknown[]> extends AsyncResult<Results> {
  readonly results: { readonly [Member in keyof Results]: AsyncResult<Results[Member]> };
  /** How many of its members have succeeded so far. */
  completedCount(): Promise<number>;
  /** Keeps the list of its members for a day, for `app.groupResult(id)`. */
  save(): Promise<void>;
}

/** A list and every end of it: what a caller of `s()` may give. */
export type Tails<Args extends readonly unknown[]> = Args extends readonly [unknown, ...infer Rest]
  ? Args | Tails<Rest>
  : Args | [];

/** What is left at the front of `Args` when `Given` are its last. */
export type Lacking<
  Args extends readonly unknown[],
  Given extends readonly unknown[],
> = number extends Args['length']
  ? [...Args]
  : Given extends readonly [...infer Fewer, unknown]
    ? Args extends readonly [...infer Front, unknown?]
      ? Lacking<Front, Fewer>
      : []
    : [...Args];

/** What all of these lack: who sends a group gives it to each of its tasks. */
export type MissingOf<Parts extends readonly AnySignature[]> = Parts extends readonly []
  ? readonly unknown[]
  : [Parts[number]] extends [{ readonly lacks?: (args: infer Missing extends readonly unknown[]) => unknown }]
    ? Missing
    : never;

export type ResultsOf<Parts extends readonly AnySignature[]> = {
  -readonly [Part in keyof Parts]: Parts[Part] extends { readonly lacks?: (args: never) => infer Result }
    ? Result
    : never;
};

/** The only argument of a task for `map`. */
export type Single<Args extends readonly unknown[]> = Args extends readonly [] ? never : Args[0];
