/**
 * One consumer on Redis, beside Python workers on the same queues. It takes in batches by one script, settles in batches
 * by another, and renews a lease on what it holds; whose lease ran out is dead, and any other worker of ours brings its
 * messages back. Python workers see our messages in `unacked` as their own and would bring them back as well, later.
 *
 * A message with an ETA in the future is not kept in memory, as Celery's workers do: it goes back to `unacked` at once
 * and is restored when it is due. A million of them thus cost the worker nothing, and the queue behind them flows.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type ConsumeOptions, type Consumer, type Delivery, type Settlement, wornOut } from '../broker.ts';
import { createPoll, type Poll, settleDelayMs, takeWaitMs } from '../brokers/poll.ts';
import { decodeEnvelope, encodeEnvelope } from '../envelope.ts';
import { textOf } from '../errors.ts';
import type { Format } from '../format.ts';
import { asking, type Keys, prioritySteps } from './connection.ts';
import { scheduled } from './scheduled.ts';
import { type Scripts, type Step, scriptsOf } from './scripts.ts';
import { sweep } from './sweep.ts';
import { parseMessage, redeliveredText, wasRedelivered } from './text.ts';

const sweepEveryMs = 1_000;
/** In larger takes each message costs Redis more: 8 microseconds instead of 6 by the thousand. */
const mostAtATime = 250;
/** Of messages that are due later, at a time; a script of Redis keeps everybody else waiting. */
const mostLookedThrough = 500;
/** They are in memory for a moment, and may be large. */
const mostCharactersLookedThrough = 1_000_000;
/** A lease outlives three renewals that fail. */
const renewalsPerLease = 4;

interface Lent {
  readonly delivery: Delivery;
  /** The message as it came, to put it back without a change but two flags. */
  readonly text: string;
  readonly priority: number;
}

interface Pending {
  readonly step: Step;
  readonly settled: () => void;
}

export interface Limits {
  /** How old an entry of a Python worker gets before it is brought back. */
  readonly visibilityMs: number;
  /** A worker of ours that is silent for so long is dead. */
  readonly leaseMs: number;
}

interface State {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly scripts: Scripts;
  readonly options: ConsumeOptions;
  queues: readonly string[];
  readonly limits: Limits;
  readonly format: Format;
  readonly lent: Map<string, Lent>;
  /** Lent by a sweep, and not yet handed out: jobs that ended too many workers. */
  worn: Delivery[];
  pending: Pending[];
  flushing: Promise<void>;
  /** Under way and waiting. */
  flushes: number;
  timer: NodeJS.Timeout | undefined;
  /** What the timer was set to. */
  delayMs: number;
  readonly poll: Poll;
  turn: number;
  takes: number;
  /** How many to look through next: more than 0 when the last take brought nothing but what is due later. */
  lookThrough: number;
  /** Not the time of day: a clock that is set back must not end the renewals. */
  renewedTick: number;
  /** Tells this consumer's made-up tags from all others'. */
  readonly mark: string;
}

export interface Consuming {
  readonly keys: Keys;
  readonly limits: Limits;
  readonly format: Format;
  readonly options: ConsumeOptions;
}

export function startConsumer(redis: Redis, { keys, limits, format, options }: Consuming): Consumer {
  const state: State = {
    redis,
    keys,
    scripts: scriptsOf(redis, keys),
    options,
    queues: options.queues,
    limits,
    format,
    lent: new Map(),
    worn: [],
    pending: [],
    flushing: Promise.resolve(),
    flushes: 0,
    timer: undefined,
    delayMs: 0,
    poll: createPoll(),
    turn: 0,
    takes: 0,
    lookThrough: 0,
    renewedTick: performance.now(),
    mark: randomUUID(),
  };
  const upkeep = setInterval(
    () => void keepUp(state),
    Math.min(sweepEveryMs, limits.leaseMs / renewalsPerLease),
  );
  return {
    take: (limit, signal) => asking(redis, () => take(state, limit, signal)),
    settle: (delivery, settlement) => settle(state, delivery, settlement),
    takeFrom: async (queues) => {
      state.queues = queues;
    },
    scheduled: () => asking(redis, () => scheduled(redis, keys, format, state.mark)),
    close: () => close(state, upkeep),
  };
}

