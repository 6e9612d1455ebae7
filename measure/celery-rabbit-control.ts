/**
 * Asks all Celery workers of one virtual host of RabbitMQ by remote control: questions through the fanout exchange
 * `celery.pidbox`, answers to a queue of ours that lives as long as the connection.
 *
 * A fanout does not say how many heard it, so Python's client always waits its full second. Here two other counts tell when all
 * have answered: how many consumers the queue has (a passive declare says it, exactly and at once), and the workers that
 * answered before. Only the first round of a connection, and one every five minutes, waits its whole time for
 * workers that are still unknown: one that takes from no queue, because it was told to leave, is found in no other way. One
 * that used to answer and is silent is looked up by its own queue `<name>.celery.pidbox`, which goes with its worker: so
 * the dead are told from the busy.
 *
 * Facts: kombu/pidbox.py 5.2 and 5.6. Two workers of one name share that queue and answer in turn; then a consumer is
 * missing and the round is incomplete. A question that came back, as it is mandatory, was heard by nobody.
 */
import { randomUUID } from 'node:crypto';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { type Answer, answerOf, fieldsOf, listOf, questionOf } from './celery-control.ts';
import type { Question } from './celery-workers.ts';
import { aside, replyCode } from './rabbit.ts';

const commands = 'celery.pidbox';
const replies = 'reply.celery.pidbox';
const answersBytesMaximum = 16_000_000;
const discoverEveryMs = 5 * 60_000;

export interface Heard {
  readonly answers: readonly Answer[];
  /** Workers that are there and did not answer everything. */
  readonly silentCount: number;
}

export interface Round {
  readonly questions: readonly Question[];
  /** Consumers of the queue now. Absent: nobody is waited for because of it. */
  readonly consumerCount?: number;
  readonly queue: string;
  readonly timeoutMs: number;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

export interface RabbitControl {
  ask(connection: ChannelModel, round: Round): Promise<Heard>;
}

interface Mouth {
  readonly channel: Channel;
  readonly inbox: string;
  /** By ticket. */
  readonly rounds: Map<string, Listening>;
  discoverAt: number;
}

interface Listening {
  heard(answer: Answer | undefined, bytesCount: number): void;
  nobody(): void;
}

/** One per meter: it remembers who answered. */
export function rabbitControl(): RabbitControl {
  const known = new Set<string>();
  const mouths = new WeakMap<ChannelModel, Promise<Mouth | undefined>>();
  const mouthOf = async (connection: ChannelModel): Promise<Mouth | undefined> => {
    const opening = mouths.get(connection) ?? openMouth(connection);
    mouths.set(connection, opening);
    const mouth = await opening.catch((problem: unknown) => {
      mouths.delete(connection);
      throw problem;
    });
    // No worker was ever here, but one may come.
    if (!mouth) mouths.delete(connection);
    return mouth;
  };
  return {
    ask: async (connection, round) => {
      const mouth = await mouthOf(connection);
      if (!mouth) return { answers: [], silentCount: round.consumerCount ?? 0 };
      const discovering = round.nowMs >= mouth.discoverAt || round.nowMs < mouth.discoverAt - discoverEveryMs;
      const answers = await speak(mouth, round, discovering ? undefined : known);
      if (discovering) mouth.discoverAt = round.nowMs + discoverEveryMs;
      const whole = wholeOf(answers, round.questions);
      for (const node of whole) known.add(node);
      const addressed = new Set(round.questions.flatMap(({ destination }) => destination ?? []));
      const missing = [...known].filter(
        (node) => !whole.has(node) && (addressed.size === 0 || addressed.has(node)),
      );
      const alive = await Promise.all(missing.map((node) => lives(connection, node)));
      for (const [index, node] of missing.entries()) if (!alive[index]) known.delete(node);
      const silentKnown = alive.filter(Boolean).length;
      const silentConsumers = (round.consumerCount ?? 0) - consumersIn(answers, whole, round.queue);
      return { answers, silentCount: Math.max(silentKnown, silentConsumers, 0) };
    },
  };
}

/** Undefined: there is no exchange of commands, so no worker with remote control has ever been here. */
async function openMouth(connection: ChannelModel): Promise<Mouth | undefined> {
  try {
    await aside(connection, (channel) => channel.checkExchange(commands));
  } catch (problem) {
    if (replyCode(problem) === 404) return undefined;
    throw problem;
  }
  await aside(connection, (channel) => channel.checkExchange(replies)).catch(async (problem: unknown) => {
    if (replyCode(problem) !== 404) throw problem;
    await aside(connection, (channel) => channel.assertExchange(replies, 'direct', { durable: false }));
  });
  const channel = await connection.createChannel();
  const inbox = `headcount-${randomUUID()}`;
  const rounds: Mouth['rounds'] = new Map();
  const { queue } = await channel.assertQueue(`${inbox}.${replies}`, { exclusive: true, autoDelete: true });
  await channel.bindQueue(queue, replies, inbox);
  await channel.consume(queue, (message) => hear(rounds, message), { noAck: true });
  channel.on('return', (message: { properties: { messageId?: unknown } }) =>
    rounds.get(String(message.properties.messageId))?.nobody(),
  );
  // A refused publish closes the channel; the meter then gives the whole connection up.
  channel
    .on('error', () => {})
    .on('close', () => {
      for (const round of rounds.values()) round.heard(undefined, answersBytesMaximum + 1);
    });
  return { channel, inbox, rounds, discoverAt: 0 };
}

function hear(rounds: Mouth['rounds'], message: ConsumeMessage | null): void {
  if (!message) return;
  const ticket = String(fieldsOf(message.properties.headers).ticket);
  const round = rounds.get(ticket.split(' ')[0] ?? '');
  if (!round) return;
  let body: unknown;
  try {
    body = JSON.parse(message.content.toString());
  } catch {
    // An answer that cannot be read is none.
  }
  round.heard(answerOf(ticket, body), message.content.length);
}

/** @param known who is waited for. Absent: whoever answers until time is up */
async function speak(mouth: Mouth, round: Round, known: ReadonlySet<string> | undefined): Promise<Answer[]> {
  const { questions, timeoutMs, nowMs, signal } = round;
  // Nobody is told anything by somebody who gave up.
  signal.throwIfAborted();
  const ticket = randomUUID();
  const answers: Answer[] = [];
  let bytes = 0;
  let end = (): void => {};
  const ended = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, timeoutMs);
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      resolve();
    };
  });
  mouth.rounds.set(ticket, {
    heard: (answer, count) => {
      bytes += count;
      if (answer) answers.push(answer);
      if (bytes > answersBytesMaximum || (answer && known && isEnough(answers, round, known))) end();
    },
    nobody: () => end(),
  });
  try {
    for (const question of questions) {
      const { body, headers } = questionOf({ ...question, ticket, inbox: mouth.inbox, nowMs });
      mouth.channel.publish(commands, '', Buffer.from(body), {
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        mandatory: true,
        messageId: ticket,
        headers,
      });
    }
    await ended;
    // Too much to be held: as if nobody had said anything.
    return bytes > answersBytesMaximum ? [] : answers;
  } finally {
    end();
    mouth.rounds.delete(ticket);
  }
}

