/** What became of a job, told to all who want to know: the result store, the broker, and who listens to events. */
import type { Delivery, Settlement } from './broker.ts';
import { goOn, goOnFailed, goOnReplaced } from './canvas/onward.ts';
import { hasSequel, inContext } from './canvas/sequel.ts';
import { textOf } from './errors.ts';
import type { TaskMessage } from './message.ts';
import type { Fields } from './remote/events.ts';
import { reprOf } from './repr.ts';
import { failed, type ResultRecord, succeeded } from './results.ts';
import { argsShown, kwargsShown, nameShown } from './shown.ts';
import { type Outcome, retryOf } from './work.ts';
import type { Bench, RunningJob } from './workbench.ts';

/** Record first, then settle: a result may come twice, never not at all. */
export function conclude(bench: Bench, job: RunningJob, outcome: Outcome): Promise<void> {
  const { message, delivery } = job;
  if (bench.events.tasks) tellSafely(bench, job, outcome);
  // What most jobs are: nobody wants to know, so nothing is to be waited for before.
  const plain = outcome.kind === 'success' && !hasSequel(message) && !wantsResult(bench, job);
  return plain && isLate(job) ? bench.consumer.settle(delivery, done) : concludeFully(bench, job, outcome);
}

const done: Settlement = { kind: 'done' };

async function concludeFully(bench: Bench, job: RunningJob, outcome: Outcome): Promise<void> {
  const { message, delivery } = job;
  const settlement = await settlementOf(bench, job, outcome);
  if (isLate(job)) await bench.consumer.settle(delivery, settlement);
  else if (settlement.kind === 'replace') await bench.broker.publish(delivery.queue, [settlement.message]);
  else if (settlement.kind !== 'done')
    bench.log('error', `${message.task}[${message.id}] cannot go back: it was acknowledged when it started`);
}

async function settlementOf(bench: Bench, job: RunningJob, outcome: Outcome): Promise<Settlement> {
  const { message } = job;
  const now = Date.now();
  switch (outcome.kind) {
    case 'success': {
      const success = wantsResult(bench, job) ? keeper(bench, message) : undefined;
      if (hasSequel(message))
        return goOn(bench, job, outcome.result, isLate(job), { success, other: keeper(bench, message) });
      await success?.(inContext(succeeded(message.id, outcome.result, now), message, []));
      return { kind: 'done' };
    }
    case 'failure':
      bench.log('error', `${message.task}[${message.id}] failed: ${textOf(outcome.error)}`);
      await keepMessage(bench, job, outcome.error);
      return goOnFailed(bench, message, outcome.error, keeper(bench, message));
    case 'retry':
      if (wantsResult(bench, job))
        await keep(bench, failed(message.id, 'RETRY', outcome.error, now), message.replyTo);
      return { kind: 'replace', message: retryOf(message, outcome.delayMs, now) };
    case 'ignored':
      return { kind: 'done' };
    case 'replaced':
      return goOnReplaced(bench, message, outcome.signature, keeper(bench, message));
    case 'rejected':
      return outcome.requeue
        ? { kind: 'replace', message: outcome.instead ?? message }
        : refused(bench, message, outcome.error);
  }
}

/** For whoever sends it again. That it is not kept harms nobody else. */
async function keepMessage(
  { broker, keepFailed, log }: Bench,
  job: RunningJob,
  error: unknown,
): Promise<void> {
  if (keepFailed === 0 || !broker.keepFailed) return;
  const { task, id } = job.message;
  const { queue, text } = job.delivery;
  try {
    const kept = await broker.keepFailed({ id, queue, text, error: textOf(error) }, keepFailed);
    if (!kept)
      log('warn', `${task}[${id}] is too large to be kept, and cannot be sent again from a dashboard`);
  } catch (problem) {
    log('warn', `the message of ${task}[${id}] could not be kept: ${textOf(problem)}`);
  }
}

/** Set aside, and no result kept, as in Celery; but what was to follow it in a canvas is told, and not left waiting. */
async function refused(bench: Bench, message: TaskMessage, error: unknown): Promise<Settlement> {
  if (hasSequel(message)) {
    const settlement = await goOnFailed(bench, message, error, keeper(bench, message));
    if (settlement.kind !== 'done') return settlement;
  }
  return { kind: 'setAside', error: textOf(error) };
}

export function isLate(job: RunningJob): boolean {
  return job.definition.options.ackLate ?? true;
}

export interface Revocation {
  readonly expired?: boolean;
  /** The number of the signal that Celery would have sent. */
  readonly terminated?: number;
}

