/**
 * Asks all Celery workers what they run and how much they can, by remote control ("pidbox") over Redis: one PUBLISH per
 * question, each worker pushes its answers to a list of ours. This is the only way to see a job that is acknowledged
 * early, Celery's default: it is in no key of the broker while it runs.
 *
 * PUBLISH returns how many workers heard it, so the round ends when the last has answered, in 3 to 4 ms; Python's own
 * `inspect` always waits its full second. Who is silent until time is up (a solo pool that works, a wedged
 * worker) makes the round incomplete: then nothing is said about running jobs, because silence is not idleness. The
 * list is polled, not awaited with BRPOP: a blocking command would need a second connection, and small plans have 20.
 *
 * Facts: kombu/pidbox.py and celery/worker/control.py, 5.2 and 5.6. Requests expire after 30 s, which is generous because
 * the worker compares with its own clock.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { ChainableCommander, Redis } from 'ioredis';

export interface Worker {
  readonly node: string;
  /** Jobs that it accepted since it began, of all its queues. */
  readonly startedTotal: number;
  readonly queues: readonly string[];
  /** Absent where the pool does not say. */
  readonly slots?: number;
  readonly active: readonly ActiveJob[];
}

export interface ActiveJob {
  readonly id: string;
  readonly exchange: string;
  readonly routingKey: string;
  /** True: acknowledged early, in no key of the broker. */
  readonly acknowledged: boolean;
  /** By the worker's clock, in milliseconds. Absent: it has not started, or the worker does not say. */
  readonly startedAt?: number;
}

export interface ControlPlace {
  /** Where answers go; one name per meter, so that a crash leaves one binding behind and not one per round. */
  readonly inbox: string;
  readonly keyPrefix: string;
  readonly separator: string;
  readonly database: number;
}

export interface ControlRound {
  /** Puts the questions into a pipeline. */
  ask(pipeline: ChainableCommander): void;
  /**
   * Waits for the workers, at most `timeoutMs`.
   *
   * @param heard the replies to what `ask` put in
   * @returns every worker that lives, or undefined when one of them was silent
   */
  gather(redis: Redis, heard: readonly unknown[], signal: AbortSignal): Promise<Worker[] | undefined>;
}

// `safe` asks for the arguments as cut texts instead of in full.
const questions = { active: { safe: true }, active_queues: {}, stats: {} } as const;
type Question = keyof typeof questions;

const requestLifeSeconds = 30;
const replyBytesMaximum = 16_000_000;
const pollReplyCount = 500;

export function controlRound(place: ControlPlace, timeoutMs: number, nowMs: number): ControlRound {
  const { inbox } = place;
  const ticket = randomUUID();
  const { replies, bindings, binding, channel } = controlKeys(place);
  const methods = Object.keys(questions) as Question[];
  return {
    ask: (pipeline) => {
      pipeline.sadd(bindings, binding);
      for (const method of methods)
        pipeline.publish(channel, request({ method, args: questions[method], ticket, inbox, nowMs }));
    },
    gather: async (redis, heard, signal) => {
      const expected = heard.slice(1).reduce<number>((sum, count) => sum + Number(count), 0);
      try {
        const texts = await collect(redis, replies, { ticket, expected, timeoutMs, signal });
        return texts.length < expected ? undefined : workersOf(texts);
      } finally {
        // Without the binding a worker drops a late answer instead of leaving a list behind.
        await Promise.all([redis.srem(bindings, binding), redis.del(replies)]).catch(() => undefined);
      }
    },
  };
}

export interface ControlKeys {
  readonly replies: string;
  readonly bindings: string;
  readonly binding: string;
  readonly channel: string;
}

export function controlKeys({ inbox, keyPrefix, separator, database }: ControlPlace): ControlKeys {
  return {
    replies: `${keyPrefix}${inbox}.reply.celery.pidbox`,
    bindings: `${keyPrefix}_kombu.binding.reply.celery.pidbox`,
    binding: [inbox, '', `${inbox}.reply.celery.pidbox`].join(separator),
    channel: `${keyPrefix}/${database}.celery.pidbox`,
  };
}

export interface Asked {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Absent: all workers. */
  readonly destination?: readonly string[];
  readonly ticket: string;
  readonly inbox: string;
  readonly nowMs: number;
}

/** Its body and headers, as every transport carries them. */
export function questionOf({ method, args, destination, ticket, inbox, nowMs }: Asked): {
  readonly body: string;
  readonly headers: { readonly clock: number; readonly expires: number };
} {
  const body = {
    method,
    arguments: args,
    destination: destination ?? null,
    pattern: null,
    matcher: null,
    // comes back in the header of each answer
    ticket: `${ticket} ${method}`,
    reply_to: { exchange: 'reply.celery.pidbox', routing_key: inbox },
  };
  return {
    body: JSON.stringify(body),
    headers: { clock: 1, expires: nowMs / 1_000 + requestLifeSeconds },
  };
}

