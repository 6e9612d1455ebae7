/**
 * What a worker does with the jobs it holds: reserve, start in free slots, record what became of them, settle. The loop
 * that fetches them is worker.ts. A job that cannot be worked on (broken, unknown, expired) is dealt with at once and
 * takes no slot; nothing a message or a handler does reaches the loop as an exception.
 */

import type { Broker, Consumer, Delivery, Log, QueueLoad, Settlement } from './broker.ts';
import type { BusyReport } from './busy.ts';
import { textOf } from './errors.ts';
import type { TaskMessage } from './message.ts';
import type { Pace } from './pace.ts';
import { failed, type ResultRecord, type Results, succeeded } from './results.ts';
import type { Definition } from './task.ts';
import { attempt, type LazyAbort, lazyAbort, type Outcome, retryOf } from './work.ts';

export interface Bench {
  readonly slots: number;
  readonly tasks: ReadonlyMap<string, Definition>;
  readonly broker: Broker;
  readonly consumer: Consumer;
  readonly results: (() => Promise<Results>) | undefined;
  /** The app's setting, for messages and tasks that do not say. */
  readonly ignoreResult: boolean;
  readonly pace: Pace;
  readonly busy: BusyReport;
  readonly loads: Loads;
  readonly log: Log;
  readonly random: () => number;
  /** Taken and not started; first in, first out. */
  readonly reserved: Delivery[];
  readonly running: Set<RunningJob>;
  /** Handler is through, its outcome is on the way to the broker or the result store. */
  finishing: number;
  /** True from the moment it stops: nothing new is started. */
  stopping: boolean;
  /** Called after every change. */
  changed: () => void;
  scheduled: boolean;
}

export interface RunningJob {
  readonly delivery: Delivery;
  readonly message: TaskMessage;
  readonly definition: Definition;
  readonly stop: LazyAbort;
  readonly startedMs: number;
  /** Given back to the broker: what its handler still does has no effect. */
  abandoned: boolean;
}

export type Loads = Map<string, { -readonly [K in keyof QueueLoad]: QueueLoad[K] }>;

/** Outcomes on their way at once, beyond which no new job is started: an outage must not fill the memory. */
const mostFinishing = 1_000;

export function emptyLoads(queues: readonly string[]): Loads {
  return new Map(
    queues.map((queue) => [
      queue,
      { queue, slots: 0, running: 0, reserved: 0, startedTotal: 0, finishedTotal: 0, busySecondsTotal: 0 },
    ]),
  );
}

/**
 * What the broker is told at every exchange. Copies, because it compares with the last one.
 *
 * @param slots undefined when the worker stops
 */
export function loadOf(loads: Loads, reserved: readonly Delivery[], slots: number | undefined): QueueLoad[] {
  return [...loads.values()].map((load) => {
    const mine = reserved.filter((delivery) => delivery.queue === load.queue);
    const since = mine.reduce((least, { sinceMs }) => Math.min(least, sinceMs ?? Infinity), Infinity);
    return {
      ...load,
      slots: slots ?? load.running,
      reserved: mine.length,
      ...(since < Infinity ? { reservedSinceMs: since } : {}),
    };
  });
}

/** Starts reserved jobs soon: from the event loop and not from the job before, so that signals and timers get through. */
export function schedule(bench: Bench): void {
  if (bench.scheduled) return;
  bench.scheduled = true;
  setImmediate(() => {
    bench.scheduled = false;
    startSome(bench);
    bench.changed();
  });
}

function startSome(bench: Bench): void {
  while (!bench.stopping && bench.running.size < bench.slots && bench.finishing < mostFinishing) {
    const delivery = bench.reserved.shift();
    if (!delivery) return;
    receive(bench, delivery);
  }
}

