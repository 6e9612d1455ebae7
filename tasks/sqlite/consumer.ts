/**
 * One consumer of a sqlite: broker. Everything it tells the file goes through one exchange, a single write transaction:
 * settle what is finished, report what it does, bring back what dead consumers held, take new jobs. One exchange per
 * batch instead of one per job is what makes a file fast enough for many workers.
 */
import {
  type ConsumeOptions,
  type Consumer,
  type Delivery,
  mostDeliveries,
  type QueueLoad,
  type Settlement,
  wornOut,
} from '../broker.ts';
import { createPoll, type Poll, settleDelayMs, takeWaitMs } from '../brokers/poll.ts';
import { type Consumers, consumersOf } from './consumers.ts';
import type { SqliteFile } from './file.ts';
import { type Jobs, jobsOf, type TakenJob } from './jobs.ts';
import { decodeRow, jobRow } from './row.ts';

const signOfLifeMs = 1_000;
/** How late the file may say that a job runs or is finished, where nothing else is to be told. */
const reportEveryMs = 200;

interface Pending {
  readonly delivery: Delivery;
  readonly settlement: Settlement;
  readonly settled: () => void;
}

interface State {
  readonly file: SqliteFile;
  readonly jobs: Jobs;
  readonly consumers: Consumers;
  readonly options: ConsumeOptions;
  id: number;
  pending: Pending[];
  /** Tags that were lent out and not settled. */
  readonly lent: Map<string, Delivery>;
  /** Lent by an exchange, and not yet handed out: jobs that ended too many workers. */
  worn: Delivery[];
  /** What the last exchange reported. */
  reported: readonly QueueLoad[];
  /** The queue that is asked first; it rotates, so that no queue starves another. */
  turn: number;
  /** Each look is two reads of a few microseconds. */
  readonly poll: Poll;
  lookedForDeadMs: number;
  exchangedMs: number;
  exchange: Promise<unknown>;
  timer: NodeJS.Timeout | undefined;
}

export async function startConsumer(file: SqliteFile, options: ConsumeOptions): Promise<Consumer> {
  const consumers = consumersOf(file.db);
  const id = await file.write(() => consumers.register(options, Date.now()));
  const state: State = {
    file,
    jobs: jobsOf(file.db),
    consumers,
    options,
    id,
    pending: [],
    lent: new Map(),
    worn: [],
    reported: [],
    turn: 0,
    poll: createPoll(),
    lookedForDeadMs: 0,
    exchangedMs: 0,
    exchange: Promise.resolve(),
    timer: undefined,
  };
  const life = setInterval(() => void reportIfNews(state), reportEveryMs);
  return {
    take: (limit, signal) => take(state, limit, signal),
    settle: (delivery, settlement) => settle(state, delivery, settlement),
    close: () => close(state, life),
  };
}

async function take(state: State, limit: number, signal: AbortSignal): Promise<Delivery[]> {
  const end = Date.now() + takeWaitMs;
  while (!signal.aborted) {
    if (state.worn.length > 0) return state.worn.splice(0);
    if (state.pending.length > 0 || hasWork(state)) {
      const deliveries = await exchange(state, limit);
      if (deliveries.length > 0) {
        state.poll.found();
        return deliveries;
      }
    }
    if (Date.now() >= end) break;
    await state.poll.pause(signal);
  }
  return [];
}

function hasWork(state: State): boolean {
  if (state.consumers.isResting(state.id)) return false;
  const now = Date.now();
  return state.options.queues.some((queue) => state.jobs.hasWork(queue, now));
}

function settle(state: State, delivery: Delivery, settlement: Settlement): Promise<void> {
  if (!state.lent.delete(delivery.tag)) return Promise.resolve();
  return new Promise((settled) => {
    state.pending.push({ delivery, settlement, settled });
    // What fails now stays pending; the next exchange or sign of life sends it.
    state.timer ??= setTimeout(() => void exchange(state, 0).catch(() => {}), settleDelayMs);
  });
}

async function reportIfNews(state: State): Promise<void> {
  const silent = Date.now() - state.exchangedMs >= signOfLifeMs;
  // What fails now is reported by the next one.
  if (silent || hasNews(state)) await exchange(state, 0).catch(() => {});
}

function hasNews({ options, reported }: State): boolean {
  return options.load().some((load) => {
    const before = reported.find((entry) => entry.queue === load.queue);
    return (['slots', 'running', 'reserved', 'startedTotal', 'finishedTotal'] as const).some(
      (key) => load[key] !== (before?.[key] ?? 0),
    );
  });
}

async function close(state: State, life: NodeJS.Timeout): Promise<void> {
  clearInterval(life);
  const back = [...state.lent.values()].map((delivery) =>
    settle(state, delivery, { kind: 'putBack', started: true }),
  );
  await exchange(state, 0);
  await Promise.all(back);
  clearTimeout(state.timer);
  await state.file.write(() => state.consumers.remove(state.id));
}

/** One at a time: the next begins when the one before has ended, well or not. */
function exchange(state: State, limit: number): Promise<Delivery[]> {
  const next = state.exchange.catch(() => {}).then(() => exchangeNow(state, limit));
  state.exchange = next;
  return next;
}