async function take(state: State, limit: number, signal: AbortSignal): Promise<Delivery[]> {
  const end = Date.now() + takeWaitMs;
  while (!signal.aborted) {
    if (state.worn.length > 0) return state.worn.splice(0);
    // On one connection what is sent first is done first, so neither waits for the other's answer.
    const flushing = state.pending.length > 0 ? flush(state).catch(() => {}) : undefined;
    const { deliveries, taken } = await takeOnce(state, limit);
    await flushing;
    if (taken > 0) state.poll.found();
    if (deliveries.length > 0) return deliveries;
    if (Date.now() >= end) break;
    // A batch of messages that are all due later says nothing about those behind it.
    if (taken > 0) continue;
    await state.poll.pause(signal);
  }
  return [];
}

async function takeOnce(state: State, limit: number): Promise<{ deliveries: Delivery[]; taken: number }> {
  if (state.queues.length === 0 || limit <= 0) return { deliveries: [], taken: 0 };
  const now = Date.now();
  const mark = `${state.mark}.${state.takes++}`;
  // More than was asked for, to be through with those that are due later; what is too much goes back in its order.
  const most = Math.max(Math.min(mostAtATime, limit), state.lookThrough);
  const flat = await state.scripts.take(listsOf(state), most, now, state.limits.leaseMs, mark);
  const deliveries: Delivery[] = [];
  let characters = 0;
  for (let i = 0; i + 2 < flat.length; i += 3) {
    const delivery = lend(state, flat[i] ?? '', flat[i + 1] ?? '', flat[i + 2] ?? '', now);
    if (delivery) deliveries.push(delivery);
    characters += flat[i + 2]?.length ?? 0;
  }
  const onlyLater = flat.length > 0 && deliveries.length === 0;
  const fitting = Math.floor((mostCharactersLookedThrough * flat.length) / 3 / Math.max(1, characters));
  state.lookThrough = onlyLater ? Math.min(mostLookedThrough, fitting) : 0;
  for (const { tag } of deliveries.splice(limit).reverse()) giveBack(state, tag);
  return { deliveries, taken: flat.length };
}

/** As if it had not been taken. */
function giveBack(state: State, tag: string): void {
  const lent = state.lent.get(tag);
  if (!lent) return;
  state.lent.delete(tag);
  const { delivery, text, priority } = lent;
  addStep(state, { act: 'head', tag, list: state.keys.queue(delivery.queue, priority), text }, () => {});
}

/** As kombu asks: every queue's soonest step, then every queue's next; the first queue rotates. */
function listsOf(state: State): { key: string; name: string }[] {
  const { queues } = state;
  const turn = state.turn++ % queues.length;
  const names = [...queues.slice(turn), ...queues.slice(0, turn)];
  return prioritySteps.flatMap((step) => names.map((name) => ({ key: state.keys.queue(name, step), name })));
}

/** Undefined for what the worker need not see: a message that was no JSON, or one that is due later. */
function lend(state: State, tag: string, queue: string, text: string, nowMs: number): Delivery | undefined {
  if (tag === '') {
    state.options.note(`set a message of queue "${queue}" aside: it is not JSON`);
    return undefined;
  }
  const message = decodeEnvelope(text, state.format);
  const value = message.ok ? message.value : undefined;
  if (value?.etaMs && value.etaMs > nowMs) {
    hold(state, tag, value.etaMs);
    return undefined;
  }
  return lendNow(state, tag, queue, text, message);
}

function lendNow(
  state: State,
  tag: string,
  queue: string,
  text: string,
  message: Delivery['message'],
  worn?: string,
): Delivery {
  const value = message.ok ? message.value : undefined;
  const since = value?.publishedAtMs ?? null;
  const delivery: Delivery = {
    tag,
    queue,
    redelivered: value ? value.extraHeaders.redelivered === true : wasRedelivered(text),
    ...(since === null ? {} : { sinceMs: Math.max(since, value?.etaMs ?? 0) }),
    message,
    text,
    ...(worn === undefined ? {} : { worn }),
  };
  state.lent.set(tag, { delivery, text, priority: value?.priority ?? 0 });
  return delivery;
}

