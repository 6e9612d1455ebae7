/**
 * The contract of a broker: it keeps messages in named queues and lends them to workers, at least once.
 *
 * A lent message is a *delivery*. It stays the broker's until it is settled: a worker that dies without settling
 * gives its deliveries back, in seconds or minutes as the broker can tell. Consumers pull: the worker alone knows how
 * much it will start soon, and a pull can settle, report and take in one round trip. (A push with a prefetch count, as
 * AMQP has it, was the other way; a broker of that kind answers `take` from its buffer.)
 */
import type { BeatStore } from './beat/store.ts';
import type { Decoded, TaskMessage } from './message.ts';
import type { Remote } from './remote/remote.ts';

export interface Broker {
  /** All or none, in order. Rejects with a TasksError after a bounded time. Messages with an ETA become due by themselves. */
  publish(queue: string, messages: readonly TaskMessage[]): Promise<void>;
  consume(options: ConsumeOptions): Promise<Consumer>;
  close(): Promise<void>;
  /** Absent: this broker cannot count. */
  depth?(queue: string): Promise<Depth>;
  /** Absent: no remote control and no events. */
  readonly remote?: Remote;
  /** Throws away what waits in a queue, and answers how much; what workers hold stays. Absent: this broker cannot. */
  purge?(queue: string): Promise<number>;
  /**
   * Keeps the message of a job that failed for good, for whoever wants to send it again; of all jobs the newest `most`, for a
   * week. Answers whether it is kept. Absent: this broker keeps none.
   */
  keepFailed?(job: FailedJob, most: number): Promise<boolean>;
  /** Where a beat of that name keeps its entries. Absent: this broker keeps messages only. */
  beat?(name: string): BeatStore;
}

export interface FailedJob {
  readonly id: string;
  readonly queue: string;
  /** As it came. Absent: its broker has no such text. */
  readonly text: string | undefined;
  readonly error: string;
}

export interface ConsumeOptions {
  readonly queues: readonly string[];
  /** For people: `worker.3`. */
  readonly name: string;
  /** Jobs that the consumer works on at a time. */
  readonly slots: number;
  /** What the consumer does now, asked at every exchange with the broker. */
  load(): readonly QueueLoad[];
  /** The most unsettled deliveries it wants to have at a time; a broker that pushes keeps to it. Undefined or absent: it says at each take. */
  most?(): number | undefined;
  /** A sentence for the log: jobs brought back, a message set aside. */
  note(text: string): void;
}

/** What one consumer does on one queue. The totals grow from its start. */
export interface QueueLoad {
  readonly queue: string;
  /** What it can work on at a time now; a worker that stops has only what it still runs. */
  readonly slots: number;
  readonly running: number;
  /** Taken and not started. */
  readonly reserved: number;
  /** Since when the oldest reserved one waits, in milliseconds since the epoch. */
  readonly reservedSinceMs?: number;
  readonly startedTotal: number;
  readonly finishedTotal: number;
  readonly busySecondsTotal: number;
}

export interface Consumer {
  /**
   * Up to `limit` deliveries, as soon as there is one; empty after about a second without any, or when `signal` is
   * aborted. Rejects when the broker cannot be reached; calling again later is safe.
   */
  take(limit: number, signal: AbortSignal): Promise<Delivery[]>;
  /** Batched: resolves when the broker has it. Never rejects; what an outage holds up is sent after it. */
  settle(delivery: Delivery, settlement: Settlement): Promise<void>;
  /** From now on takes from these. A take under way may still bring others. Absent: its queues are fixed. */
  takeFrom?(queues: readonly string[]): Promise<void>;
  /**
   * The soonest messages that are held until they are due, each told by one consumer of all; bounded. Absent: they lie
   * in their queue like the others.
   */
  scheduled?(): Promise<readonly Scheduled[]>;
  /** Sends what is pending and puts every unsettled delivery back; bounded to a few seconds. */
  close(): Promise<void>;
}

export interface Delivery {
  /** Names the delivery to this consumer. */
  readonly tag: string;
  readonly queue: string;
  /** It may have been started before. */
  readonly redelivered: boolean;
  /** Since when it could be worked on: its publish time or its ETA, where known. */
  readonly sinceMs?: number;
  readonly message: Decoded<TaskMessage>;
  /** The message as it came. Absent: this broker has it in several parts. */
  readonly text?: string;
  /** Why it must not be started: it has ended too many workers. It is lent only to be concluded and set aside. */
  readonly worn?: string;
}

/** After so many deliveries that ended with their worker a job is not started again. Restarts of a busy worker cause fewer. */
export const mostDeliveries = 10;

/** Counts deliveries that ended with their worker, where nobody but workers could count them. */
const deliveriesHeader = 'headcount_deliveries';

/** The message of a job that ended one more worker, or thread. Undefined when it has ended enough of them. */
export function endedOneMore(message: TaskMessage): TaskMessage | undefined {
  const deliveries = (Number(message.extraHeaders[deliveriesHeader]) || 0) + 1;
  if (deliveries >= mostDeliveries) return undefined;
  return { ...message, extraHeaders: { ...message.extraHeaders, [deliveriesHeader]: deliveries } };
}

export function wornOut(): string {
  return `ended ${mostDeliveries} workers`;
}

/** A message that is due later. */
export interface Scheduled {
  readonly queue: string;
  readonly redelivered: boolean;
  readonly message: TaskMessage;
}

export type Settlement =
  /** It is done with, one way or the other. */
  | { readonly kind: 'done' }
  /** Done with, and this one in its place in the same step: a retry. */
  | { readonly kind: 'replace'; readonly message: TaskMessage }
  /** Back to the head of its queue; `started` when work on it had begun. */
  | { readonly kind: 'putBack'; readonly started: boolean }
  /** Kept apart with its error, out of every worker's way. */
  | { readonly kind: 'setAside'; readonly error: string };

/** Jobs of one queue now. An absent member means: this broker cannot know. */
export interface Depth {
  /** Could start now and have not. */
  readonly waiting: number;
  readonly running?: number;
  /** Due in the future. */
  readonly later?: number;
  /** Age of the oldest waiting job. */
  readonly oldestSeconds?: number;
  /** Total concurrency of the live workers. */
  readonly slots?: number;
}

export type Log = (level: 'info' | 'warn' | 'error', text: string) => void;
