/**
 * Tells `task-received` of the jobs that this worker keeps. It takes ahead what it hopes to start within moments, and gives
 * back what it was wrong about; told as they come, jobs that go back and forth were counted each time in Flower's column
 * "Processed", and stayed for ever in its gauge of prefetched jobs. So a job is told when it leaves the reserve to be worked
 * on, or when it is there for a second, as behind a rate limit; either way with the time at which it came.
 */
import type { Delivery } from '../broker.ts';
import { receivedFields } from '../conclude.ts';
import type { Bench } from '../workbench.ts';

const keptAfterMs = 1_000;

/** Those that nobody was told of yet. */
const cameMs = new WeakMap<Delivery, number>();
const looking = new WeakSet<Bench>();

/** To be called only where events of jobs are wanted. */
export function came(bench: Bench, delivery: Delivery): void {
  cameMs.set(delivery, Date.now());
  lookSoon(bench);
}

/** Once for each delivery. A task that this worker does not have is not received, as in Celery. */
export function tellReceived({ events, tasks }: Bench, delivery: Delivery): void {
  const atMs = cameMs.get(delivery);
  if (atMs === undefined || !delivery.message.ok) return;
  cameMs.delete(delivery);
  const message = delivery.message.value;
  if (events.tasks && tasks.has(message.task))
    events.task('task-received', { ...receivedFields(message), timestamp: atMs / 1000 });
}

function lookSoon(bench: Bench): void {
  if (looking.has(bench)) return;
  looking.add(bench);
  setTimeout(() => look(bench), keptAfterMs).unref();
}

function look(bench: Bench): void {
  looking.delete(bench);
  const longAgo = Date.now() - keptAfterMs;
  for (const delivery of bench.reserved) {
    const atMs = cameMs.get(delivery);
    if (atMs === undefined) continue;
    if (atMs <= longAgo) tellReceived(bench, delivery);
    else lookSoon(bench);
  }
}
