/**
 * What goes between a worker and its threads. Arguments and results cross as the JSON that the broker and the result store
 * would write: so a handler sees the same values in both pools, Python's typed ones too. (The structured clone that threads
 * have by themselves was the other way: it loses every `toJSON`, and keeps what the result store could not.)
 */
import type { Delivery } from '../broker.ts';
import { readSig } from '../canvas/data.ts';
import type { TaskMessage } from '../message.ts';
import { parseJson, writeJson } from '../values.ts';
import type { Outcome } from '../work.ts';

/** Worker to thread. */
export type ToThread = { readonly kind: 'job'; readonly order: Order } | { readonly kind: 'end' };

export interface Order {
  readonly message: Omit<TaskMessage, 'args' | 'kwargs' | 'embed'>;
  /** JSON of `[args, kwargs, embed]`. */
  readonly body: string;
  readonly queue: string;
  readonly redelivered: boolean;
}

/** On a port of its own, which a handler that blocks its thread can still look into. */
export interface Abort {
  readonly id: string;
  readonly reason: CrossedError;
}

/** Thread to worker. */
export type FromThread =
  | { readonly kind: 'ready'; readonly tasks: readonly string[] }
  /** The module could not be loaded. */
  | { readonly kind: 'unready'; readonly error: CrossedError }
  | { readonly kind: 'done'; readonly outcome: CrossedOutcome; readonly heapBytes: number };

export type CrossedOutcome =
  | { readonly kind: 'success'; readonly json: string }
  /** A success whose value has no JSON. */
  | { readonly kind: 'unwritable'; readonly error: CrossedError }
  | { readonly kind: 'failure'; readonly error: CrossedError }
  | { readonly kind: 'retry'; readonly error: CrossedError; readonly delayMs: number }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'replaced'; readonly json: string }
  | { readonly kind: 'rejected'; readonly error: CrossedError; readonly requeue: boolean };

export type CrossedError =
  | {
      readonly kind: 'error';
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  /** Handlers may throw anything. */
  | { readonly kind: 'other'; readonly value: unknown };

export function orderOf(message: TaskMessage, { queue, redelivered }: Delivery): Order {
  const { args, kwargs, embed, ...rest } = message;
  return { message: rest, body: writeJson([args, kwargs, embed], true), queue, redelivered };
}

export function messageOf({ message, body }: Order): TaskMessage {
  const [args, kwargs, embed] = parseJson(body) as [unknown[], TaskMessage['kwargs'], TaskMessage['embed']];
  return { ...message, args, kwargs, embed };
}

export function crossed(outcome: Outcome): CrossedOutcome {
  switch (outcome.kind) {
    case 'success':
      try {
        return { kind: 'success', json: writeJson(outcome.result ?? null, false) ?? 'null' };
      } catch (error) {
        return { kind: 'unwritable', error: crossedError(error) };
      }
    case 'failure':
      return { kind: 'failure', error: crossedError(outcome.error) };
    case 'retry':
      return { kind: 'retry', error: crossedError(outcome.error), delayMs: outcome.delayMs };
    case 'ignored':
      return outcome;
    case 'replaced':
      return { kind: 'replaced', json: writeJson(outcome.signature, false) };
    case 'rejected':
      return { kind: 'rejected', error: crossedError(outcome.error), requeue: outcome.requeue };
  }
}

export function arrived(outcome: CrossedOutcome): Outcome {
  switch (outcome.kind) {
    case 'success':
      return { kind: 'success', result: parseJson(outcome.json) };
    case 'unwritable':
      return { kind: 'success', result: unwritable(errorOf(outcome.error)) };
    case 'failure':
      return { kind: 'failure', error: errorOf(outcome.error) };
    case 'retry':
      return { kind: 'retry', error: errorOf(outcome.error), delayMs: outcome.delayMs };
    case 'ignored':
      return outcome;
    case 'replaced':
      return { kind: 'replaced', signature: readSig(parseJson(outcome.json)) };
    case 'rejected':
      return { kind: 'rejected', error: errorOf(outcome.error), requeue: outcome.requeue };
  }
}

export function crossedError(thrown: unknown): CrossedError {
  if (!(thrown instanceof Error)) return { kind: 'other', value: cloneable(thrown) };
  const { name, message, stack } = thrown;
  const plain = Object.entries(thrown).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value),
  );
  return {
    kind: 'error',
    name: String(name),
    message: String(message),
    stack,
    fields: Object.fromEntries(plain),
  };
}

export function errorOf(error: CrossedError): unknown {
  if (error.kind === 'other') return error.value;
  const { name, message, stack, fields } = error;
  return Object.assign(new RangeError(message), fields, { name, stack });
}

/** Fails where it is written, as the value itself would have: who ignores results never meets it. */
function unwritable(error: unknown): unknown {
  return {
    toJSON: () => {
      throw error;
    },
  };
}

function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return typeof value;
  }
}
