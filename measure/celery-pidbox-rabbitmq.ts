/**
 * Asks Celery workers something by remote control ("pidbox") over RabbitMQ: one message per question to the fanout exchange
 * `celery.pidbox`, answers through the direct exchange `reply.celery.pidbox` to a queue of ours.
 *
 * A fanout does not say how many heard it. So who asks says when it has heard enough (`isComplete`): by names, or by the
 * number of consumers of a queue. Otherwise a round takes its whole time, as Python's `inspect` always does. A question
 * that nobody heard comes back at once, because it is mandatory.
 *
 * The queue for the answers is exclusive, not transient as kombu's own: RabbitMQ 4 refuses transient queues that are shared,
 * and an exclusive one goes with its connection whatever happens. It is made for one round: an answer that comes later finds
 * no queue and is dropped by the broker. Facts: kombu/pidbox.py and celery/worker/control.py, 5.2 and 5.6.
 */
import { randomUUID } from 'node:crypto';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';

export interface PidboxQuestion {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Names of workers. Absent: all. */
  readonly destination?: readonly string[];
}

export type PidboxAnswer =
  | { readonly worker: string; readonly question: string; readonly failed: false; readonly value: unknown }
  | { readonly worker: string; readonly question: string; readonly failed: true };

export interface PidboxAsking {
  readonly timeoutMs: number;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** All that is awaited has come. Absent: the round takes its whole time. */
  isComplete?(answers: readonly PidboxAnswer[]): boolean;
}

export interface PidboxRound {
  readonly answers: readonly PidboxAnswer[];
  /** No worker listens at all. */
  readonly nobody: boolean;
}

const commands = 'celery.pidbox';
const replies = 'reply.celery.pidbox';
/** The worker compares with its own clock, so this is generous. */
const requestLifeSeconds = 30;
const replyBytesMaximum = 16_000_000;

/** Rejects when the connection is lost or the signal aborted; never because workers are silent. */
export async function pidboxRound(
  connection: ChannelModel,
  questions: readonly PidboxQuestion[],
  asking: PidboxAsking,
): Promise<PidboxRound> {
  asking.signal.throwIfAborted();
  if (!(await exists(connection, commands))) return { answers: [], nobody: true };
  await ensureReplies(connection);
  asking.signal.throwIfAborted();
  const channel = await connection.createChannel();
  try {
    return await putTo(channel, questions, asking);
  } finally {
    // Not awaited: whoever gave up does not wait for a server that answers no more.
    void channel.close().catch(() => {});
  }
}

/** Only a worker makes this exchange. */
async function exists(connection: ChannelModel, exchange: string): Promise<boolean> {
  try {
    await aside(connection, (channel) => channel.checkExchange(exchange));
    return true;
  } catch (problem) {
    if ((problem as { code?: unknown }).code === 404) return false;
    throw problem;
  }
}

/** A refusal closes the channel, so what may be refused is asked on one of its own. */
async function aside<T>(connection: ChannelModel, work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await connection.createChannel();
  let refusal: unknown;
  channel.on('error', (problem) => {
    refusal = problem;
  });
  try {
    return await work(channel);
  } catch (problem) {
    throw refusal ?? problem;
  } finally {
    await channel.close().catch(() => {});
  }
}

/** Looks first: one that is there with other arguments is as good. */
async function ensureReplies(connection: ChannelModel): Promise<void> {
  if (await exists(connection, replies)) return;
  await aside(connection, (channel) => channel.assertExchange(replies, 'direct', { durable: false }));
}

async function putTo(
  channel: Channel,
  questions: readonly PidboxQuestion[],
  { timeoutMs, nowMs, signal, isComplete }: PidboxAsking,
): Promise<PidboxRound> {
  const inbox = randomUUID();
  const queue = `${inbox}.${replies}`;
  const answers: PidboxAnswer[] = [];
  let bytes = 0;
  let returned = 0;
  const heard = settling();
  channel.on('error', heard.reject).on('close', () => heard.reject(new RangeError('Channel closed')));
  channel.on('return', () => ++returned === questions.length && heard.resolve());
  const arrived = (message: ConsumeMessage | null): void => {
    bytes += message?.content.length ?? 0;
    const answer = message && answerOf(message, inbox);
    if (answer) answers.push(answer);
    if (bytes > replyBytesMaximum || isComplete?.(answers)) heard.resolve();
  };
  const aborted = (): void => heard.reject(signal.reason);
  signal.addEventListener('abort', aborted, { once: true });
  const timer = setTimeout(heard.resolve, timeoutMs);
  try {
    const ready = (async () => {
      await channel.assertQueue(queue, { durable: false, exclusive: true, autoDelete: true });
      await channel.bindQueue(queue, replies, inbox);
      await channel.consume(queue, arrived, { noAck: true });
      for (const question of questions) publish(channel, question, inbox, nowMs);
    })();
    ready.catch(heard.reject);
    await heard.settled;
    return { answers, nobody: questions.length > 0 && returned === questions.length };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', aborted);
  }
}

interface Settling {
  readonly settled: Promise<void>;
  resolve(): void;
  reject(problem: unknown): void;
}

function settling(): Settling {
  let resolve = (): void => {};
  let reject: Settling['reject'] = () => {};
  const settled = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  settled.catch(() => {});
  return { settled, resolve, reject };
}

function publish(
  channel: Channel,
  { method, args, destination }: PidboxQuestion,
  inbox: string,
  nowMs: number,
): void {
  const body = {
    method,
    arguments: args,
    destination: destination ?? null,
    pattern: null,
    matcher: null,
    // comes back in the header of each answer
    ticket: `${inbox} ${method}`,
    reply_to: { exchange: replies, routing_key: inbox },
  };
  channel.publish(commands, '', Buffer.from(JSON.stringify(body)), {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    persistent: false,
    priority: 0,
    mandatory: true,
    headers: { clock: 1, expires: nowMs / 1_000 + requestLifeSeconds },
  });
}

/** Undefined for what a stranger wrote. */
function answerOf({ content, properties }: ConsumeMessage, inbox: string): PidboxAnswer | undefined {
  try {
    const [ticket, question = ''] = String(properties.headers?.ticket).split(' ');
    const body: unknown = JSON.parse(content.toString('utf8'));
    if (ticket !== inbox || typeof body !== 'object' || body === null) return undefined;
    const [worker, value] = (Object.entries(body)[0] ?? []) as [string?, unknown?];
    if (worker === undefined) return undefined;
    const failed = typeof value === 'object' && value !== null && 'error' in value;
    return failed ? { worker, question, failed } : { worker, question, failed: false, value };
  } catch {
    return undefined;
  }
}