/** As kombu's Redis transport sends it. */
export function request(asked: Asked): string {
  const { body, headers } = questionOf(asked);
  return JSON.stringify({
    body: Buffer.from(body).toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers,
    properties: {
      body_encoding: 'base64',
      delivery_info: { exchange: 'celery.pidbox', routing_key: '' },
      delivery_mode: 2,
      delivery_tag: randomUUID(),
      priority: 0,
    },
  });
}

export interface Awaited {
  /** Only answers with it are of this round. */
  readonly ticket: string;
  readonly expected: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The replies that came in time. */
export async function collect(redis: Redis, key: string, awaited: Awaited): Promise<string[]> {
  const texts: string[] = [];
  const end = performance.now() + awaited.timeoutMs;
  let bytes = 0;
  for (let pauseMs = 1; texts.length < awaited.expected; pauseMs = Math.min(pauseMs * 1.5, 25)) {
    if (performance.now() > end || bytes > replyBytesMaximum) break;
    await wait(pauseMs, undefined, { signal: awaited.signal });
    const results = await redis
      .multi()
      .lrange(key, 0, pollReplyCount - 1)
      .ltrim(key, pollReplyCount, -1)
      .exec();
    for (const text of (results?.[0]?.[1] ?? []) as string[]) {
      bytes += text.length;
      if (text.includes(awaited.ticket)) texts.push(text);
    }
  }
  return texts;
}

export type Fields = Readonly<Record<string, unknown>>;

interface Said {
  readonly queues: Set<string>;
  slots: number;
  started: number;
  readonly active: ActiveJob[];
}

/** From the answer to `stats`. NaN where the pool does not say. */
export function slotsIn(stats: unknown): number {
  return Number(fieldsOf(fieldsOf(stats).pool)['max-concurrency']);
}

/** Of all task names together. */
export function startedIn(stats: unknown): number {
  const totals = Object.values(fieldsOf(fieldsOf(stats).total))
    .map(Number)
    .filter(Number.isFinite);
  return totals.reduce((sum, one) => sum + one, 0);
}

/**
 * The answers put together by the worker's name. Several workers may carry one name (the same command started twice on
 * one machine); then they count as one worker with the slots of all. Undefined when an answer cannot be read.
 */
export function workersOf(texts: readonly string[]): Worker[] | undefined {
  const byName = new Map<string, Said>();
  for (const text of texts) {
    const answer = parseAnswer(text);
    if (!answer || !Object.hasOwn(questions, answer.question)) return undefined;
    const worker = byName.get(answer.worker) ?? { queues: new Set(), slots: 0, started: 0, active: [] };
    byName.set(answer.worker, worker);
    if (answer.question === 'active') worker.active.push(...listOf(answer.value).flatMap(jobOf));
    else if (answer.question === 'active_queues')
      for (const { name } of listOf(answer.value)) worker.queues.add(String(name));
    else {
      worker.slots += slotsIn(answer.value);
      worker.started += startedIn(answer.value);
    }
  }
  return [...byName].map(([node, { queues, slots, started, active }]) => ({
    node,
    startedTotal: started,
    queues: [...queues],
    active,
    ...(slots > 0 ? { slots } : {}),
  }));
}

export interface Answer {
  readonly worker: string;
  readonly question: string;
  readonly value: unknown;
}

/** Undefined when it is none, or says that it failed. */
export function parseAnswer(text: string): Answer | undefined {
  try {
    const message = fieldsOf(JSON.parse(text));
    const body: unknown = JSON.parse(Buffer.from(String(message.body), 'base64').toString());
    return answerOf(fieldsOf(message.headers).ticket, body);
  } catch {
    return undefined;
  }
}

/** @param body the worker's name with what it says */
export function answerOf(ticket: unknown, body: unknown): Answer | undefined {
  const [worker, value] = Object.entries(fieldsOf(body))[0] ?? [];
  const question = String(ticket).split(' ')[1] ?? '';
  if (worker === undefined || question === '') return undefined;
  return 'error' in fieldsOf(value) ? undefined : { worker, question, value };
}

/** None where it cannot be read. */
export function jobOf(job: Fields): ActiveJob[] {
  const { exchange, routing_key: routingKey } = fieldsOf(job.delivery_info);
  if (typeof job.id !== 'string' || typeof routingKey !== 'string') return [];
  const startedAt = typeof job.time_start === 'number' ? { startedAt: job.time_start * 1_000 } : {};
  const acknowledged = job.acknowledged === true;
  return [{ id: job.id, exchange: String(exchange ?? ''), routingKey, acknowledged, ...startedAt }];
}

export function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
