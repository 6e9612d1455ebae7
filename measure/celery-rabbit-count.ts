/** From the queue's two counts and what the workers said to one reading. Pure. */
import type { JobsReading } from '../decide/words.ts';
import {
  type ActiveJob,
  type Answer,
  type Fields,
  fieldsOf,
  jobOf,
  listOf,
  slotsIn,
  startedIn,
} from './celery-control.ts';
import { runningSecondsOf } from './celery-count.ts';

export interface RabbitWorker {
  readonly node: string;
  readonly queues: readonly BoundQueue[];
  /** Absent where the pool does not say. */
  readonly slots?: number;
  /** Jobs that it accepted since it began, of all its queues. */
  readonly startedTotal: number;
  readonly active: readonly ActiveJob[];
  readonly reserved: readonly ActiveJob[];
  readonly scheduled: readonly ScheduledJob[];
}

export interface ScheduledJob extends ActiveJob {
  readonly dueAt?: number;
}

/** A queue as a worker declares it: what is sent to the exchange with the routing key ends in it. */
export interface BoundQueue {
  readonly name: string;
  readonly exchange: string;
  readonly exchangeType: string;
  readonly routingKey: string;
}

export function rabbitWorkersOf(answers: readonly Answer[]): RabbitWorker[] {
  const byNode = new Map<string, Map<string, unknown>>();
  for (const { worker, question, value } of answers)
    byNode.set(worker, (byNode.get(worker) ?? new Map<string, unknown>()).set(question, value));
  return [...byNode].map(([node, said]) => {
    const slots = slotsIn(said.get('stats'));
    return {
      node,
      queues: listOf(said.get('active_queues')).map(boundQueueOf),
      startedTotal: startedIn(said.get('stats')),
      active: listOf(said.get('active')).flatMap(jobOf),
      reserved: listOf(said.get('reserved')).flatMap(jobOf),
      scheduled: listOf(said.get('scheduled')).flatMap(scheduledOf),
      ...(slots > 0 ? { slots } : {}),
    };
  });
}

function boundQueueOf({ name, exchange, routing_key: routingKey }: Fields): BoundQueue {
  const { name: exchangeName, type } = fieldsOf(exchange);
  return {
    name: String(name),
    exchange: String(exchangeName ?? ''),
    exchangeType: String(type ?? 'direct'),
    routingKey: String(routingKey ?? ''),
  };
}

function scheduledOf({ eta, request }: Fields): ScheduledJob[] {
  const text = typeof eta === 'string' ? eta : '';
  const dueAt = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return jobOf(fieldsOf(request)).map((job) => ({ ...job, ...(Number.isNaN(dueAt) ? {} : { dueAt }) }));
}

export interface RabbitSeen {
  readonly queue: string;
  readonly at: number;
  readonly ready: number;
  /** What changed while the workers were asked; a job may then be counted twice. */
  readonly moved: boolean;
  /** Jobs in the queues of native delayed delivery, of all queues together. */
  readonly delayed: number;
  readonly consumerCount: number;
  /** Absent: nobody asked. */
  readonly workers?: readonly RabbitWorker[];
  /** One did not answer: it may hold and run more. */
  readonly silent: boolean;
}

/**
 * ```
 * waiting = ready + what workers hold and do not run, without what is due later
 * later   = held by workers until it is due + in the queues of native delayed delivery
 * running = what the workers say is active
 * ```
 */
export function rabbitReading(seen: RabbitSeen): JobsReading {
  const { queue, at, ready, delayed, workers, silent } = seen;
  const mine = leadsTo(queue, workers ?? []);
  const active = unique((workers ?? []).flatMap((worker) => worker.active).filter(mine));
  const running = new Set(active.map(({ id }) => id));
  const held = (workers ?? []).flatMap(({ reserved, scheduled }) => [...reserved, ...scheduled]);
  const idle = unique(held.filter(mine)).filter(({ id }) => !running.has(id));
  const due = idle.filter((job: ScheduledJob) => job.dueAt === undefined || job.dueAt <= at);
  const whole = workers !== undefined && !silent;
  const estimated = seen.moved || delayed > 0 || (!whole && seen.consumerCount > 0);
  return {
    kind: 'jobs',
    queue,
    at,
    waiting: ready + due.length,
    later: idle.length - due.length + delayed,
    ...(whole ? { running: active.length, ...slotsOf(queue, workers) } : {}),
    ...(whole ? runningSecondsOf(active, at) : {}),
    ...(whole && ready + due.length === 0 ? { oldestSeconds: 0 } : {}),
    ...(estimated ? { estimated: true } : {}),
  };
}

function unique<T extends ActiveJob>(jobs: readonly T[]): T[] {
  return [...new Map(jobs.map((job) => [job.id, job])).values()];
}

/** Native delayed delivery puts the bits of the delay before the routing key. */
const delayedKey = /^(?:[01]\.){28}/;

/** Whether a message sent so came out of this queue, by what the workers declare. */
function leadsTo(queue: string, workers: readonly RabbitWorker[]): (job: ActiveJob) => boolean {
  const bound = workers.flatMap(({ queues }) => queues).filter(({ name }) => name === queue);
  return ({ exchange, routingKey }) => {
    const delayed = exchange.startsWith('celery_delayed');
    const key = delayed ? routingKey.replace(delayedKey, '') : routingKey;
    if (exchange === '' || delayed || bound.length === 0) {
      if (key === queue) return true;
    }
    return bound.some(
      (one) => (delayed || one.exchange === exchange) && matches(one.exchangeType, one.routingKey, key),
    );
  };
}

function matches(type: string, bound: string, key: string): boolean {
  if (type === 'fanout' || type === 'headers') return true;
  return type === 'topic' ? topicMatches(bound.split('.'), key.split('.')) : bound === key;
}

/** `*` stands for one word, `#` for any number of them. */
export function topicMatches(bound: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = bound;
  if (first === undefined) return words.length === 0;
  if (first === '#')
    return topicMatches(rest, words) || (words.length > 0 && topicMatches(bound, words.slice(1)));
  return words.length > 0 && (first === '*' || first === words[0]) && topicMatches(rest, words.slice(1));
}

function slotsOf(queue: string, workers: readonly RabbitWorker[]): { slots?: number } {
  const takers = workers.filter(({ queues }) => queues.some(({ name }) => name === queue));
  if (takers.some(({ slots }) => slots === undefined)) return {};
  return { slots: takers.reduce((sum, { slots }) => sum + (slots ?? 0), 0) };
}
