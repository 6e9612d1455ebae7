/**
 * Queues of BullMQ 5 and 6, by the app's own `Queue` objects.
 *
 * waiting = wait + prioritized + delayed jobs that are due; running = active; later = delayed jobs that are not due. A paused queue's jobs
 * are not work for anybody and are not counted. HireFire's library for Node counts wait + active + due delayed in the same way, and overlooks
 * what was added with a priority. Parents that wait for their children are no work yet.
 */
import type { Meter } from '../reading.ts';
import { cannotTell, meterOf, type QueueLook } from './look.ts';

interface Job {
  /** When it was added, in milliseconds since the Unix epoch. */
  readonly timestamp: number;
  /** Milliseconds from `timestamp` until it is due; 0 again once it waits. */
  readonly delay?: number;
  readonly opts?: { readonly delay?: number };
  /** When its last attempt began. */
  readonly processedOn?: number | null;
}

export interface BullQueue {
  readonly name: string;
  getJobCounts(...types: BullState[]): Promise<Record<string, number>>;
  getJobs(types: BullState[], start: number, end: number, ascending: boolean): Promise<(Job | undefined)[]>;
}

type BullState = 'wait' | 'prioritized' | 'active' | 'delayed';

export interface BullmqOptions {
  readonly queues: readonly BullQueue[];
  readonly now?: () => number;
}

/** Jobs come with their data, so few are read: the first of a list, the due ones of the delayed, some of the prioritized. */
const prioritizedReadMaximum = 50;
const dueReadMaximum = 1_000;
const duePageCount = 100;

export function bullmq({ queues, now }: BullmqOptions): Meter {
  const byName = new Map(queues.map((queue) => [queue.name, queue]));
  const look = async (name: string, at: number): Promise<QueueLook> => {
    const queue = byName.get(name);
    if (!queue) throw cannotTell('there is no such queue');
    return await lookAt(queue, at);
  };
  return meterOf({ name: 'bullmq', queues: [...byName.keys()], now, look });
}

async function lookAt(queue: BullQueue, at: number): Promise<QueueLook> {
  const counts = await queue.getJobCounts('wait', 'prioritized', 'active', 'delayed');
  const { wait = 0, prioritized = 0, active = 0, delayed = 0 } = counts;
  const [first, urgent, due] = await Promise.all([
    wait > 0 ? queue.getJobs(['wait'], 0, 0, true) : [],
    prioritized > 0 ? queue.getJobs(['prioritized'], 0, prioritizedReadMaximum - 1, true) : [],
    delayed > 0 ? dueJobs(queue, at) : [],
  ]);
  const since = [...first, ...urgent, ...due].flatMap((job) => (job ? [waitsSince(job)] : []));
  const waiting = wait + prioritized + due.length;
  const sampled = prioritized > prioritizedReadMaximum || due.length >= dueReadMaximum;
  return {
    waiting,
    running: active,
    later: Math.max(0, delayed - due.length),
    // Jobs that were taken between the looks say nothing about those that are left.
    ...(waiting > 0 && since.length === 0 ? {} : { oldestSeconds: ageSeconds(since, at) }),
    ...(sampled ? { estimated: true } : {}),
  };
}

/** Delayed jobs are kept in the order in which they fall due: mostly the first one is not, and that is all. */
async function dueJobs(queue: BullQueue, at: number): Promise<Job[]> {
  const due: Job[] = [];
  for (let start = 0, count = 1; start < dueReadMaximum; start += count, count = duePageCount) {
    const page = await queue.getJobs(['delayed'], start, start + count - 1, true);
    const dueHere = page.filter((job) => job !== undefined && job.timestamp + (job.delay ?? 0) <= at);
    due.push(...dueHere.filter((job) => job !== undefined));
    if (dueHere.length < count) break;
  }
  return due;
}

/** Added, due or tried the last time, whichever came last. */
function waitsSince({ timestamp, delay = 0, opts, processedOn }: Job): number {
  return Math.max(timestamp + Math.max(delay, opts?.delay ?? 0), processedOn ?? 0);
}

function ageSeconds(since: readonly number[], at: number): number {
  return since.length === 0 ? 0 : Math.max(0, at - Math.min(...since)) / 1_000;
}