/** A job that nobody wants any more ends as REVOKED. */
export async function revoke(
  bench: Bench,
  delivery: Delivery,
  message: TaskMessage,
  { expired = false, terminated }: Revocation = {},
): Promise<void> {
  const why = expired ? 'expired' : terminated === undefined ? 'revoked' : 'terminated';
  if (bench.events.tasks)
    bench.events.task('task-revoked', {
      uuid: message.id,
      terminated: terminated !== undefined,
      signum: terminated ?? null,
      expired,
    });
  const settlement = await goOnFailed(bench, message, revokedError(why), keeper(bench, message), 'REVOKED');
  await bench.consumer.settle(delivery, settlement);
}

/** A job of a task that this worker does not have fails, and its message is set aside. */
export async function refuseUnknown(bench: Bench, delivery: Delivery, message: TaskMessage): Promise<void> {
  const why = `no task "${message.task}" in this worker`;
  await failAside(bench, delivery, message, { name: 'NotRegistered', why, told: message.task });
}

/** A job that ended one worker after the other fails as one whose thread ended, so that nobody waits for it for ever. */
export async function refuseWorn(
  bench: Bench,
  delivery: Delivery,
  message: TaskMessage,
  why: string,
): Promise<void> {
  await failAside(bench, delivery, message, { name: 'WorkerLostError', why, told: why });
}

/** An exception of Celery's, and what its argument is there. */
interface Refusal {
  readonly name: string;
  readonly why: string;
  readonly told: string;
}

async function failAside(
  bench: Bench,
  delivery: Delivery,
  message: TaskMessage,
  { name, why, told }: Refusal,
): Promise<void> {
  if (bench.events.tasks) {
    const exception = `${name}(${reprOf(told)})`;
    bench.events.task('task-failed', {
      uuid: message.id,
      name: nameShown(message),
      exception,
      traceback: null,
    });
  }
  const error = Object.assign(new RangeError(why), { name });
  const settlement = await goOnFailed(bench, message, error, keeper(bench, message));
  const aside: Settlement = { kind: 'setAside', error: `${name}: ${why}` };
  await bench.consumer.settle(delivery, settlement.kind === 'done' ? aside : settlement);
}

function keeper(bench: Bench, { replyTo }: TaskMessage): (record: ResultRecord) => Promise<void> {
  return (record) => keep(bench, record, replyTo);
}

/** Named as Celery's exception. */
export function revokedError(why: string): Error {
  return Object.assign(new RangeError(why), { name: 'TaskRevokedError' });
}

export function receivedFields(message: TaskMessage): Fields {
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    uuid: message.id,
    name: nameShown(message),
    args: argsShown(message),
    kwargs: kwargsShown(message),
    root_id: message.rootId,
    parent_id: message.parentId,
    retries: message.retries,
    eta: iso(message.etaMs),
    expires: iso(message.expiresMs),
  };
}

/** A result may have getters that throw, or no end; that is no reason to lose the job. */
function tellSafely(bench: Bench, job: RunningJob, outcome: Outcome): void {
  try {
    tellOutcome(bench, job, outcome);
  } catch (error) {
    bench.log('warn', `${job.message.task}[${job.message.id}] cannot be told of: ${textOf(error)}`);
  }
}

function tellOutcome({ events }: Bench, { message, startedTick }: RunningJob, outcome: Outcome): void {
  const uuid = message.id;
  switch (outcome.kind) {
    case 'success': {
      // Not whole milliseconds: Flower's histogram leaves out a job that took 0.
      const runtime = (performance.now() - startedTick) / 1000;
      events.task('task-succeeded', { uuid, result: reprOf(outcome.result), runtime });
      break;
    }
    case 'failure':
    case 'retry': {
      const { error, kind } = outcome;
      const type = kind === 'retry' ? 'task-retried' : 'task-failed';
      const name = error instanceof Error ? error.name : 'Error';
      const traceback = (error instanceof Error && error.stack) || textOf(error);
      events.task(type, { uuid, exception: `${name}(${reprOf(textOf(error))})`, traceback });
      break;
    }
    case 'rejected':
      events.task('task-rejected', { uuid, requeue: outcome.requeue });
      break;
    case 'ignored':
    case 'replaced':
      break;
  }
}

function wantsResult(bench: Bench, { message, definition }: RunningJob): boolean {
  return !(message.ignoreResult ?? definition.options.ignoreResult ?? bench.ignoreResult);
}

/** Without a result store there is nothing to keep; with one that fails the job is done all the same. */
export async function keep(bench: Bench, record: ResultRecord, replyTo?: string | null): Promise<void> {
  if (!bench.results) return;
  try {
    await (await bench.results()).store(record, replyTo);
  } catch (error) {
    bench.log('warn', `the result of ${record.task_id} could not be kept: ${textOf(error)}`);
  }
}
