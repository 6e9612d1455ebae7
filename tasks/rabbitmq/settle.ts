/**
 * How a consumer on RabbitMQ settles what it lent. Acknowledgements of one turn of the event loop go as one; a question
 * to the queue after them tells when the server has them, which AMQP itself never says.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { ConsumeMessage } from 'amqplib';
import { type ConsumeOptions, type Delivery, mostDeliveries, type Settlement } from '../broker.ts';
import { textOf } from '../errors.ts';
import type { Format } from '../format.ts';
import type { Link } from './link.ts';
import type { Publisher } from './publisher.ts';
import { acknowledge, acted, requeue, type Session, unsubscribe } from './session.ts';
import { asideQueue } from './topology.ts';
import { sameAgain, toAmqp } from './wire.ts';

const mostRemembered = 10_000;
const askEveryMs = 10;

export interface Entry {
  readonly delivery: Delivery;
  /** Undefined for a broken message. */
  readonly job: string | undefined;
  message: ConsumeMessage;
  session: Session;
  generation: number;
}

export interface State {
  readonly options: ConsumeOptions;
  /** What it takes from now. */
  queues: readonly string[];
  readonly format: Format;
  readonly publisher: Publisher;
  readonly link: Link<Session>;
  readonly buffers: Map<string, Entry[]>;
  readonly lent: Map<string, Entry>;
  readonly held: Map<Entry, NodeJS.Timeout>;
  /** Jobs that were settled after their channel was lost. */
  readonly through: Set<string>;
  acked: { entry: Entry; settled: () => void }[];
  unsure: { entry: Entry; settled: () => void }[];
  sure: Promise<void> | undefined;
  /** Changes of consumers, one after the other. */
  tuning: Promise<void>;
  takers: number;
  tookMs: number;
  /** When a message last came that is due later. */
  sawLaterMs: number;
  turn: number;
  count: number;
  /** Takes that wait for a message. */
  readonly waiting: Set<() => void>;
}

export async function settle(state: State, delivery: Delivery, settlement: Settlement): Promise<void> {
  const entry = state.lent.get(delivery.tag);
  if (!entry) return;
  state.lent.delete(delivery.tag);
  if (!entry.session.alive) return remember(state, entry, settlement);
  switch (settlement.kind) {
    case 'done':
      return done(state, entry);
    case 'replace':
      return instead(state, entry, () =>
        state.publisher.send(delivery.queue, [toAmqp(settlement.message, state.format)]),
      );
    case 'setAside':
      return setAside(state, entry, settlement.error);
    case 'putBack':
      return putBack(state, settlement.started ? { started: [entry] } : { unstarted: [entry] });
  }
}

/** Its message went back: one that is done is acknowledged when it comes again, all else is left to who gets it. */
function remember(state: State, { job }: Entry, settlement: Settlement): void {
  if (settlement.kind !== 'done' || !job) return;
  state.through.add(job);
  const [oldest] = state.through;
  if (state.through.size > mostRemembered && oldest) state.through.delete(oldest);
}

function done(state: State, entry: Entry): Promise<void> {
  return new Promise((settled) => {
    if (state.acked.length === 0) setImmediate(() => flush(state));
    state.acked.push({ entry, settled });
  });
}

function flush(state: State): void {
  const batch = state.acked;
  state.acked = [];
  const sessions = new Set(batch.map(({ entry }) => entry.session));
  for (const session of sessions) {
    const mine = batch.filter(({ entry }) => entry.session === session);
    acknowledge(
      session,
      mine.map(({ entry }) => entry.message),
    );
  }
  state.unsure.push(...batch);
  state.sure ??= makeSure(state).finally(() => {
    state.sure = undefined;
  });
}

/** An acknowledgement has no answer; so ask something that is answered after it. */
async function makeSure(state: State): Promise<void> {
  while (state.unsure.length > 0) {
    // One question for all that is settled within this time: each costs the server as much as some messages.
    await pause(askEveryMs);
    const batch = state.unsure;
    state.unsure = [];
    const last = batch.at(-1)?.entry.session;
    const queues = new Set(batch.map(({ entry }) => entry.delivery.queue));
    if (last) await acted(last, queues).catch(() => {});
    for (const { entry, settled } of batch) {
      if (!entry.session.alive) remember(state, entry, { kind: 'done' });
      settled();
    }
  }
}

export async function settledAll(state: State): Promise<void> {
  if (state.acked.length > 0) flush(state);
  await state.sure;
}

function setAside(state: State, entry: Entry, error: string): Promise<void> {
  const { content, options } = sameAgain(entry.message);
  const headers = {
    ...(options.headers as Record<string, unknown>),
    headcount_queue: entry.delivery.queue,
    headcount_error: error.slice(0, 1_000),
    headcount_at: Date.now() / 1000,
  };
  return instead(state, entry, () =>
    state.publisher.send(asideQueue, [{ content, options: { ...options, headers } }]),
  );
}

/** Sends, then acknowledges. What cannot be sent goes back. */
async function instead(state: State, entry: Entry, send: () => Promise<void>): Promise<void> {
  try {
    await send();
  } catch (error) {
    state.options.note(`a message went back to its queue: ${textOf(error)}`);
    return putBack(state, { started: [entry] });
  }
  return done(state, entry);
}

export interface Back {
  readonly started?: readonly Entry[];
  readonly unstarted?: readonly Entry[];
}

/** Without consumers, or it would come straight back here. The next take makes them again. */
export async function putBack(state: State, { started = [], unstarted = [] }: Back): Promise<void> {
  const sessions = new Set([...started, ...unstarted].map(({ session }) => session));
  for (const session of sessions) {
    await tune(state, () => unsubscribe(session));
    const buffered = [...state.buffers.values()].flatMap((buffer) => buffer.splice(0));
    await giveBack(state, { started, unstarted: [...new Set([...unstarted, ...buffered])] }, session);
  }
}

/**
 * A quorum queue counts every return of a message as a delivery that failed, also of one that was never started. Before such
 * a message looks as if it had ended workers, it is sent anew, which counts from nothing.
 *
 * @param only those of this session
 */
export async function giveBack(
  state: State,
  { started = [], unstarted = [] }: Back,
  only?: Session,
): Promise<void> {
  const anew = unstarted.filter(({ message }) => deliveriesOf(message) >= mostDeliveries / 2);
  const all = [...started, ...unstarted].filter(({ session }) => only === undefined || session === only);
  for (const session of new Set(all.map((entry) => entry.session))) {
    const ours = all.filter((entry) => entry.session === session);
    const back = ours.filter((entry) => !anew.includes(entry));
    requeue(
      session,
      back.map(({ message }) => message),
    );
    await Promise.all(
      ours
        .filter((entry) => anew.includes(entry))
        .map((entry) => {
          const again = [sameAgain(entry.message)];
          return instead(state, entry, () => state.publisher.send(entry.delivery.queue, again));
        }),
    );
    await acted(session, new Set(back.map(({ delivery }) => delivery.queue))).catch(() => {});
  }
}

/** Only quorum queues count. */
export function deliveriesOf({ properties }: ConsumeMessage): number {
  return Number(properties.headers?.['x-delivery-count'] ?? 0);
}

export function tune(state: State, work: () => Promise<void>): Promise<void> {
  // A channel that was lost meanwhile has no consumers to change.
  state.tuning = state.tuning.then(work).catch(() => {});
  return state.tuning;
}
