/**
 * One consumer on RabbitMQ. `take` answers from a buffer that the server fills (see session.ts); who does not take for
 * half a second gives the buffer back, so that a busy worker hoards nothing.
 *
 * A message with an ETA is held unacknowledged, as Celery does, but only up to 1,000 of them and 15 minutes: then it is
 * moved to delayed delivery. So a million of them cost the worker nothing, the queue behind them flows, and none runs
 * into the 30 minutes after which RabbitMQ closes the channel (consumer_timeout).
 *
 * When the channel is lost, what it lent goes back by itself while handlers still work on it. Such a job is remembered:
 * when it comes back to this consumer, it is the same delivery again, or acknowledged at once if its handler is through.
 */
import type { ConsumeMessage } from 'amqplib';
import { type ConsumeOptions, type Consumer, type Delivery, mostDeliveries, wornOut } from '../broker.ts';
import { textOf } from '../errors.ts';
import { type Format, plainFormat } from '../format.ts';
import { longestTimerMs } from '../timer.ts';
import { createLink } from './link.ts';
import type { Publisher } from './publisher.ts';
import { acknowledge, openSession, type Session, subscribe, unsubscribe } from './session.ts';
import type { RabbitSettings } from './settings.ts';
import {
  deliveriesOf,
  type Entry,
  giveBack,
  putBack,
  type State,
  settle,
  settledAll,
  tune,
} from './settle.ts';
import { ensureQueue } from './topology.ts';
import { fromAmqp, sameAgain } from './wire.ts';

const takeWaitMs = 1_000;
const idleAfterMs = 500;
const mostHeld = 1_000;
/** Half of the shortest consumer_timeout that a RabbitMQ has by default. */
export const longestHoldMs = 900_000;
const mostPrefetch = 4_096;
/** Messages that are due later, passed on at a time. */
const lookedThrough = 256;

export function startConsumer(
  url: string,
  settings: RabbitSettings,
  publisher: Publisher,
  options: ConsumeOptions,
  format: Format = plainFormat,
): { consumer: Consumer; ready: Promise<unknown> } {
  const link = createLink<Session>(url, (connection, lost) =>
    openSession(connection, state.queues, settings, events(state), lost),
  );
  const state: State = {
    options,
    queues: options.queues,
    format,
    publisher,
    link,
    buffers: new Map(options.queues.map((queue) => [queue, []])),
    lent: new Map(),
    held: new Map(),
    through: new Set(),
    acked: [],
    unsure: [],
    sure: undefined,
    tuning: Promise.resolve(),
    takers: 0,
    tookMs: Date.now(),
    sawLaterMs: 0,
    turn: 0,
    count: 0,
    waiting: new Set(),
  };
  const idle = setInterval(() => giveBackWhenIdle(state), idleAfterMs);
  const consumer: Consumer = {
    take: (limit, signal) => take(state, limit, signal),
    settle: (delivery, settlement) => settle(state, delivery, settlement),
    takeFrom: (queues) => takeFrom(state, settings, queues),
    scheduled: async () =>
      [...state.held.keys()].flatMap(({ delivery: { queue, redelivered, message } }) =>
        message.ok ? [{ queue, redelivered, message: message.value }] : [],
      ),
    close: () => close(state, idle),
  };
  const ready = link.get();
  ready.catch(() => clearInterval(idle));
  return { consumer, ready };
}

function events(state: State): Parameters<typeof subscribe>[3] {
  return {
    arrived: (session, queue, message) => arrived(state, session, queue, message),
    lost: (session, code) => lost(state, session, code),
  };
}

async function take(state: State, limit: number, signal: AbortSignal): Promise<Delivery[]> {
  const end = Date.now() + takeWaitMs;
  if (limit <= 0 || signal.aborted) {
    await settledAll(state);
    return [];
  }
  state.takers++;
  try {
    const session = await state.link.get();
    for (let came = -1; session.alive; ) {
      // An exact count asks each time: what is held until it is due has taken the place of others.
      const asks = came < 0 || isExact(state);
      came = state.count;
      if (asks) await tune(state, () => demand(state, session, limit));
      const found = fromBuffers(state, limit);
      if (found.length > 0 || signal.aborted || Date.now() >= end) return found;
      if (!isExact(state) || state.count === came) await arrival(state, end - Date.now(), signal);
    }
    return [];
  } finally {
    state.takers--;
    state.tookMs = Date.now();
  }
}

