/** From what the broker holds and what the workers said to one reading. Pure. */
import type { Groups, JobsReading } from '../decide/words.ts';
import type { Arrivals } from './arrivals.ts';
import type { LeadsHere, ListSeen, Snapshot } from './celery-broker.ts';
import type { ActiveJob, Worker } from './celery-control.ts';
import type { BrokerMessage } from './celery-message.ts';
import { groupsOf } from './groups.ts';

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
 * worker gives it back: it waits. Live workers of @headcount/tasks are seen by their leases too: where one holds
 * something of this queue and none of its workers answers, remote control is off, and nothing is said about running jobs.
 */
export function readingOf({ queue, at, snapshot, workers: answers, leadsHere }: Seen): JobsReading {
  const leased = snapshot.leased.some((message) => leadsHere(message.exchange, message.routingKey));
  const mute = leased && !answers?.some(({ queues }) => queues.includes(queue));
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
    ...runningSecondsOf(active, at),
    ...oldestOf(
      [...lists.flatMap((list) => list.next), ...held.waitingOnes],
      held.waiting > 0 && !workers,
      at,
    ),
    ...agesOf(snapshot, held, at),
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

/** Since when each of them runs, by its worker's clock; absent when one of them does not say. */
export function runningSecondsOf(
  active: readonly ActiveJob[] | undefined,
  at: number,
): { runningSeconds?: Groups } {
  const began = [...new Map(active?.map((job) => [job.id, job.startedAt])).values()];
  if (!active || began.some((one) => one === undefined)) return {};
  return { runningSeconds: groupsOf(began.map((one) => (at - (one ?? at)) / 1_000)) };
}

/** All waiting jobs by age; absent where one was not read, or does not say when it was published. */
function agesOf({ lists, heldRead, heldTotal }: Snapshot, held: HeldCount, at: number): { ages?: Groups } {
  if (heldRead < heldTotal || lists.some(({ length, peeked }) => peeked.length < length)) return {};
  const due = lists.flatMap(({ peeked }) => peeked.filter((message) => isDue(message, at)));
  const since = [...due, ...held.waitingOnes].map(({ waitsSince }) => waitsSince);
  if (since.some((one) => one === undefined)) return {};
  return { ages: groupsOf(since.map((one) => (at - (one ?? at)) / 1_000)) };
}

/**
 * Jobs that the workers of a queue accepted, by worker; absent where one of them takes from another queue too, since
 * it does not say which of them a job was of.
 */
function startedTotals(
  queue: string,
  workers: readonly {
    readonly node: string;
    readonly startedTotal: number;
    readonly queues: readonly string[];
  }[],
): ReadonlyMap<string, number> | undefined {
  const takers = workers.filter(({ queues }) => queues.includes(queue));
  if (takers.some(({ queues }) => queues.length > 1)) return undefined;
  return new Map(takers.map(({ node, startedTotal }) => [node, startedTotal]));
}

/** What the workers have started, and from it how long the next job has waited where no message says it. */
export function withStarted(
  reading: JobsReading,
  arrivals: Arrivals,
  workers: Parameters<typeof startedTotals>[1] | undefined,
): JobsReading {
  const totals = workers && reading.running !== undefined ? startedTotals(reading.queue, workers) : undefined;
  if (!totals) return reading;
  const startedTotal = arrivals.started(totals);
  const oldestSeconds = arrivals.oldestSeconds(reading.at, reading.waiting, startedTotal);
  if (reading.oldestSeconds !== undefined || oldestSeconds === undefined) return { ...reading, startedTotal };
  return { ...reading, startedTotal, oldestSeconds, estimated: true };
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
