/**
 * Sends a failed task again through a meter that can (measure/send-again.ts). Only what is listed among the failures of the app is
 * sent, so that nobody reaches a task of another app by its id, and only through a meter of the queue that it came from: on another
 * broker it would wait where nobody takes it. The first that does not refuse decides; one that fails ends it, since it may have sent.
 */
import { HeadcountError } from '../decide/errors.ts';
import type { FailedTask, SendAgain, SentAgain } from '../measure/send-again.ts';
import type { StoredFailure } from '../store/store.ts';
import { type Clock, withDeadline, wordsOf } from './clock.ts';
import type { WatchedManager } from './watched.ts';

type Sent = Extract<SentAgain, { kind: 'sent' }>;
type Refused = Extract<SentAgain, { kind: 'refused' }>;

/** Shorter than a page, or another controller that passed it on, waits. */
const limitMs = 8_000;
const metersAsked = 10;

/** @throws HeadcountError TASK_NOT_SENT, TASK_SENT_BEFORE, BROKER_UNREACHABLE */
export async function sendAgain(
  clock: Clock,
  managers: readonly WatchedManager[],
  { id, queue }: Pick<StoredFailure, 'id' | 'queue'>,
): Promise<Sent> {
  const failed: FailedTask = { id, queues: queue.split(',') };
  const ways = waysFor(managers, failed);
  if (ways.length === 0) throw noWay(queue);
  try {
    return await withDeadline(clock, limitMs, undefined, (signal) => firstOf(ways, failed, signal));
  } catch (error) {
    throw error instanceof HeadcountError ? error : silent(error);
  }
}

function waysFor(managers: readonly WatchedManager[], { queues }: FailedTask): SendAgain[] {
  return managers
    .flatMap(({ meters }) => meters)
    .flatMap((meter) => ('again' in meter && meter.again ? [meter.again] : []))
    .filter(({ queue }) => queues.includes(queue))
    .slice(0, metersAsked);
}

async function firstOf(ways: readonly SendAgain[], failed: FailedTask, signal: AbortSignal): Promise<Sent> {
  let refusal: Refused | undefined;
  for (const way of ways) {
    const answer = await way.send(failed, signal);
    if (answer.kind === 'sent') return answer;
    if (answer.kind === 'already') throw sentBefore(answer.id);
    refusal ??= answer;
    signal.throwIfAborted();
  }
  throw notSent(refusal);
}

function notSent(refusal: Refused | undefined): HeadcountError {
  const { why = 'no meter knows it', todo = 'Send it where it was sent.' } = refusal ?? {};
  return new HeadcountError('TASK_NOT_SENT', 'The task was not sent again', why, todo);
}

function noWay(queue: string): HeadcountError {
  return new HeadcountError(
    'TASK_NOT_SENT',
    'The task was not sent again',
    `no meter of the queue "${queue}" that is open here can send: one of Celery on Redis can, of RabbitMQ not yet`,
    'Send it where it was sent, or add such a meter with the address of its broker.',
  );
}

function sentBefore(id: string): HeadcountError {
  return new HeadcountError(
    'TASK_SENT_BEFORE',
    'The task was not sent once more',
    `it was sent again before, as ${id}`,
    'Look how that one went; if it fails too, it is listed and can be sent.',
  );
}

function silent(error: unknown): HeadcountError {
  return new HeadcountError(
    'BROKER_UNREACHABLE',
    'Nobody knows whether the task was sent again',
    wordsOf(error),
    'Try again: it is sent once only.',
    { cause: error },
  );
}