function receive(bench: Bench, delivery: Delivery): void {
  const { message: decoded } = delivery;
  if (!decoded.ok) {
    setAside(bench, delivery, `${decoded.error.code}: ${decoded.error.text}`);
    return;
  }
  const message = decoded.value;
  const definition = bench.tasks.get(message.task);
  if (!definition) {
    const error = Object.assign(new RangeError(`no task "${message.task}" in this worker`), {
      name: 'NotRegistered',
    });
    setAside(bench, delivery, `NotRegistered: ${error.message}`);
    finish(bench, () => keep(bench, failed(message.id, 'FAILURE', error, Date.now())));
  } else if (message.expiresMs !== null && message.expiresMs <= Date.now()) {
    const expired = Object.assign(new RangeError('expired'), { name: 'TaskRevokedError' });
    finish(bench, async () => {
      await keep(bench, failed(message.id, 'REVOKED', expired, Date.now()));
      await bench.consumer.settle(delivery, { kind: 'done' });
    });
  } else {
    start(bench, delivery, message, definition);
  }
}

function setAside(bench: Bench, delivery: Delivery, error: string): void {
  bench.log('error', `set a message of queue "${delivery.queue}" aside: ${error}`);
  finish(bench, () => bench.consumer.settle(delivery, { kind: 'setAside', error }));
}

function start(bench: Bench, delivery: Delivery, message: TaskMessage, definition: Definition): void {
  const startedMs = Date.now();
  const stop = lazyAbort();
  const job: RunningJob = { delivery, message, definition, stop, startedMs, abandoned: false };
  bench.running.add(job);
  bench.pace.started(startedMs);
  bench.busy.update(bench.running.size);
  const load = bench.loads.get(delivery.queue);
  if (load) {
    load.running++;
    load.startedTotal++;
  }
  if (!isLate(job)) void bench.consumer.settle(delivery, { kind: 'done' });
  void attempt({ definition, message, delivery, stop, random: bench.random }).then((outcome) => {
    free(bench, job);
    if (!job.abandoned) finish(bench, () => conclude(bench, job, outcome));
    schedule(bench);
  });
}

/** A slot is free again; an abandoned job counts as started and not as finished. */
export function free(bench: Bench, job: RunningJob): void {
  if (!bench.running.delete(job)) return;
  const load = bench.loads.get(job.delivery.queue);
  if (load) {
    load.running--;
    load.finishedTotal += job.abandoned ? 0 : 1;
    load.busySecondsTotal += job.abandoned ? 0 : (Date.now() - job.startedMs) / 1000;
  }
  bench.busy.update(bench.running.size);
}

export function isLate(job: RunningJob): boolean {
  return job.definition.options.ackLate ?? true;
}

/** Counts an outcome on its way, and wakes who waits for the last one. */
function finish(bench: Bench, work: () => Promise<void>): void {
  bench.finishing++;
  void work()
    .catch((error: unknown) => bench.log('error', `an outcome was lost: ${textOf(error)}`))
    .finally(() => {
      bench.finishing--;
      if (bench.finishing === mostFinishing - 1) schedule(bench);
      bench.changed();
    });
}

/** Record first, then settle: a result may come twice, never not at all. */
async function conclude(bench: Bench, job: RunningJob, outcome: Outcome): Promise<void> {
  const { message, delivery } = job;
  const now = Date.now();
  let settlement: Settlement = { kind: 'done' };
  if (outcome.kind === 'retry') {
    const next = retryOf(message, outcome.delayMs, now);
    settlement = { kind: 'replace', message: next };
    if (wantsResult(bench, job)) await keep(bench, failed(message.id, 'RETRY', outcome.error, now));
    if (!isLate(job)) await bench.broker.publish(delivery.queue, [next]);
  } else if (outcome.kind === 'failure') {
    bench.log('error', `${message.task}[${message.id}] failed: ${textOf(outcome.error)}`);
    await keep(bench, failed(message.id, 'FAILURE', outcome.error, now));
  } else if (wantsResult(bench, job)) {
    await keep(bench, succeeded(message.id, outcome.result, now));
  }
  if (isLate(job)) await bench.consumer.settle(delivery, settlement);
}

function wantsResult(bench: Bench, { message, definition }: RunningJob): boolean {
  return !(message.ignoreResult ?? definition.options.ignoreResult ?? bench.ignoreResult);
}

/** Without a result store there is nothing to keep; with one that fails the job is done all the same. */
async function keep(bench: Bench, record: ResultRecord): Promise<void> {
  if (!bench.results) return;
  try {
    await (await bench.results()).store(record);
  } catch (error) {
    bench.log('warn', `the result of ${record.task_id} could not be kept: ${textOf(error)}`);
  }
}
