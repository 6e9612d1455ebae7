/**
 * Sends a failed task again over Redis (send-again.ts has the contract, celery-again.ts the message).
 *
 * Its arguments are looked for in two places: the hash `headcount.failed`, where workers of @headcount/tasks keep the messages of
 * jobs that failed for good, and the result `celery-task-meta-<id>`, where Python's workers put them when the app sets
 * `result_extended`. The first is better: it is the message as it came, while a Python task that changes a list it was
 * given has the changed one in its result.
 *
 * That a task is sent once is kept on the broker, in the same step as the sending: a key by the id of the failed task says under
 * which id it went. The controller's store was the other place; an answer of the broker that got lost would leave open
 * whether it was sent.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { HeadcountError } from '../decide/errors.ts';
import {
  type Call,
  callInKept,
  callInResult,
  messageAgain,
  priorityOf,
  type Sending,
  statusIn,
} from './celery-again.ts';
import type { QueuePlace } from './celery-broker.ts';
import type { RedisLink } from './redis.ts';
import type { FailedTask, SendAgain, SentAgain } from './send-again.ts';

const bytesMaximum = 1_000_000;
/** Longer than anything is kept from which a task could be sent a second time by default. */
const rememberedSeconds = 30 * 86_400;

/** Answers with nil for what is not there, and with an empty text for what is too large to be had. */
const lookScript = `
local id, most = ARGV[1], tonumber(ARGV[2])
local function bounded(length, command, key, field)
  if length == 0 then return false end
  if length > most then return '' end
  return field and redis.call(command, key, field) or redis.call(command, key)
end
local found = {redis.call('GET', KEYS[1])}
found[2] = bounded(redis.call('HSTRLEN', KEYS[2], id), 'HGET', KEYS[2], id)
for i = 3, #KEYS do found[i] = bounded(redis.call('STRLEN', KEYS[i]), 'GET', KEYS[i]) end
return found`;

/** What may fail comes first, the mark after it. */
const sendScript = `
local before = redis.call('GET', KEYS[1])
if before then return before end
redis.call('LPUSH', KEYS[2], ARGV[3])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[4])
redis.call('ZREM', KEYS[4], ARGV[4])
return ARGV[1]`;

export interface AgainSource {
  /**
   * A connection of its own each, for as long as it takes: the meter gives its own up when a reading is late, and whoever
   * connects at the same moment as it does cuts the other off.
   */
  openBroker(): RedisLink;
  /** Where results are. Absent: on the broker. */
  openResults?(): RedisLink;
  readonly queue: string;
  /** @throws HeadcountError OPTION_INVALID */
  place(): QueuePlace;
  now(): number;
}

export function celerySendAgain(source: AgainSource): SendAgain {
  return {
    queue: source.queue,
    send: (failed, signal) =>
      lent(source.openBroker, signal, (broker) => sendOver(broker, source, failed, signal)),
  };
}

async function sendOver(
  broker: RedisLink,
  { openResults, place, now }: AgainSource,
  failed: FailedTask,
  signal: AbortSignal,
): Promise<SentAgain> {
  const where = place();
  const lookAt = (link: RedisLink): Promise<Looked> =>
    asking(link, signal, notSent, (redis) => look(redis, where, failed.id));
  const { sentAs: before, ...there } = await lookAt(broker);
  if (before !== undefined) return { kind: 'already', id: before };
  const { result } = openResults ? await lent(openResults, signal, lookAt) : there;
  const found = findCall(there.kept, result, failed);
  if (found.kind === 'refused') return found;
  const { call, from } = found;
  const [id, deliveryTag] = [randomUUID(), randomUUID()];
  const sending = { id, failedId: failed.id, queue: from, deliveryTag, nowMs: now() };
  signal.throwIfAborted();
  const sentAs = await asking(broker, signal, unsure, (redis) => send(redis, where, call, sending));
  return sentAs === id ? { kind: 'sent', id, task: call.task, queue: from } : { kind: 'already', id: sentAs };
}

async function lent<T>(
  open: () => RedisLink,
  signal: AbortSignal,
  use: (link: RedisLink) => Promise<T>,
): Promise<T> {
  const link = open();
  signal.addEventListener('abort', link.drop, { once: true });
  try {
    return await use(link);
  } finally {
    signal.removeEventListener('abort', link.drop);
    link.drop();
  }
}