function hold(state: State, tag: string, dueMs: number): void {
  const indexSeconds = Math.max(0, dueMs - state.limits.visibilityMs) / 1000;
  addStep(state, { act: 'hold', tag, dueMs, indexSeconds }, () => {});
}

function settle(state: State, delivery: Delivery, settlement: Settlement): Promise<void> {
  const lent = state.lent.get(delivery.tag);
  if (!lent) return Promise.resolve();
  state.lent.delete(delivery.tag);
  return new Promise((settled) => addStep(state, stepOf(state, lent, settlement), settled));
}

function stepOf(state: State, { delivery, text, priority }: Lent, settlement: Settlement): Step {
  const { tag, queue } = delivery;
  switch (settlement.kind) {
    case 'done':
      return { act: 'done', tag };
    case 'replace': {
      const { message } = settlement;
      const next = encodeEnvelope(message, { queue, deliveryTag: randomUUID() }, state.format);
      return { act: 'tail', tag, list: state.keys.queue(queue, message.priority), text: next };
    }
    case 'putBack':
      return { act: 'head', tag, list: state.keys.queue(queue, priority), text: flagged(text) };
    case 'setAside': {
      const entry = { queue, error: settlement.error, at: Date.now() / 1000, message: text };
      return { act: 'aside', tag, text: JSON.stringify(entry) };
    }
  }
}

function flagged(text: string): string {
  const message = parseMessage(text);
  return message ? redeliveredText(message, 0).text : text;
}

function addStep(state: State, step: Step, settled: () => void): void {
  state.pending.push({ step, settled });
  // With nothing left in hand nothing is to come that could go along.
  flushSoon(state, state.lent.size === 0 ? 0 : settleDelayMs);
}

/** What fails then stays pending, and goes with the next batch or the next upkeep. */
function flushSoon(state: State, delayMs: number): void {
  if (state.timer !== undefined && state.delayMs <= delayMs) return;
  clearTimeout(state.timer);
  state.delayMs = delayMs;
  state.timer = setTimeout(() => void flush(state).catch(() => {}), delayMs);
}

/** One at a time, in order. */
function flush(state: State): Promise<void> {
  const next =
    state.flushes === 0 ? flushNow(state) : state.flushing.catch(() => {}).then(() => flushNow(state));
  state.flushes++;
  state.flushing = next.finally(() => {
    state.flushes--;
  });
  return state.flushing;
}

async function flushNow(state: State): Promise<void> {
  clearTimeout(state.timer);
  state.timer = undefined;
  const batch = [...state.pending];
  if (batch.length === 0) return;
  await state.scripts.settle(batch.map(({ step }) => step));
  state.pending = state.pending.slice(batch.length);
  if (state.pending.length > 0) flushSoon(state, settleDelayMs);
  for (const { settled } of batch) settled();
}

/** An outage ends each of these early, and the next call makes up for it. */
async function keepUp(state: State): Promise<void> {
  const now = Date.now();
  const { redis, keys, scripts, limits, options } = state;
  const { visibilityMs } = limits;
  try {
    if (state.pending.length > 0) await flush(state);
    if (performance.now() - state.renewedTick >= limits.leaseMs / renewalsPerLease) await renew(state, now);
    const adopted = (tag: string, queue: string, text: string): void => {
      state.worn.push(lendNow(state, tag, queue, text, decodeEnvelope(text, state.format), wornOut()));
    };
    const { leaseMs } = limits;
    await sweep({ redis, keys, scripts, visibilityMs, leaseMs, adopted, note: options.note }, now);
  } catch (error) {
    if (error instanceof TypeError) options.note(`the sweep failed: ${textOf(error)}`);
  }
}

/** Only what is still there: a renewal must not bring back the traces of a settled message. */
async function renew(state: State, nowMs: number): Promise<void> {
  state.renewedTick = performance.now();
  const tags = [...state.lent.keys()];
  if (tags.length === 0) return;
  await state.scripts.renew(tags, nowMs, state.limits.leaseMs);
}

async function close(state: State, upkeep: NodeJS.Timeout): Promise<void> {
  clearInterval(upkeep);
  for (const { delivery } of [...state.lent.values()])
    void settle(state, delivery, { kind: 'putBack', started: true });
  await asking(state.redis, () => flush(state));
  clearTimeout(state.timer);
}
