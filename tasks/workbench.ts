/**
 * What a worker does with the jobs it holds: reserve, start in free slots, record what became of them, settle. The loop
 * that fetches them is worker.ts. A job that cannot be worked on (broken, unknown, expired) is dealt with at once and
 * takes no slot; nothing a message or a handler does reaches the loop as an exception.
 */

import type { Broker, Consumer, Delivery, Log, QueueLoad } from './broker.ts';
import type { BusyReport } from './busy.ts';
import { conclude, isLate, refuseUnknown, refuseWorn, revoke } from './conclude.ts';
import { type Controls, isRevoked, limitsOf } from './controls.ts';
import { textOf } from './errors.ts';
import type { TaskMessage } from './message.ts';
import type { Pace } from './pace.ts';
import type { Events } from './remote/events.ts';
import { came, tellReceived } from './remote/received.ts';
import type { Hold } from './reserve.ts';
import type { Results } from './results.ts';
import type { Router } from './routes.ts';
import type { Definition } from './task.ts';
import type { ThreadPool } from './threads/pool.ts';
import { longestTimerMs } from './timer.ts';
import { type Attempt, attempt, type LazyAbort, lazyAbort, type Outcome } from './work.ts';

export interface Bench {
  /** Jobs at a time; remote control changes it. */
  slots: number;
  /** What it takes from now; remote control changes it. */
  queues: readonly string[];
  /** Jobs that it may still start before it has to make room for a fresh process. */
  remaining: number;
  /** Started since the worker did, by the name of the task. */
  readonly totals: Map<string, number>;
  readonly controls: Controls;
  readonly events: Events;
  readonly tasks: ReadonlyMap<string, Definition>;
  readonly broker: Broker;
  readonly consumer: Consumer;
  readonly results: (() => Promise<Results>) | undefined;
  /** The app's setting, for messages and tasks that do not say. */
  readonly ignoreResult: boolean;
  /** Of how many jobs that failed for good the broker keeps the messages. */
  readonly keepFailed: number;
  /** The app's: where tasks go that follow a job, and whose queue nobody says. */
  readonly route: Router;
  readonly pace: Pace;
  /** Absent: handlers run in this thread. */
  readonly pool: ThreadPool | undefined;
  readonly busy: BusyReport;
  readonly loads: Loads;
  readonly log: Log;
  readonly random: () => number;
  /** Taken and not started; first in, first out. */
  readonly reserved: Delivery[];
  readonly running: Set<RunningJob>;
  /** Of those that run, how many are of early ack and thus the broker's no more. */
  acknowledged: number;
  /** Handler is through, its outcome is on the way to the broker or the result store. */
  finishing: number;
  /** True from the moment it stops: nothing new is started. */
  stopping: boolean;
  /** Called after every change. */
  changed: () => void;
  scheduled: boolean;
  /** Stops the worker, warm: it has done what a process of it may do. */
  retire: (why: string) => void;
  /** Wakes it when a rate limit lets the next job start. */
  rateTimer: NodeJS.Timeout | undefined;
}

export interface RunningJob {
  readonly delivery: Delivery;
  readonly message: TaskMessage;
  readonly definition: Definition;
  readonly stop: LazyAbort;
  readonly startedMs: number;
  /** The same on the clock of `performance.now()`. */
  readonly startedTick: number;
  /** Given back to the broker: what its handler still does has no effect. */
  abandoned: boolean;
  /** Ends its thread; absent where it has none of its own. */
  kill?: () => void;
}

export type Loads = Map<string, { -readonly [K in keyof QueueLoad]: QueueLoad[K] }>;

/**
 * Outcomes on their way at once, beyond which no new job is started: an outage must not fill the memory. RabbitMQ tells
 * some 20 ms later that it has them, in which a quick worker ends several hundred jobs.
 */
const mostFinishing = 4_000;

export function emptyLoads(queues: readonly string[]): Loads {
  return new Map(queues.map((queue) => [queue, emptyLoad(queue)]));
}