/** Sets the prefetch count to what is asked for, where it is not near enough already. */
async function demand(state: State, session: Session, limit: number): Promise<void> {
  if (!session.alive || state.queues.length === 0) return;
  const { prefetch, generation } = session;
  const most = state.options.most?.();
  if (most !== undefined) return demandExactly(state, session, limit, most);
  const taken = new Map<string, number>(state.queues.map((queue) => [queue, 0]));
  for (const { delivery, generation: own } of [...state.lent.values(), ...state.held.keys()])
    if (own === generation) taken.set(delivery.queue, (taken.get(delivery.queue) ?? 0) + 1);
  const room = prefetch - Math.max(...taken.values());
  // Where messages are due later, those that could start now lie behind them.
  const behind = Date.now() - state.sawLaterMs < takeWaitMs ? lookedThrough : 0;
  const needed = limit + state.lent.size + behind;
  const buffered = [...state.buffers.values()].reduce((sum, entries) => sum + entries.length, 0);
  if (buffered >= limit || (room >= (limit + behind) / 2 && prefetch > 0 && prefetch <= 4 * needed)) return;
  const rounded = needed <= 16 ? needed : 2 ** Math.ceil(Math.log2(needed));
  await subscribe(session, state.queues, Math.min(mostPrefetch, rounded), events(state));
}

/**
 * Of a consumer that may hold `most` and no more. What it has already counts for earlier consumers of the channel, so that a new
 * one is granted what is missing; shared among queues, of which each needs one. What is held until it is due is on top, as
 * in Celery.
 */
async function demandExactly(state: State, session: Session, limit: number, most: number): Promise<void> {
  const { prefetch, generation } = session;
  const shared = (count: number): number => Math.max(1, Math.floor(count / state.queues.length));
  const own = [...state.lent.values(), ...state.held.keys()].filter(
    (entry) => entry.generation === generation,
  );
  const buffered = [...state.buffers.values()].reduce((sum, entries) => sum + entries.length, 0);
  const fullest = Math.max(
    ...state.queues.map((queue) => own.filter((one) => one.delivery.queue === queue).length),
  );
  const room = prefetch - fullest;
  if (buffered >= limit || (prefetch <= shared(most) && room > 0 && room >= shared(limit) / 2)) return;
  await subscribe(session, state.queues, Math.min(mostPrefetch, shared(limit - buffered)), events(state));
}

function isExact({ options }: State): boolean {
  return options.most?.() !== undefined;
}

/** Without consumers while it changes: what was pushed from a queue that is given up goes back, and nothing follows. */
async function takeFrom(state: State, settings: RabbitSettings, queues: readonly string[]): Promise<void> {
  for (const queue of queues) if (!state.buffers.has(queue)) state.buffers.set(queue, []);
  await state.link.use(async (session) => {
    for (const queue of queues) await ensureQueue(session.connection, queue, settings);
  });
  state.queues = queues;
  const given = [...state.buffers].filter(([queue]) => !queues.includes(queue));
  const held = [...state.held.keys()].filter(({ delivery }) => !queues.includes(delivery.queue));
  for (const entry of held) {
    clearTimeout(state.held.get(entry));
    state.held.delete(entry);
  }
  const session = await state.link.get();
  await tune(state, () => unsubscribe(session));
  await putBack(state, { unstarted: [...held, ...given.flatMap(([, buffer]) => buffer.splice(0))] });
  wake(state);
}

/** One of each queue in turn. */
function fromBuffers(state: State, limit: number): Delivery[] {
  const { queues } = state;
  const found: Delivery[] = [];
  for (let empty = 0; found.length < limit && empty < queues.length; ) {
    const entry = state.buffers.get(queues[state.turn++ % queues.length] ?? '')?.shift();
    empty = entry ? 0 : empty + 1;
    if (!entry) continue;
    state.lent.set(entry.delivery.tag, entry);
    found.push(entry.delivery);
  }
  return found;
}

async function arrival(state: State, limitMs: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const woken = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', woken);
      state.waiting.delete(woken);
      resolve();
    };
    const timer = setTimeout(woken, Math.max(1, limitMs));
    signal.addEventListener('abort', woken, { once: true });
    state.waiting.add(woken);
  });
}

function wake(state: State): void {
  for (const woken of [...state.waiting]) woken();
}

