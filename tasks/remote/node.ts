/** What remote control sees of a worker, and may change. */
import type { Bench } from '../workbench.ts';

export interface WorkerNode {
  /** `worker.3@host`. */
  readonly name: string;
  readonly bench: Bench;
  readonly startedMs: number;
  /** The address of the broker, without password. */
  readonly broker: string;
  readonly prefetch: number;
  /** How many it holds at most now. */
  prefetchNow(): number;
  /** From now on takes from these queues; what it holds of others goes back. */
  takeFrom(queues: readonly string[]): Promise<void>;
  /** Warm. */
  stop(): void;
}

/** Started jobs of all tasks. */
export function processed({ totals }: Bench): number {
  let sum = 0;
  for (const count of totals.values()) sum += count;
  return sum;
}