async function exchangeNow(state: State, limit: number): Promise<Delivery[]> {
  clearTimeout(state.timer);
  state.timer = undefined;
  const batch = [...state.pending];
  const load = state.options.load();
  const dead = deadConsumers(state);
  const notes: string[] = [];
  const outcome = await state.file.write(() => {
    const now = Date.now();
    notes.length = 0;
    settleAll(state, batch, now);
    const id = report(state, load, now);
    const worn = dead.flatMap((consumer) => bringBack(state, id, consumer, notes));
    const taken = limit > 0 && !state.consumers.isResting(id) ? takeRows(state, id, limit, now) : [];
    const reported = withTaken(load, taken);
    if (taken.length > 0) state.consumers.report(id, state.options, reported, now);
    return { id, taken, worn, reported };
  });
  // Only what is committed counts: until here the transaction may have been tried several times.
  state.id = outcome.id;
  state.reported = outcome.reported;
  state.exchangedMs = Date.now();
  state.pending = state.pending.slice(batch.length);
  if (state.pending.length > 0)
    state.timer ??= setTimeout(() => void exchange(state, 0).catch(() => {}), settleDelayMs);
  for (const { settled } of batch) settled();
  for (const text of notes) state.options.note(text);
  for (const row of outcome.worn) state.worn.push(lend(state, outcome.id, row, wornOut()));
  return outcome.taken.map((row) => lend(state, outcome.id, row));
}

function settleAll(state: State, batch: readonly Pending[], nowMs: number): void {
  // Nearly all are done, so those go by one statement for each name this consumer has had.
  const done = new Map<number, number[]>();
  for (const { delivery, settlement } of batch) {
    const [consumer = 0, id = 0] = delivery.tag.split('.').map(Number);
    if (settlement.kind !== 'done') apply(state, delivery.queue, id, consumer, settlement, nowMs);
    else if (done.get(consumer)?.push(id) === undefined) done.set(consumer, [id]);
  }
  for (const [consumer, ids] of done) state.jobs.removeAll(ids, consumer);
}

function apply(
  { jobs }: State,
  queue: string,
  id: number,
  consumer: number,
  settlement: Exclude<Settlement, { kind: 'done' }>,
  nowMs: number,
): void {
  switch (settlement.kind) {
    case 'replace':
      if (jobs.remove(id, consumer)) jobs.add(queue, [jobRow(settlement.message, nowMs)], nowMs);
      return;
    case 'putBack':
      jobs.putBack(queue, id, consumer, settlement.started);
      return;
    case 'setAside':
      jobs.setAside(id, consumer, settlement.error, nowMs);
  }
}

/** Signs of life, and what was started and finished since the last exchange. */
function report(state: State, load: readonly QueueLoad[], nowMs: number): number {
  for (const queue of load) {
    const before = state.reported.find((entry) => entry.queue === queue.queue);
    const started = queue.startedTotal - (before?.startedTotal ?? 0);
    const finished = queue.finishedTotal - (before?.finishedTotal ?? 0);
    const busySeconds = queue.busySecondsTotal - (before?.busySecondsTotal ?? 0);
    if (started > 0 || finished > 0) state.jobs.count(queue.queue, { started, finished, busySeconds });
  }
  if (state.consumers.report(state.id, state.options, load, nowMs)) return state.id;
  // Taken for dead after a long silence: under a new id, settlements of what was lost find nothing.
  state.consumers.remove(state.id);
  return state.consumers.register(state.options, nowMs);
}

function deadConsumers(state: State): number[] {
  const now = Date.now();
  if (now - state.lookedForDeadMs < signOfLifeMs) return [];
  state.lookedForDeadMs = now;
  return state.consumers.dead(now).filter((id) => id !== state.id);
}

/** What ended too many workers becomes this consumer's, who has it concluded. */
function bringBack(state: State, self: number, dead: number, notes: string[]): Row[] {
  const { back, worn } = state.jobs.bringBack(dead, self, mostDeliveries);
  state.consumers.remove(dead);
  if (back > 0) notes.push(`brought back ${back} jobs of a worker that died`);
  return worn;
}

type Row = TakenJob & { readonly queue: string };

function takeRows(state: State, consumer: number, limit: number, nowMs: number): Row[] {
  const { queues } = state.options;
  const rows: Row[] = [];
  for (let i = 0; i < queues.length && rows.length < limit; i++) {
    const queue = queues[(state.turn + i) % queues.length] ?? '';
    const taken = state.jobs.take(queue, consumer, limit - rows.length, nowMs);
    for (const job of taken) rows.push({ ...job, queue });
  }
  if (rows.length > 0) state.turn = (state.turn + 1) % queues.length;
  return rows;
}

/** What was just taken is reserved until the next report says that it runs; no job is ever in no number. */
function withTaken(load: readonly QueueLoad[], taken: readonly Row[]): QueueLoad[] {
  return load.map((entry) => {
    const mine = taken.filter((row) => row.queue === entry.queue);
    const since = mine.reduce((least, row) => Math.min(least, row.due), entry.reservedSinceMs ?? Infinity);
    return {
      ...entry,
      reserved: entry.reserved + mine.length,
      ...(since < Infinity ? { reservedSinceMs: since } : {}),
    };
  });
}

function lend(state: State, consumer: number, row: Row, worn?: string): Delivery {
  const delivery: Delivery = {
    tag: `${consumer}.${row.id}`,
    queue: row.queue,
    redelivered: row.deliveries > 1,
    sinceMs: row.due,
    message: decodeRow(row.message),
    ...(worn === undefined ? {} : { worn }),
  };
  state.lent.set(delivery.tag, delivery);
  return delivery;
}
