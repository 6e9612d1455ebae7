/** The memory of one process, for tests: apps that give the same name share it, and with the last of them it is gone. */
import type { Broker, ConsumeOptions, Consumer, Delivery, Depth, Settlement } from '../broker.ts';
import { type Format, type FormatOptions, openFormat } from '../format.ts';
import { memoryBeatStore } from '../memory/beat.ts';
import {
  add,
  type Job,
  leave,
  next,
  type Place,
  placeOf,
  promote,
  purge,
  putBack,
  readyIn,
  setAside,
  textsOf,
} from '../memory/place.ts';
import { remoteOf } from '../memory/remote.ts';

const takeWaitMs = 1_000;

interface State {
  readonly place: Place;
  readonly format: Format;
  queues: readonly string[];
  readonly lent: Map<string, Job>;
  turn: number;
}

/** @param name of the place; apps with the same one share it */
export async function openMemoryBroker(name: string, options: FormatOptions = {}): Promise<Broker> {
  const format = await openFormat(options);
  const place = placeOf(name);
  place.users++;
  const consumers = new Set<Consumer>();
  let closed = false;
  const publish: Broker['publish'] = async (queue, messages) => {
    for (const text of textsOf(queue, messages, format)) add(place, queue, text, format);
  };
  return {
    publish,
    consume: async (consuming) => {
      const consumer = startConsumer(place, format, consuming);
      consumers.add(consumer);
      return consumer;
    },
    depth: async (queue) => depth(place, queue, Date.now()),
    purge: async (queue) => purge(place, queue),
    beat: (beat) => memoryBeatStore(place, beat, publish),
    remote: remoteOf(place),
    close: async () => {
      for (const consumer of consumers) await consumer.close();
      if (!closed) leave(name, place);
      closed = true;
    },
  };
}

function startConsumer(place: Place, format: Format, { queues }: ConsumeOptions): Consumer {
  const state: State = { place, format, queues, lent: new Map(), turn: 0 };
  return {
    take: (limit, signal) => take(state, limit, signal),
    settle: async (delivery, settlement) => settle(state, delivery, settlement),
    takeFrom: async (given) => {
      state.queues = given;
    },
    close: async () => {
      // The oldest one is to be the next again.
      for (const job of [...state.lent.values()].reverse()) putBack(place, job);
      state.lent.clear();
    },
  };
}

async function take(state: State, limit: number, signal: AbortSignal): Promise<Delivery[]> {
  const end = Date.now() + takeWaitMs;
  while (!signal.aborted && limit > 0) {
    promote(state.place, Date.now());
    const found: Delivery[] = [];
    while (found.length < limit) {
      const job = next(state.place, state.queues, state.turn++);
      if (!job) break;
      state.lent.set(job.tag, job);
      found.push(deliveryOf(job));
    }
    const leftMs = end - Date.now();
    if (found.length > 0 || leftMs <= 0) return found;
    await arrival(state.place, leftMs, signal);
  }
  return [];
}

function deliveryOf({ tag, queue, redelivered, sinceMs, message }: Job): Delivery {
  return { tag, queue, redelivered, message, ...(sinceMs === undefined ? {} : { sinceMs }) };
}

/** Resolves when something came, when the next is due, or when the time is over. */
async function arrival(place: Place, limitMs: number, signal: AbortSignal): Promise<void> {
  const dueMs = (place.later[0]?.dueMs ?? Infinity) - Date.now();
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      place.waiting.delete(done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(1, Math.min(limitMs, dueMs)));
    signal.addEventListener('abort', done, { once: true });
    place.waiting.add(done);
  });
}

function settle({ place, format, lent }: State, { tag, queue }: Delivery, settlement: Settlement): void {
  const job = lent.get(tag);
  if (!job) return;
  lent.delete(tag);
  if (settlement.kind === 'putBack') putBack(place, job);
  if (!place.lent.delete(tag)) return;
  if (settlement.kind === 'replace')
    for (const text of textsOf(queue, [settlement.message], format)) add(place, queue, text, format);
  if (settlement.kind === 'setAside') setAside(place, job, settlement.error);
}

function depth(place: Place, queue: string, nowMs: number): Depth {
  promote(place, nowMs);
  const ready = readyIn(place, queue);
  const of = (jobs: Iterable<Job>): number => [...jobs].filter((job) => job.queue === queue).length;
  const since = ready.flatMap(({ sinceMs }) => (sinceMs === undefined ? [] : [sinceMs]));
  return {
    waiting: ready.length,
    running: of(place.lent.values()),
    later: of(place.later),
    ...(since.length > 0 ? { oldestSeconds: Math.max(0, nowMs - Math.min(...since)) / 1000 } : {}),
  };
}
