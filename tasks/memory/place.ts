/**
 * The queues of one memory broker. Messages lie there as the texts that Redis would hold, so that a test with it finds
 * what JSON cannot hold. First in, first out in each priority; what is due later waits apart, sorted by its time.
 */
import { decodeEnvelope, encodeEnvelope } from '../envelope.ts';
import type { Format } from '../format.ts';
import type { Decoded, TaskMessage } from '../message.ts';

export interface Job {
  readonly tag: string;
  readonly queue: string;
  readonly message: Decoded<TaskMessage>;
  readonly priority: number;
  readonly sinceMs: number | undefined;
  dueMs: number;
  redelivered: boolean;
}

export interface Place {
  /** By queue, then by priority. */
  readonly ready: Map<string, Job[][]>;
  /** Soonest first. */
  readonly later: Job[];
  readonly lent: Map<string, Job>;
  /** Newest last. */
  readonly aside: {
    readonly queue: string;
    readonly error: string;
    readonly message: Decoded<TaskMessage>;
  }[];
  readonly waiting: Set<() => void>;
  count: number;
  users: number;
}

const priorities = 10;
const mostSetAside = 10_000;
const places = new Map<string, Place>();

/** The place of a name, as long as somebody uses it. */
export function placeOf(name: string): Place {
  const known = places.get(name);
  if (known) return known;
  const made: Place = {
    ready: new Map(),
    later: [],
    lent: new Map(),
    aside: [],
    waiting: new Set(),
    count: 0,
    users: 0,
  };
  places.set(name, made);
  return made;
}

export function leave(name: string, place: Place): void {
  if (--place.users === 0 && places.get(name) === place) places.delete(name);
}

export function textsOf(queue: string, messages: readonly TaskMessage[], format: Format): string[] {
  return messages.map((message) => encodeEnvelope(message, { queue, deliveryTag: message.id }, format));
}

export function add(place: Place, queue: string, text: string, format: Format): void {
  const message = decodeEnvelope(text, format);
  const value = message.ok ? message.value : undefined;
  const dueMs = value?.etaMs ?? 0;
  const published = value?.publishedAtMs ?? undefined;
  const job: Job = {
    tag: String(++place.count),
    queue,
    message,
    priority: Math.min(priorities - 1, Math.max(0, Math.floor(value?.priority ?? 0))),
    sinceMs: published === undefined ? undefined : Math.max(published, dueMs),
    dueMs,
    redelivered: false,
  };
  if (dueMs > Date.now()) {
    const after = place.later.findIndex((other) => other.dueMs > dueMs);
    place.later.splice(after < 0 ? place.later.length : after, 0, job);
  } else level(place, job).push(job);
  wake(place);
}

/** The next of these queues; `turn` says which of them comes first. */
export function next(place: Place, queues: readonly string[], turn: number): Job | undefined {
  for (let priority = 0; priority < priorities; priority++)
    for (let i = 0; i < queues.length; i++) {
      const queue = queues[(turn + i) % queues.length] ?? '';
      const job = place.ready.get(queue)?.[priority]?.shift();
      if (!job) continue;
      place.lent.set(job.tag, job);
      return job;
    }
  return undefined;
}

/** Those that are due now can be taken. */
export function promote(place: Place, nowMs: number): void {
  while ((place.later[0]?.dueMs ?? Infinity) <= nowMs) {
    const job = place.later.shift();
    if (job) level(place, job).push(job);
  }
}

export function putBack(place: Place, job: Job): void {
  if (!place.lent.delete(job.tag)) return;
  job.redelivered = true;
  level(place, job).unshift(job);
  wake(place);
}

export function setAside(place: Place, { queue, message }: Job, error: string): void {
  place.aside.push({ queue, error, message });
  if (place.aside.length > mostSetAside) place.aside.shift();
}

export function readyIn(place: Place, queue: string): Job[] {
  return (place.ready.get(queue) ?? []).flat();
}

/** Removes what nobody holds, due or not, and answers how much. */
export function purge(place: Place, queue: string): number {
  const kept = place.later.filter((job) => job.queue !== queue);
  const count = readyIn(place, queue).length + place.later.length - kept.length;
  place.later.splice(0, Infinity, ...kept);
  place.ready.delete(queue);
  return count;
}

function level({ ready }: Place, { queue, priority }: Job): Job[] {
  const levels = ready.get(queue) ?? Array.from({ length: priorities }, (): Job[] => []);
  ready.set(queue, levels);
  return levels[priority] ?? [];
}

function wake(place: Place): void {
  for (const one of [...place.waiting]) one();
}
