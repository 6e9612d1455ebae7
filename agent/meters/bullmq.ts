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
  /** Since 6.7 it takes a time; before, the client is asked. */
  getDelayedCount(dueBefore?: number): Promise<number>;
  readonly client?: Promise<object>;
  toKey(type: string): string;
}

type BullState = 'wait' | 'prioritized' | 'active' | 'delayed';

export interface BullmqOptions {
  readonly queues: readonly BullQueue[];
  readonly now?: () => number;
}

/** Jobs come with their data, so few are read: the first of each list, and of the prioritized, whose order is not by age, some. */
const prioritizedReadMaximum = 50;

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
  const due = delayed > 0 ? Math.min(await dueCount(queue, at), delayed) : 0;
  const first = [
    ...(wait > 0 ? await queue.getJobs(['wait'], 0, 0, true) : []),
    ...(prioritized > 0 ? await queue.getJobs(['prioritized'], 0, prioritizedReadMaximum - 1, true) : []),
    ...(due > 0 ? await queue.getJobs(['delayed'], 0, 0, true) : []),
  ];
  const since = first.flatMap((job) => (job ? [waitsSince(job)] : []));
  const waiting = wait + prioritized + due;
  return {
    waiting,
    running: active,
    later: delayed - due,
    // Jobs that were taken between the looks say nothing about those that are left.
    ...(waiting > 0 && since.length === 0 ? {} : { oldestSeconds: ageSeconds(since, at) }),
    ...(prioritized > prioritizedReadMaximum ? { estimated: true } : {}),
  };
}

/**
 * By the scores, which are the times at which they fall due (times 4,096, with a counter in the low bits): a job's own fields do not say it
 * once it was retried.
 */
async function dueCount(queue: BullQueue, at: number): Promise<number> {
  if (queue.getDelayedCount.length > 0) return await queue.getDelayedCount(at + 1);
  const client = (await queue.client) ?? {};
  if (!('zcount' in client) || typeof client.zcount !== 'function')
    throw cannotTell('this version of BullMQ does not say which delayed jobs are due');
  return Number(await client.zcount(queue.toKey('delayed'), 0, (at + 1) * 4_096 - 1));
}

/** Added, due, or tried the last time and then due again, whichever came last. */
function waitsSince({ timestamp, delay = 0, opts, processedOn }: Job): number {
  return Math.max(timestamp + Math.max(delay, opts?.delay ?? 0), (processedOn ?? 0) + delay);
}

function ageSeconds(since: readonly number[], at: number): number {
  return since.length === 0 ? 0 : Math.max(0, at - Math.min(...since)) / 1_000;
}
