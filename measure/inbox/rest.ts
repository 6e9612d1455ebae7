/**
 * Workers that only their own app can reach (BullMQ: a pause of one worker is a call within its process). Their processes say
 * every two seconds what they do, and hear in the answer whether they are to rest (agent/rest.ts). This is the memory of one
 * app: who said what, and who is to rest.
 *
 * A process that was heard and is silent counts as at work for a minute; then it is gone. Where no process of a type ever
 * spoke there is nobody to be told. In the first moments of a controller some cannot have spoken yet: beside those that have, one more is
 * taken to be silent then.
 */
import type { Census, NodeSeen, Workers } from '../workers.ts';

export interface WorkersReport {
  /** Of one life of the process. */
  readonly id: string;
  /** `worker.5` */
  readonly process: string;
  readonly queues: readonly string[];
  readonly quiet: boolean;
  readonly jobs: number;
  /** It ends; this is its last word. */
  readonly leaves: boolean;
}

export interface Rest {
  /** Answers whether this process is to rest. */
  report(report: WorkersReport): boolean;
  /** Those of a process type. Undefined: none of its processes ever spoke. */
  workers(processType: string): Workers | undefined;
}

const freshMs = 10_000;
const goneMs = 60_000;
const firstWordsMs = 15_000;
const processCountMaximum = 1_000;
const typeCountMaximum = 64;

interface Heard extends NodeSeen {
  readonly type: string;
  readonly at: number;
}

export function createRest(now: () => number): Rest {
  const startedAt = now();
  const heard = new Map<string, Heard>();
  const orders = new Set<string>();
  const types = new Map<string, Workers>();
  const forget = (): void => {
    for (const [node, { at }] of heard) if (now() - at > goneMs) heard.delete(node);
    for (const node of orders) if (!heard.has(node) && orders.size > processCountMaximum) orders.delete(node);
  };
  return {
    report: ({ id, process, queues, quiet, jobs, leaves }) => {
      const node = `${process}@${id}`;
      forget();
      heard.delete(node);
      if (leaves) orders.delete(node);
      else if (heard.size < processCountMaximum) {
        const type = typeOf(process);
        heard.set(node, { node, type, queues, quiet, jobs, at: now() });
        if (!types.has(type) && types.size < typeCountMaximum)
          types.set(type, createWorkers({ type, heard, orders, forget, startedAt, now }));
      }
      return !leaves && orders.has(node);
    },
    workers: (processType) => types.get(processType),
  };
}

interface Memory {
  readonly type: string;
  readonly heard: ReadonlyMap<string, Heard>;
  readonly orders: Set<string>;
  readonly startedAt: number;
  forget(): void;
  now(): number;
}

function createWorkers({ type, heard, orders, forget, startedAt, now }: Memory): Workers {
  return {
    queue: '',
    ask: async (signal): Promise<Census> => {
      signal.throwIfAborted();
      forget();
      const mine = [...heard.values()].filter((one) => one.type === type);
      const fresh = mine.filter(({ at }) => now() - at <= freshMs);
      const nodes = fresh.map(({ node, queues, quiet, jobs }) => ({ node, queues, quiet, jobs }));
      const unheardCount = now() - startedAt < firstWordsMs ? 1 : 0;
      return { nodes, silentCount: mine.length - fresh.length + unheardCount };
    },
    quiet: async (nodes, signal) => {
      signal.throwIfAborted();
      for (const { node } of nodes) orders.add(node);
    },
    resume: async (nodes, signal) => {
      signal.throwIfAborted();
      for (const { node } of nodes) orders.delete(node);
    },
  };
}

/** `worker` of `worker.5` and of `worker-6f9c7d8b54-x9`. */
function typeOf(process: string): string {
  return /^([A-Za-z0-9_]+)/.exec(process)?.[1] ?? process;
}
