/**
 * A `Worker` of BullMQ 5 and 6 that can be told to rest: `pause(true)` for this worker only, not the queue's pause, which would
 * stop everybody.
 *
 * A worker that is paused may still get one job: the fetch that it waits in at that moment, up to its `drainDelay` of 5
 * seconds. Its loop ends when the last fetch and the last job have ended, so a paused worker is idle when it does not run any
 * more, and not a moment earlier. Facts: bullmq 6.7.0, src/classes/worker.ts.
 */
import type { RestingWorker } from './rest.ts';

export interface BullWorker {
  /** Of its queue. */
  readonly name: string;
  /** @param doNotWaitActive resolves although jobs go on */
  pause(doNotWaitActive?: boolean): Promise<void>;
  resume(): void | Promise<void>;
  isPaused(): boolean;
  isRunning(): boolean;
  on(event: 'active' | 'completed' | 'failed', listener: () => void): unknown;
}

export function bullmqWorker(worker: BullWorker): RestingWorker {
  let active = 0;
  let isOurs = false;
  const ended = (): void => {
    active = Math.max(0, active - 1);
  };
  worker.on('active', () => {
    active += 1;
  });
  worker.on('completed', ended);
  worker.on('failed', ended);
  return {
    queue: worker.name,
    rest: async () => {
      isOurs = true;
      await worker.pause(true);
    },
    // Whoever else paused it has a reason.
    work: async () => {
      if (!isOurs) return;
      isOurs = false;
      await worker.resume();
    },
    state: () => {
      const quiet = worker.isPaused();
      if (!quiet) return { quiet, jobs: active };
      return { quiet, jobs: worker.isRunning() ? Math.max(1, active) : 0 };
    },
  };
}
