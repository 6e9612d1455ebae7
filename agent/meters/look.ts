/** What every meter of this folder does around its looks: a queue that cannot be looked at is unknown, the others are read all the same. */
import type { JobCounts, JobsReading, Meter, Reading } from '../reading.ts';

export interface QueueLook extends JobCounts {
  readonly slots?: number;
  readonly estimated?: boolean;
}

export interface Looks {
  readonly name: string;
  readonly queues: readonly string[];
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
  look(queue: string, at: number, signal: AbortSignal): Promise<QueueLook>;
}

const queueCountMaximum = 64;

export function meterOf({ name, queues, now = Date.now, look }: Looks): Meter {
  const one = async (queue: string, signal: AbortSignal): Promise<Reading> => {
    const at = now();
    try {
      const found = await untilAborted(look(queue, at, signal), signal);
      const reading: JobsReading = { kind: 'jobs', queue, at, ...found };
      return reading;
    } catch (problem) {
      signal.throwIfAborted();
      const why = problem instanceof Error ? problem.message : String(problem);
      return { kind: 'unknown', at, why: `${name} ${queue}: ${why}`.slice(0, 500) };
    }
  };
  return {
    name: `${name} ${queues.join(', ')}`,
    read: async (signal) => {
      signal.throwIfAborted();
      const problem = problemWith(queues);
      if (problem !== undefined) return [{ kind: 'unknown', at: now(), why: `${name}: ${problem}` }];
      return await Promise.all(queues.map((queue) => one(queue, signal)));
    },
  };
}

/** The reason in `message` becomes the reading's. */
export function cannotTell(why: string): TypeError {
  return new TypeError(why);
}

function problemWith(queues: readonly string[]): string | undefined {
  if (queues.length === 0) return 'no queue was named';
  return queues.length > queueCountMaximum ? `more than ${queueCountMaximum} queues were named` : undefined;
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