function isEnough(answers: readonly Answer[], round: Round, known: ReadonlySet<string>): boolean {
  const whole = wholeOf(answers, round.questions);
  const addressed = round.questions.flatMap(({ destination }) => destination ?? []);
  if (addressed.length > 0) return addressed.every((node) => whole.has(node));
  const all = [...known].every((node) => whole.has(node));
  return all && consumersIn(answers, whole, round.queue) >= (round.consumerCount ?? 0);
}

/** Those that answered every question that was for them. */
function wholeOf(answers: readonly Answer[], questions: readonly Question[]): Set<string> {
  const counts = new Map<string, number>();
  for (const { worker } of answers) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  const asked = (node: string): number =>
    questions.filter(({ destination }) => !destination || destination.includes(node)).length;
  return new Set([...counts].filter(([node, count]) => count >= asked(node)).map(([node]) => node));
}

/** How many of the queue's consumers these workers are: each has one per queue. */
function consumersIn(answers: readonly Answer[], whole: ReadonlySet<string>, queue: string): number {
  const takers = answers.filter(
    ({ worker, question, value }) =>
      question === 'active_queues' && whole.has(worker) && listOf(value).some(({ name }) => name === queue),
  );
  return new Set(takers.map(({ worker }) => worker)).size;
}

/** Its queue goes when its connection does. Whatever else is refused: nobody can say that it is dead. */
async function lives(connection: ChannelModel, node: string): Promise<boolean> {
  try {
    const seen = await aside(connection, (channel) => channel.checkQueue(`${node}.${commands}`));
    return seen.consumerCount > 0;
  } catch (problem) {
    if (replyCode(problem) === 404) return false;
    return true;
  }
}
