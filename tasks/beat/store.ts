/**
 * Where a beat keeps its entries and who leads: in the broker, so that there is nothing more to run. A record is an opaque
 * text under a name, and changes only by `swap`: from what the writer has seen to something else, all or nothing. So a
 * change at run time and a run cannot overwrite each other, whoever makes them.
 *
 * `swap` with messages is what fires an entry: its slot moves on and its messages are in their queue in the same atomic
 * step. A beat that dies in the middle has done both or neither; hence exactly once into the queue (handlers then run at
 * least once, as for every message).
 *
 * The lease alone would not do: a leader that was stopped (a paused container) wakes up believing that it leads. Its token
 * is older than the new leader's, and `swap` refuses it.
 */
import type { TaskMessage } from '../message.ts';

export interface BeatStore {
  /**
   * Takes the lease, or renews it. Tokens grow with every change of the holder.
   *
   * @param holder names one running beat, unlike any other
   */
  lease(holder: string, leaseMs: number): Promise<Lease>;
  /** Gives it up, so that another takes over at once. Nothing happens when somebody else has it. */
  release(holder: string): Promise<void>;
  /** All records by name. */
  read(): Promise<ReadonlyMap<string, string>>;
  swap(change: Swap): Promise<SwapResult>;
}

export type Lease =
  | { readonly held: true; readonly token: number }
  /** `by` leads. */
  | { readonly held: false; readonly by: string };

export interface Swap {
  readonly name: string;
  /** What the record must be; undefined: there must be none. */
  readonly from: string | undefined;
  /** Undefined: removed. */
  readonly to: string | undefined;
  /** Only while the lease is held with this token. */
  readonly token?: number;
  /** Put into the queue in the same step. */
  readonly send?: { readonly queue: string; readonly messages: readonly TaskMessage[] };
}

/** `changed`: the record was not what `from` says. `fenced`: the lease was lost. Neither did anything. */
export type SwapResult = 'done' | 'changed' | 'fenced';

/** The state of one program: for the memory broker and for tests. */
export function createMemoryBeatStore(
  publish: (queue: string, messages: readonly TaskMessage[]) => Promise<void>,
  now: () => number = Date.now,
): BeatStore {
  const records = new Map<string, string>();
  let lease: { holder: string; token: number; untilMs: number } | undefined;
  let lastToken = 0;
  return {
    lease: async (holder, leaseMs) => {
      if (lease && lease.untilMs > now() && lease.holder !== holder) return { held: false, by: lease.holder };
      const kept = lease && lease.untilMs > now() ? lease.token : undefined;
      lease = { holder, token: kept ?? ++lastToken, untilMs: now() + leaseMs };
      return { held: true, token: lease.token };
    },
    release: async (holder) => {
      if (lease?.holder === holder) lease = undefined;
    },
    read: async () => new Map(records),
    swap: async ({ name, from, to, token, send }) => {
      if (token !== undefined && !(lease?.token === token && lease.untilMs > now())) return 'fenced';
      if (records.get(name) !== from) return 'changed';
      if (to === undefined) records.delete(name);
      else records.set(name, to);
      if (send) await publish(send.queue, send.messages);
      return 'done';
    },
  };
}
