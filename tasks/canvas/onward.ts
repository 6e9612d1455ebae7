/**
 * A worker's job and what follows it: how the job is settled when all of that is on its way. While the broker or the result
 * store is away it tries again, for about a minute; then the job goes back to its queue, to be done once more where
 * things work. (To acknowledge it and lose what follows was the other way; a chain would end in silence.)
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Settlement } from '../broker.ts';
import { TasksError, textOf } from '../errors.ts';
import type { TaskMessage } from '../message.ts';
import { failed, type ResultRecord, succeeded } from '../results.ts';
import type { Bench, RunningJob } from '../workbench.ts';
import { carryOut, type Home } from './carry.ts';
import type { Sig } from './data.ts';
import type { Failing } from './fail.ts';
import type { Plan } from './plan.ts';
import { inPlaceOf } from './replace.ts';
import { afterFailure, afterSuccess, inContext, type Sequel, sequelOf } from './sequel.ts';

/** Keeps a record of a job; never rejects. */
export type Keep = (record: ResultRecord) => Promise<void>;

const mostAttempts = 12;
const firstPauseMs = 100;
const longestPauseMs = 10_000;

/** @param keep absent when the result is ignored; the chord gets it all the same */
export async function goOn(
  bench: Bench,
  job: RunningJob,
  result: unknown,
  late: boolean,
  keep: { readonly success: Keep | undefined; readonly other: Keep },
): Promise<Settlement> {
  const { message, delivery } = job;
  const value = result ?? null;
  const failing = failingOf(bench, keep.other);
  let sequel: Sequel | undefined;
  let invalid: unknown;
  const done = await persist(bench, message, async () => {
    try {
      sequel ??= await sequelOf(failing.home, message, value);
    } catch (error) {
      if (isOutage(error)) throw error;
      invalid = error;
      return;
    }
    const { children, ...plan } = sequel;
    const record = inContext(succeeded(message.id, value, Date.now()), message, children);
    const only = late ? onlyNext(plan, delivery.queue) : undefined;
    if (!only) await carryOut(failing.home, plan);
    await keep.success?.(record);
    await afterSuccess(failing, message, record);
  });
  if (invalid !== undefined) return goOnFailed(bench, job.message, invalid, keep.other);
  if (!done || !sequel) return { kind: 'putBack', started: true };
  const next = late ? onlyNext(sequel, delivery.queue) : undefined;
  return next ? { kind: 'replace', message: next } : { kind: 'done' };
}

/** What can be sent in the step that acknowledges the job: one message, to its own queue, due now. */
function onlyNext({ sent, sizes, saved }: Omit<Sequel, 'children'>, queue: string): TaskMessage | undefined {
  const [one, ...more] = sent;
  if (!one || more.length > 0 || sizes.length > 0 || saved.length > 0) return undefined;
  return one.queue === queue && one.message.etaMs === null ? one.message : undefined;
}

export async function goOnFailed(
  bench: Bench,
  message: TaskMessage,
  error: unknown,
  keep: Keep,
  status: 'FAILURE' | 'REVOKED' = 'FAILURE',
): Promise<Settlement> {
  const failing = failingOf(bench, keep);
  const record = inContext(failed(message.id, status, error, Date.now()), message, []);
  await keep(record);
  const done = await persist(bench, message, () => afterFailure(failing, message, record, error));
  return done ? { kind: 'done' } : { kind: 'putBack', started: true };
}

/** The job's own message is acknowledged when the one in its place is sent. */
export async function goOnReplaced(
  bench: Bench,
  message: TaskMessage,
  signature: Sig,
  keep: Keep,
): Promise<Settlement> {
  const home = homeOf(bench);
  let plan: Plan | undefined;
  let invalid: unknown;
  const done = await persist(bench, message, async () => {
    try {
      plan ??= await inPlaceOf(home, message, signature);
    } catch (error) {
      if (isOutage(error)) throw error;
      invalid = error;
      return;
    }
    await carryOut(home, plan);
  });
  if (invalid !== undefined) return goOnFailed(bench, message, invalid, keep);
  return done ? { kind: 'done' } : { kind: 'putBack', started: true };
}

function failingOf(bench: Bench, keep: Keep): Failing {
  return { home: homeOf(bench), log: bench.log, keep };
}

export function homeOf({ broker, results, tasks, route, ignoreResult }: Bench): Home {
  return { broker: async () => broker, results, tasks, route, ignoreResult };
}

/** False when it gave up. */
async function persist(
  { log }: Bench,
  { task, id }: TaskMessage,
  work: () => Promise<void>,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return true;
    } catch (error) {
      if (attempt === 1) log('warn', `what follows ${task}[${id}] cannot be sent yet: ${textOf(error)}`);
      if (attempt < mostAttempts && isOutage(error)) {
        await pause(Math.min(longestPauseMs, firstPauseMs * 2 ** attempt), undefined, { ref: false });
        continue;
      }
      log('error', `what follows ${task}[${id}] could not be sent: ${textOf(error)}`);
      return !isOutage(error);
    }
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof TasksError && (error.code === 'BROKER_UNREACHABLE' || error.code === 'BROKER_BUSY');
}