function arrived(state: State, session: Session, queue: string, message: ConsumeMessage): void {
  const decoded = fromAmqp(message, state.format);
  const value = decoded.ok ? decoded.value : undefined;
  const { redelivered } = message.fields;
  const job = value && `${value.retries}\0${value.id}\0${queue}`;
  if (job && redelivered && isOursStill(state, session, job, message)) return;
  const since = value?.publishedAtMs ?? null;
  const delivery: Delivery = {
    tag: String(++state.count),
    queue,
    redelivered,
    ...(since === null ? {} : { sinceMs: Math.max(since, value?.etaMs ?? 0) }),
    message: decoded,
    ...(deliveriesOf(message) >= mostDeliveries ? { worn: wornOut() } : {}),
  };
  const entry: Entry = { delivery, job, message, session, generation: session.generation };
  if (delivery.worn === undefined && value?.etaMs && value.etaMs > Date.now()) {
    holdOrMove(state, entry, value.etaMs);
  } else {
    state.buffers.get(queue)?.push(entry);
    wake(state);
  }
}

/** A job of this consumer whose channel was lost comes back to it. */
function isOursStill(state: State, session: Session, job: string, message: ConsumeMessage): boolean {
  if (state.through.delete(job)) {
    acknowledge(session, [message]);
    return true;
  }
  for (const entry of state.lent.values()) {
    if (entry.job !== job || entry.session.alive) continue;
    Object.assign(entry, { session, message, generation: session.generation });
    return true;
  }
  return false;
}

function holdOrMove(state: State, entry: Entry, dueMs: number): void {
  state.sawLaterMs = Date.now();
  const delayMs = dueMs - Date.now();
  const hold = (): void => {
    const due = (): void => {
      // The longest timer there is ends after 25 days.
      if (dueMs > Date.now()) {
        hold();
        return;
      }
      state.held.delete(entry);
      state.buffers.get(entry.delivery.queue)?.unshift(entry);
      wake(state);
    };
    state.held.set(entry, setTimeout(due, Math.min(dueMs - Date.now(), longestTimerMs)));
    if (isExact(state)) wake(state);
  };
  if (state.held.size < mostHeld && delayMs <= longestHoldMs) {
    hold();
    return;
  }
  const { queue } = entry.delivery;
  state.publisher.sendLater(queue, sameAgain(entry.message), delayMs / 1000).then(
    () => acknowledge(entry.session, [entry.message]),
    (error: unknown) => {
      if (!entry.session.alive) return;
      state.options.note(
        `a message that is due later is held here, as it could not be moved: ${textOf(error)}`,
      );
      hold();
    },
  );
}

function giveBackWhenIdle(state: State): void {
  if (state.takers > 0 || Date.now() - state.tookMs < idleAfterMs) return;
  const unstarted: Entry[] = [];
  const withdrawn = tune(state, async () => {
    const session = await state.link.get();
    if (state.takers > 0) return;
    if (session.tags.length > 0) await unsubscribe(session);
    for (const buffer of state.buffers.values()) unstarted.push(...buffer.splice(0));
  });
  // Afterwards and not within: what cannot be sent there waits for its turn to change consumers, too.
  void withdrawn.then(() => giveBack(state, { unstarted })).catch(() => {});
}

function lost(state: State, session: Session, code: number | undefined): void {
  for (const buffer of state.buffers.values())
    buffer.splice(0, buffer.length, ...buffer.filter((entry) => entry.session !== session));
  for (const [entry, timer] of state.held)
    if (entry.session === session) {
      clearTimeout(timer);
      state.held.delete(entry);
    }
  if (code === 406)
    state.options.note(
      'RabbitMQ closed the channel: a job ran longer than its consumer_timeout (30 minutes by default) without being ' +
        'acknowledged. Raise it, or give the task { ackLate: false }',
    );
  wake(state);
}

async function close(state: State, idle: NodeJS.Timeout): Promise<void> {
  clearInterval(idle);
  await settledAll(state);
  const started = [...state.lent.values()];
  const unstarted = [...state.held.keys(), ...[...state.buffers.values()].flat()];
  for (const timer of state.held.values()) clearTimeout(timer);
  state.lent.clear();
  state.held.clear();
  const session = await state.link.get().catch(() => undefined);
  if (session && started.length + unstarted.length > 0) await putBack(state, { started, unstarted });
  else if (session) await tune(state, () => unsubscribe(session));
  await state.link.close();
}