interface Looked {
  readonly sentAs?: string;
  /** Absent: not there; empty: too large. */
  readonly kept?: string;
  readonly result?: string;
}

async function look(redis: Redis, { keyPrefix }: QueuePlace, id: string): Promise<Looked> {
  const prefixes = keyPrefix === '' ? [''] : [keyPrefix, `${keyPrefix}_`, ''];
  // On a cluster only what has its hash tag lies where the other keys are.
  const keys = prefixes
    .filter((prefix) => !keyPrefix.includes('{') || prefix !== '')
    .map((prefix) => `${prefix}celery-task-meta-${id}`);
  const { sent, failed } = keysOf(keyPrefix, id);
  const reply = await redis.eval(lookScript, 2 + keys.length, sent, failed, ...keys, id, bytesMaximum);
  const [sentAs, kept, ...metas] = reply as (string | null)[];
  const result = metas.find((meta) => meta !== null && meta !== undefined);
  return {
    ...(sentAs && { sentAs }),
    ...(typeof kept === 'string' && { kept }),
    ...(typeof result === 'string' && { result }),
  };
}

async function send(redis: Redis, place: QueuePlace, call: Call, sending: Sending): Promise<string> {
  const { keyPrefix, separator, steps } = place;
  const { id, failedId, queue } = sending;
  const step = steps.findLast((least) => least <= priorityOf(call)) ?? 0;
  const list = `${keyPrefix}${queue}${step === 0 ? '' : `${separator}${step}`}`;
  const { sent, failed, times } = keysOf(keyPrefix, failedId);
  const keys = [sent, list, failed, times];
  const args = [id, rememberedSeconds, messageAgain(call, sending), failedId];
  return String(await redis.eval(sendScript, keys.length, ...keys, ...args));
}

function keysOf(keyPrefix: string, id: string) {
  return {
    sent: `${keyPrefix}headcount.sent_again.${id}`,
    failed: `${keyPrefix}headcount.failed`,
    times: `${keyPrefix}headcount.failed_times`,
  };
}

type Refused = Extract<SentAgain, { kind: 'refused' }>;
type Chosen = { readonly kind: 'found'; readonly call: Call; readonly from: string } | Refused;

function findCall(kept: string | undefined, result: string | undefined, { queues }: FailedTask): Chosen {
  const status = statusIn(result) ?? 'FAILURE';
  if (status !== 'FAILURE')
    return refused(`its result says ${status} by now`, status === 'SUCCESS' ? nothingToDo : sendItYourself);
  const text = kept ?? result;
  if (text === undefined) return refused('its arguments were kept nowhere', keepThem);
  if (text === '') return refused('what was kept of it is too large', sendItYourself);
  const found = kept === undefined ? callInResult(text) : callInKept(text);
  if (!found.ok) return refused(found.why, kept === undefined ? keepThem : sendItYourself);
  const from = queueOf(found.call, kept !== undefined, queues);
  if (from === undefined) return refused('nobody knows from which queue it came', sendItYourself);
  return { kind: 'found', call: found.call, from };
}

/** A result has the routing key, which is mostly the queue's name; a wrong one would lead where nobody takes. */
function queueOf({ queue }: Call, isSure: boolean, queues: readonly string[]): string | undefined {
  if (queue !== undefined && (isSure || queues.includes(queue))) return queue;
  return queues.length === 1 ? queues[0] : undefined;
}

function refused(why: string, todo: string): Refused {
  return { kind: 'refused', why, todo };
}

const nothingToDo = 'Nothing needs to be done.';
const sendItYourself = 'Send it where it was sent.';
const keepThem =
  "For the next ones: Python's workers keep them with result_extended = True and a result backend in this Redis, or in the one that the meter's option resultsUrl names; workers of @headcount/tasks with keepFailed, for a week.";
const notSent = 'The task was not sent again';
const unsure = 'Nobody knows whether the task was sent again';

async function asking<T>(
  link: RedisLink,
  signal: AbortSignal,
  what: string,
  ask: (redis: Redis) => Promise<T>,
): Promise<T> {
  try {
    return await ask(await link.connected(signal));
  } catch (problem) {
    if (signal.aborted || problem instanceof HeadcountError) throw problem;
    const todo = 'Try again: it is sent once only.';
    throw new HeadcountError('BROKER_UNREACHABLE', what, link.explain(problem), todo, { cause: problem });
  }
}
