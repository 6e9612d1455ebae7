/**
 * Celery queues in RabbitMQ, over the app's own connection (amqplib). What is ready comes from the broker, by declaring the queue
 * passively; what workers hold is in no number of it, so they are asked what they run, keep and wait with.
 *
 * The broker says how many consumers the queue has. When fewer workers than that have answered, what they hold is not known: then a queue
 * with nothing ready is unknown, because it may be hidden there; with something ready that much is waiting, and the rest is absent.
 * How long the oldest waits is in the messages only; reading one means to take it and put it back, which reorders, so
 * it is absent unless nothing waits.
 */
import { randomUUID } from 'node:crypto';
import type { Meter } from '../reading.ts';
import {
  type Answer,
  answerOf,
  type ControlJob,
  parseJson,
  type Question,
  questionLifeSeconds,
  questionOf,
} from './celery-control.ts';
import { cannotTell, meterOf, type QueueLook } from './look.ts';

export interface AmqpMessage {
  readonly content: Uint8Array;
  readonly properties: { readonly headers?: Readonly<Record<string, unknown>> | undefined };
}

/** The part of amqplib's channel that is used. */
export interface AmqpChannel {
  checkQueue(queue: string): Promise<{ readonly messageCount: number; readonly consumerCount: number }>;
  assertQueue(queue: string, options: object): Promise<unknown>;
  consume(
    queue: string,
    take: (message: AmqpMessage | null) => void,
    options: { noAck: boolean },
  ): Promise<unknown>;
  publish(exchange: string, routingKey: string, content: Buffer, options: object): boolean;
  on(event: 'error', listener: (problem: Error) => void): unknown;
  once(event: 'close', listener: () => void): unknown;
  close(): Promise<unknown>;
}

export interface CeleryRabbitOptions {
  /** Of amqplib's `connect()`, or a function that gives it. Each look has a channel of its own. */
  readonly connection: AmqpConnection | (() => Promise<AmqpConnection>);
  readonly queues: readonly string[];
  /** How long workers may take to answer. Default 1,000 ms. */
  readonly controlTimeoutMs?: number;
  readonly now?: () => number;
}

export interface AmqpConnection {
  createChannel(): Promise<AmqpChannel>;
}

/** A worker that was told to take no more consumes nothing and may still run something: this long is listened for it. */
const graceMs = 50;
const answerCountMaximum = 4_000;

export function celeryRabbit(options: CeleryRabbitOptions): Meter {
  const { queues, now, connection, controlTimeoutMs: timeoutMs = 1_000 } = options;
  const look = async (queue: string, at: number, signal: AbortSignal): Promise<QueueLook> => {
    const connected = typeof connection === 'function' ? await connection() : connection;
    const channel = await connected.createChannel();
    // A channel of its own for the question: where no worker ever was, there is no exchange, and that closes it.
    const voice = await connected.createChannel();
    voice.on('error', () => undefined);
    const broken = new Promise<never>((_, reject) => {
      channel.on('error', reject); // without a listener it would end the process
      channel.once('close', () => reject(cannotTell('the channel was closed')));
    });
    broken.catch(() => undefined);
    try {
      return await Promise.race([lookAt({ channel, voice, queue, at, timeoutMs, signal }), broken]);
    } finally {
      await Promise.allSettled([channel.close(), voice.close()]);
    }
  };
  return meterOf({ name: 'celery-rabbit', queues, now, look });
}

interface Asking {
  readonly channel: AmqpChannel;
  readonly voice: AmqpChannel;
  readonly queue: string;
  readonly at: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function lookAt(asking: Asking): Promise<QueueLook> {
  const { channel, queue, at, timeoutMs } = asking;
  const { messageCount: ready, consumerCount } = await channel.checkQueue(queue);
  const answers = timeoutMs > 0 ? await askAll(asking, consumerCount) : undefined;
  if (!answers) {
    if (ready > 0) return { waiting: ready };
    throw cannotTell(`nothing is ready, and fewer than its ${consumerCount} workers answered what they hold`);
  }
  const leadsHere = routesTo(queue, answers);
  const jobs = (question: Question): ControlJob[] => [
    ...new Map(
      answers
        .filter((answer) => answer.question === question)
        .flatMap((answer) => answer.jobs.filter(leadsHere))
        .map((job) => [job.id, job]),
    ).values(),
  ];
  const scheduled = jobs('scheduled');
  const later = scheduled.filter(({ dueAt = 0 }) => dueAt > at).length;
  const waiting = ready + jobs('reserved').length + scheduled.length - later;
  return { waiting, running: jobs('active').length, later, ...(waiting === 0 && { oldestSeconds: 0 }) };
}

const questions = ['active_queues', 'active', 'reserved', 'scheduled'] as const;

/** Undefined when fewer workers of the queue answered everything than it has consumers. */
async function askAll(
  { channel, voice, queue, at, timeoutMs, signal }: Asking,
  consumerCount: number,
): Promise<readonly Answer[] | undefined> {
  const ticket = randomUUID();
  const replies = `${ticket}.reply.celery.pidbox`;
  const answers: Answer[] = [];
  let heard: () => void = () => undefined;
  await channel.assertQueue(replies, { exclusive: true, autoDelete: true, durable: false, expires: 10_000 });
  const take = (message: AmqpMessage | null): void => {
    const body = parseJson(Buffer.from(message?.content ?? []).toString());
    const answer = answerOf(body, message?.properties.headers?.ticket, ticket);
    if (answer && answers.length < answerCountMaximum) answers.push(answer);
    heard();
  };
  await channel.consume(replies, take, { noAck: true });
  for (const question of questions) {
    const text = questionOf(question, ticket, { exchange: '', routing_key: replies });
    voice.publish('celery.pidbox', '', Buffer.from(text), {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: { clock: 1, expires: at / 1_000 + questionLifeSeconds },
      deliveryMode: 1,
    });
  }
  const complete = (): boolean => workersIn(answers, queue) >= consumerCount && evenly(answers);
  return await new Promise((resolve) => {
    const began = performance.now();
    const look = (): void => {
      const passedMs = performance.now() - began;
      if ((complete() && passedMs >= graceMs) || passedMs >= timeoutMs || signal.aborted) {
        clearInterval(timer);
        resolve(complete() ? answers : undefined);
      }
    };
    const timer = setInterval(look, 10);
    heard = look;
  });
}

/** How many workers say that they take from the queue. */
function workersIn(answers: readonly Answer[], queue: string): number {
  const takers = answers.filter(({ queues }) => queues.some(({ name }) => name === queue));
  return takers.length;
}

/** Everybody who has answered anything has answered everything. */
function evenly(answers: readonly Answer[]): boolean {
  const counts = questions.map((question) => answers.filter((answer) => answer.question === question).length);
  return new Set(counts).size === 1;
}

/** By the default exchange the routing key is the queue; others lead where the workers' own queues are bound. */
function routesTo(queue: string, answers: readonly Answer[]): (job: ControlJob) => boolean {
  const bound = new Map<string, string>();
  for (const { queues } of answers)
    for (const { name, exchange, routingKey } of queues) bound.set(`${exchange} ${routingKey}`, name);
  return ({ exchange, routingKey }) => {
    const name = exchange === '' ? routingKey : (bound.get(`${exchange} ${routingKey}`) ?? routingKey);
    return name === queue;
  };
}