export function emptyLoad(queue: string): QueueLoad {
  return { queue, slots: 0, running: 0, reserved: 0, startedTotal: 0, finishedTotal: 0, busySecondsTotal: 0 };
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

export function holdOf(bench: Bench): Hold {
  const { slots, running, acknowledged, finishing, reserved, pace } = bench;
  const ahead = pace.reserve(performance.now());
  return { slots, running: running.size, acknowledged, finishing, reserved: reserved.length, ahead };
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

/** What was taken joins the reserve; what nobody wants any more is dealt with at once. */
export function reserve(bench: Bench, deliveries: readonly Delivery[]): void {
  for (const delivery of deliveries) {
    const message = delivery.message.ok ? delivery.message.value : undefined;
    if (delivery.worn !== undefined) {
      setWornAside(bench, delivery, delivery.worn);
      continue;
    }
    if (!bench.queues.includes(delivery.queue)) {
      // Taken while its queue was given up.
      void bench.consumer.settle(delivery, { kind: 'putBack', started: false });
      continue;
    }
    if (bench.events.tasks) came(bench, delivery);
    if (message && isRevoked(bench.controls, message)) {
      tellReceived(bench, delivery);
      finish(bench, () => revoke(bench, delivery, message), delivery);
    } else bench.reserved.push(delivery);
  }
  if (deliveries.length > 0) schedule(bench);
}

/** Takes out of the reserve what `leaves` says. */
export function withdraw(bench: Bench, leaves: (delivery: Delivery) => boolean): Delivery[] {
  const out = bench.reserved.filter(leaves);
  if (out.length > 0)
    bench.reserved.splice(0, Infinity, ...bench.reserved.filter((one) => !out.includes(one)));
  return out;
}

function startSome(bench: Bench): void {
  while (!bench.stopping && bench.running.size < bench.slots && bench.finishing < mostFinishing) {
    if (bench.remaining <= 0) {
      bench.retire('it has started as many jobs as a process of it may');
      return;
    }
    const delivery = bench.controls.rates.size === 0 ? bench.reserved.shift() : nextInTime(bench);
    if (!delivery) return;
    receive(bench, delivery);
  }
}

/** The first whose task has no rate limit that stands against it. */
function nextInTime(bench: Bench): Delivery | undefined {
  // Not the time of day: a clock that is set back would hold everything for that long.
  const now = performance.now();
  let soonest = Infinity;
  const index = bench.reserved.findIndex(({ message }) => {
    const rate = message.ok ? bench.controls.rates.get(message.value.task) : undefined;
    const ready = rate?.gate.readyMs(now) ?? 0;
    if (ready > now) soonest = Math.min(soonest, ready);
    return ready <= now;
  });
  if (index >= 0) return bench.reserved.splice(index, 1)[0];
  clearTimeout(bench.rateTimer);
  if (soonest < Infinity)
    bench.rateTimer = setTimeout(() => schedule(bench), Math.min(soonest - now + 1, longestTimerMs));
  return undefined;
}

function receive(bench: Bench, delivery: Delivery): void {
  if (bench.events.tasks) tellReceived(bench, delivery);
  const { message: decoded } = delivery;
  if (!decoded.ok) {
    setAside(bench, delivery, `${decoded.error.code}: ${decoded.error.text}`);
    return;
  }
  const message = decoded.value;
  const definition = bench.tasks.get(message.task);
  if (isRevoked(bench.controls, message)) {
    finish(bench, () => revoke(bench, delivery, message), delivery);
  } else if (!definition) {
    tellRefusal(bench, delivery, `NotRegistered: no task "${message.task}" in this worker`);
    finish(bench, () => refuseUnknown(bench, delivery, message), delivery);
  } else if (message.expiresMs !== null && message.expiresMs <= Date.now()) {
    finish(bench, () => revoke(bench, delivery, message, { expired: true }), delivery);
  } else {
    start(bench, delivery, message, definition);
  }
}

function setAside(bench: Bench, delivery: Delivery, error: string): void {
  tellRefusal(bench, delivery, error);
  finish(bench, () => bench.consumer.settle(delivery, { kind: 'setAside', error }));
}

/** Whatever its queue is: the dead worker may have had others than this one. */
function setWornAside(bench: Bench, delivery: Delivery, why: string): void {
  const { message } = delivery;
  if (!message.ok) setAside(bench, delivery, why);
  else {
    tellRefusal(bench, delivery, `${message.value.task}[${message.value.id}] ${why}`);
    finish(bench, () => refuseWorn(bench, delivery, message.value, why), delivery);
  }
}

function tellRefusal(bench: Bench, delivery: Delivery, error: string): void {
  bench.log('error', `set a message of queue "${delivery.queue}" aside: ${error}`);
}

function start(bench: Bench, delivery: Delivery, message: TaskMessage, definition: Definition): void {
  const startedMs = Date.now();
  const stop = lazyAbort();
  const startedTick = performance.now();
  const job: RunningJob = { delivery, message, definition, stop, startedMs, startedTick, abandoned: false };
  bench.running.add(job);
  bench.pace.started(startedTick);
  bench.busy.update(bench.running.size);
  bench.remaining--;
  bench.totals.set(message.task, (bench.totals.get(message.task) ?? 0) + 1);
  if (bench.controls.rates.size > 0) bench.controls.rates.get(message.task)?.gate.started(startedTick);
  if (bench.events.tasks) bench.events.task('task-started', { uuid: message.id });
  const load = bench.loads.get(delivery.queue);
  if (load) {
    load.running++;
    load.startedTotal++;
  }
  if (!isLate(job)) {
    bench.acknowledged++;
    void bench.consumer.settle(delivery, { kind: 'done' });
  }
  const limits = limitsOf(bench.controls, message, definition);
  const work = { definition, message, delivery, stop, limits, random: bench.random };
  void perform(bench, job, work).then((outcome) => {
    free(bench, job);
    if (!job.abandoned) finish(bench, () => conclude(bench, job, outcome), delivery);
    schedule(bench);
  });
}

function perform({ pool }: Bench, job: RunningJob, work: Attempt): Promise<Outcome> {
  if (!pool?.has(work.message.task)) return attempt(work);
  const { outcome, kill } = pool.run(work);
  job.kill = kill;
  return outcome;
}

/** A slot is free again; an abandoned job counts as started and not as finished. */
export function free(bench: Bench, job: RunningJob): void {
  if (!bench.running.delete(job)) return;
  if (!isLate(job)) bench.acknowledged--;
  const load = bench.loads.get(job.delivery.queue);
  if (load) {
    load.running--;
    load.finishedTotal += job.abandoned ? 0 : 1;
    load.busySecondsTotal += job.abandoned ? 0 : (Date.now() - job.startedMs) / 1000;
  }
  bench.busy.update(bench.running.size);
}

/**
 * Counts an outcome on its way, and wakes who waits for the last one.
 *
 * @param delivery is set aside when `work` fails: else this worker would keep it from everybody for as long as it lives
 */
export function finish(bench: Bench, work: () => Promise<void>, delivery?: Delivery): void {
  bench.finishing++;
  void finishing(bench, work, delivery);
}

/** Where that fails too, the job comes back when the lease of this worker ends. */
async function setLostAside(bench: Bench, delivery: Delivery, error: string): Promise<void> {
  try {
    await bench.consumer.settle(delivery, { kind: 'setAside', error });
  } catch (problem) {
    bench.log('error', `a job whose outcome was lost cannot be set aside: ${textOf(problem)}`);
  }
}

/** One promise for each job, where `catch` and `finally` would make five. */
async function finishing(bench: Bench, work: () => Promise<void>, delivery?: Delivery): Promise<void> {
  try {
    await work();
  } catch (error) {
    bench.log('error', `an outcome was lost: ${textOf(error)}`);
    const why = `its outcome was lost: ${textOf(error)}`;
    if (delivery) await setLostAside(bench, delivery, why);
  }
  bench.finishing--;
  if (bench.finishing === mostFinishing - 1) schedule(bench);
  bench.changed();
}
