/** From what the broker holds and what the workers said to one reading. Pure. */
import type { JobsReading } from '../decide/words.ts';
import type { LeadsHere, ListSeen, Snapshot } from './celery-broker.ts';
import type { ActiveJob, Worker } from './celery-control.ts';
import type { BrokerMessage } from './celery-message.ts';

export interface Seen {
  readonly queue: string;
  readonly at: number;
  readonly snapshot: Snapshot;
  /** Every live worker of the broker; absent when nobody asked, or one of them was silent. */
  readonly workers?: readonly Worker[] | undefined;
  readonly leadsHere: LeadsHere;
}

/**
 * ```
 * later   = due in the future: held by a worker until then, or still in a list because no worker took it
 * running = what the workers say is active: with early acknowledgement it is in no key, with late it is also held
 * waiting = the lists + held, without later and running
 * ```
 * A message that a dead worker held stays in `unacked` until the visibility timeout gives it back, and only a live
 * worker gives it back: it waits. A worker of @headcount/tasks is not asked and may run any of what it holds; while it
 * holds something of this queue, nothing is said about running jobs.
 */
export function readingOf({ queue, at, snapshot, workers: answers, leadsHere }: Seen): JobsReading {
  const mute = snapshot.leased.some((message) => leadsHere(message.exchange, message.routingKey));
  const workers = mute ? undefined : answers;
  const active = workers
    ?.flatMap((worker) => worker.active)
    .filter((job) => leadsHere(job.exchange, job.routingKey));
  const lists = snapshot.lists.map((list) => countList(list, at));
  const held = countHeld(snapshot, leadsHere, active ?? [], at);
  const waiting = sum(lists.map((list) => list.due)) + held.waiting;
  const estimated = held.estimated || lists.some((list) => list.estimated);
  return {
    kind: 'jobs',
    queue,
    at,
    waiting,
    later: sum(lists.map((list) => list.later)) + held.later,
    ...(active ? { running: new Set(active.map((job) => job.id)).size } : {}),
    ...slotsOf(queue, workers),
    ...oldestOf(
      [...lists.flatMap((list) => list.next), ...held.waitingOnes],
      held.waiting > 0 && !workers,
      at,
    ),
    ...(estimated ? { estimated: true } : {}),
  };
}

interface ListCount {
  readonly due: number;
  readonly later: number;
  /** What a worker takes next, of what is due; absent when nothing is. */
  readonly next: readonly (BrokerMessage | undefined)[];
  readonly estimated: boolean;
}

/** Of a long list only the ends were read: the share of later ones there stands for all. */
function countList({ length, peeked }: ListSeen, at: number): ListCount {
  const dueOnes = peeked.filter((message) => isDue(message, at));
  const laterRead = peeked.length - dueOnes.length;
  const later = peeked.length === 0 ? 0 : Math.round((length * laterRead) / peeked.length);
  const due = length - later;
  return {
    due,
    later,
    next: due > 0 ? [dueOnes.at(-1)] : [],
    estimated: later > 0 && peeked.length < length,
  };
}

interface HeldCount {
  readonly waiting: number;
  readonly later: number;
  readonly waitingOnes: readonly BrokerMessage[];
  readonly estimated: boolean;
}

function countHeld(
  snapshot: Snapshot,
  leadsHere: LeadsHere,
  active: readonly ActiveJob[],
  at: number,
): HeldCount {
  const { held, heldRead, heldTotal } = snapshot;
  const mine = held.filter((message) => leadsHere(message.exchange, message.routingKey));
  const due = mine.filter((message) => isDue(message, at));
  const running = new Set(active.map((job) => job.id));
  const waitingOnes = due.filter((message) => message.id === undefined || !running.has(message.id));
  const later = mine.length - due.length;
  if (heldRead === heldTotal)
    return { waiting: waitingOnes.length, later, waitingOnes, estimated: held.length < heldRead };
  const scale = heldRead === 0 ? 0 : heldTotal / heldRead;
  const runningHeld = active.filter((job) => !job.acknowledged).length;
  const waiting = Math.max(0, Math.round(due.length * scale) - runningHeld);
  return { waiting, later: Math.round(later * scale), waitingOnes, estimated: true };
}

/**
 * Age of the longest wait; absent when a message does not say when it was published. Until the workers have told which
 * held messages they run, a held one may be running, so nothing is said. Nothing waits: 0.
 */
function oldestOf(
  waiting: readonly (BrokerMessage | undefined)[],
  runningMixedIn: boolean,
  at: number,
): { oldestSeconds?: number } {
  if (runningMixedIn) return {};
  let oldest = at;
  for (const message of waiting) {
    if (message?.waitsSince === undefined) return {};
    oldest = Math.min(oldest, message.waitsSince);
  }
  return { oldestSeconds: (at - oldest) / 1_000 };
}

/** Concurrency of the workers that take from this queue. */
function slotsOf(queue: string, workers: readonly Worker[] | undefined): { slots?: number } {
  const slots = workers?.filter((worker) => worker.queues.includes(queue)).map((worker) => worker.slots);
  return !slots || slots.includes(undefined) ? {} : { slots: sum(slots.map((count) => count ?? 0)) };
}

function isDue(message: BrokerMessage, at: number): boolean {
  return message.dueAt === undefined || message.dueAt <= at;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
