/** How a worker bears a broker that does not answer. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from './broker.ts';
import { TasksError, textOf } from './errors.ts';

export interface Trouble {
  pause(error: unknown, stopped: AbortSignal): Promise<void>;
  over(): void;
}

const longestPauseMs = 10_000;

/** Says once that something is wrong, and once that it is over; pauses grow from 0.1 to 10 seconds. */
export function troubleLog(log: Log): Trouble {
  let failures = 0;
  return {
    pause: async (error, stopped) => {
      if (failures++ === 0) log('warn', `${textOf(error)}. The worker keeps trying.`);
      const longest = Math.min(longestPauseMs, 100 * 2 ** failures);
      await pause(longest * (0.5 + Math.random() / 2), undefined, { signal: stopped }).catch(() => {});
    },
    over: () => {
      if (failures > 0) log('info', 'the broker answers again');
      failures = 0;
    },
  };
}

/** False for what no waiting can mend. */
export function canPass(error: unknown): boolean {
  const passing: readonly string[] = ['BROKER_UNREACHABLE', 'BROKER_BUSY'];
  return error instanceof TasksError && passing.includes(error.code);
}
