/**
 * Speaks with the Celery workers of a queue on Redis, Python's and ours: `active`, `reserved` and `active_queues` to see who
 * has what, `cancel_consumer` for every queue of a worker that is to go, `add_consumer` to take it back.
 *
 * A worker is idle when nothing is active and nothing reserved; jobs with an ETA that it holds do not count, since its warm
 * stop puts them back. After `cancel_consumer` was answered nothing new can come: what was on its way is put back by the
 * worker itself. `shutdown` over remote control was the other way; where the platform starts a stopped process again
 * (Heroku, the local fleet) it would only restart it.
 *
 * Facts: celery/worker/control.py and celery/worker/consumer/consumer.py, 5.2 and 5.6.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import {
  type Answer,
  type Asked,
  type ControlPlace,
  collect,
  controlKeys,
  listOf,
  parseAnswer,
  request,
} from './celery-control.ts';
import type { Census, NodeQueues, NodeSeen, Workers } from './workers.ts';

export interface CeleryPlace extends ControlPlace {
  readonly queue: string;
}

interface Link {
  connected(signal: AbortSignal): Promise<Redis>;
}

export type Question = Pick<Asked, 'method' | 'args' | 'destination'>;

// In this order: what comes before it is quiet is reserved after it, and what begins is active after it was reserved. So no
// job slips through between two answers; one that is in both is counted once.
export const inspections: readonly Question[] = [
  { method: 'active_queues', args: {} },
  { method: 'reserved', args: { safe: true } },
  { method: 'active', args: { safe: true } },
];

export function celeryWorkers(link: Link, place: CeleryPlace, timeoutMs: number, now: () => number): Workers {
  const put = async (questions: readonly Question[], signal: AbortSignal): Promise<Heard> => {
    const redis = await link.connected(signal);
    // Nobody is told anything by somebody who gave up.
    signal.throwIfAborted();
    return await round(redis, place, questions, { timeoutMs, nowMs: now(), signal });
  };
  const tell = async (method: string, nodes: readonly NodeQueues[], signal: AbortSignal): Promise<void> => {
    const questions = wordsTo(method, nodes);
    if (questions.length > 0) await put(questions, signal);
  };
  return {
    queue: place.queue,
    ask: async (signal) => {
      const { texts, listening } = await put(inspections, signal);
      const { nodes, wholeCount } = censusOf(texts.map(parseAnswer), place.queue);
      return { nodes, silentCount: Math.max(0, listening - wholeCount) };
    },
    quiet: (nodes, signal) => tell('cancel_consumer', nodes, signal),
    resume: (nodes, signal) => tell('add_consumer', nodes, signal),
  };
}

/** One command per queue, for those nodes that take from it. */
export function wordsTo(method: string, nodes: readonly NodeQueues[]): Question[] {
  const queues = [...new Set(nodes.flatMap((node) => node.queues))];
  return queues.map((queue) => ({
    method,
    args: { queue },
    destination: nodes.filter((node) => node.queues.includes(queue)).map(({ node }) => node),
  }));
}

interface Heard {
  readonly texts: readonly string[];
  /** Workers that listen. */
  readonly listening: number;
}

async function round(
  redis: Redis,
  place: ControlPlace,
  questions: readonly Question[],
  { timeoutMs, nowMs, signal }: { timeoutMs: number; nowMs: number; signal: AbortSignal },
): Promise<Heard> {
  const { replies, bindings, binding, channel } = controlKeys(place);
  const ticket = randomUUID();
  const pipeline = redis.pipeline().sadd(bindings, binding);
  for (const question of questions)
    pipeline.publish(channel, request({ ...question, ticket, inbox: place.inbox, nowMs }));
  try {
    const results = (await pipeline.exec()) ?? [];
    const problem = results.find(([error]) => error)?.[0];
    if (problem) throw problem;
    const heard = results.slice(1).map(([, count]) => Number(count));
    const expected = heard.reduce(
      (sum, count, index) => sum + Math.min(count, questions[index]?.destination?.length ?? count),
      0,
    );
    const texts = await collect(redis, replies, { ticket, expected, timeoutMs, signal });
    return { texts, listening: Math.max(0, ...heard) };
  } finally {
    // Without the binding a worker drops a late answer instead of leaving a list behind.
    await Promise.all([redis.srem(bindings, binding), redis.del(replies)]).catch(() => undefined);
  }
}

/** Only who answered all three questions is known; who answered some is as silent as who answered none. */
export function censusOf(
  answers: readonly (Answer | undefined)[],
  queue: string,
): Pick<Census, 'nodes'> & { readonly wholeCount: number } {
  const said = new Map<string, Map<string, readonly Readonly<Record<string, unknown>>[]>>();
  for (const answer of answers) {
    if (!answer) continue;
    const of = said.get(answer.worker) ?? new Map();
    said.set(answer.worker, of.set(answer.question, listOf(answer.value)));
  }
  const whole = [...said].filter(([, of]) => inspections.every(({ method }) => of.has(method)));
  const nodes = whole.flatMap(([node, of]): NodeSeen[] => {
    const queues = (of.get('active_queues') ?? []).map(({ name }) => String(name));
    const quiet = queues.length === 0;
    if (!quiet && !queues.includes(queue)) return [];
    const ids = [...(of.get('active') ?? []), ...(of.get('reserved') ?? [])].map(({ id }) => id);
    return [{ node, queues, quiet, jobs: new Set(ids).size }];
  });
  return { nodes, wholeCount: whole.length };
}
