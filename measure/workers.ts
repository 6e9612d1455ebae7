/**
 * The contract by which the controller speaks with the workers behind a meter's numbers: who is there, take no new jobs, take
 * jobs again. A meter that can reach its workers has one as its member `workers` (Celery by remote control, a broker file
 * by a table). The numbers of a meter and the words to its workers go the same way, so they share address and connection.
 *
 * For workers that only their own app can reach (BullMQ: `worker.pause(true)` and `worker.resume()` per worker), the app's agent
 * carries this contract (inbox/rest.ts): `ask` from what the agent last said about its process, `quiet` and `resume` in the
 * answer to its next word. Whoever adds another way passes `workers-contract.ts`.
 *
 * A worker is a *node* here, by its own name, `worker.3@host`; several may belong to one process.
 */

export interface Workers {
  /** The meter's queue. A worker that is found without any is taken back to it. */
  readonly queue: string;
  /** One round, reading only. Rejects when nobody can be asked; ends within 100 ms of an abort. */
  ask(signal: AbortSignal): Promise<Census>;
  /** They take no new jobs, from any queue. Resolves when it is said; `ask` shows whether it is done. Idempotent. */
  quiet(nodes: readonly NodeQueues[], signal: AbortSignal): Promise<void>;
  /** They take jobs again, from these queues. Idempotent. */
  resume(nodes: readonly NodeQueues[], signal: AbortSignal): Promise<void>;
}

export interface Census {
  /** Those that work for this meter's queue, or for none because they were told so. */
  readonly nodes: readonly NodeSeen[];
  /** Workers that are there and did not answer in time. They are not idle: whoever cannot answer is at work. */
  readonly silentCount: number;
}

export interface NodeQueues {
  readonly node: string;
  readonly queues: readonly string[];
}

export interface NodeSeen extends NodeQueues {
  /** Takes no new jobs. */
  readonly quiet: boolean;
  /** Jobs that it runs or has reserved; not those that are due later. */
  readonly jobs: number;
}

/** The process of a node: `worker.3` of `worker.3@host`. */
export function processOf(node: string): string {
  return node.split('@', 1)[0] ?? node;
}
