/**
 * Folds Celery's events of tasks into minutes: per task name and queue how many came, ended well, failed and were retried,
 * how long they ran, and how long they had waited. What is kept is bounded: names, jobs under way, failures, cells.
 *
 * An event of a worker names no queue. A job's queue is the one that its producer tells (`task-sent`, where the setting
 * task_send_sent_event is on), else the one that its worker takes from; of a worker with several queues nobody knows, and
 * the row carries all their names. Each event is counted by one meter only: that of the queue, or of the first of those names.
 *
 * Times are by the clock of whoever sent the event. A wait, from sent to started, is known only where producers tell.
 * Histograms have cells 5 % wide, so percentiles err upwards by at most that, and parts of any length add up.
 */
import type { Histogram } from '../decide/words.ts';

/** What happened to one task name of one queue within a minute. Parts of the same minute add up. */
export interface TaskPart {
  readonly task: string;
  readonly queue: string;
  /** The minute's begin. */
  readonly at: number;
  readonly received: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly retried: number;
  readonly revoked: number;
  /** Of those that ended, well or not; together `runMsSum`. */
  readonly runMs: Histogram;
  readonly runMsSum: number;
  /** Of those that started and whose producer told when it sent them. */
  readonly waitMs: Histogram;
}

export interface TaskFailure {
  readonly at: number;
  readonly task: string;
  readonly queue: string;
  readonly id: string;
  readonly worker: string;
  /** As Python shows the exception, at most 1,000 characters. */
  readonly error: string;
}

export interface TasksSeen {
  readonly parts: readonly TaskPart[];
  readonly failures: readonly TaskFailure[];
}

export interface TaskEvents {
  /** One event; whatever is none is passed over. */
  hear(event: unknown): void;
  /** Which queues each worker takes from, by its name. */
  tellQueues(queues: ReadonlyMap<string, readonly string[]>): void;
  /** What was folded since the last time. */
  take(): TasksSeen;
  /** Since the first event; absent before it. */
  totals(): { finishedTotal: number; failedTotal: number; busySecondsTotal: number } | undefined;
}

export const otherTasks = '(other)';
const unknownTask = '(unknown)';
const namesMaximum = 200;
const jobsMaximum = 20_000;
const failuresMaximum = 100;
const errorCharsMaximum = 1_000;
const minuteMs = 60_000;

interface Job {
  readonly task?: string;
  readonly queue?: string;
  /** Sent, or due if that is later. */
  readonly waitsSince?: number;
  readonly startedAt?: number;
}

type Fields = Readonly<Record<string, unknown>>;
type Growing = { -readonly [K in keyof TaskPart]: TaskPart[K] } & { run: Cells; wait: Cells };
type Cells = Map<number, number>;

export function createTaskEvents(queue: string): TaskEvents {
  const nameOf = createNames();
  const jobs = new Map<string, Job>();
  let workerQueues: ReadonlyMap<string, readonly string[]> = new Map();
  let parts = new Map<string, Growing>();
  let failures: TaskFailure[] = [];
  let totals: ReturnType<TaskEvents['totals']>;

  const remember = (id: string, job: Job): void => {
    jobs.delete(id);
    jobs.set(id, job);
    const [oldest] = jobs.keys();
    if (jobs.size > jobsMaximum && oldest !== undefined) jobs.delete(oldest);
  };
  /** Undefined: another meter counts it. */
  const queueOf = (job: Job, worker: string): string | undefined => {
    if (job.queue !== undefined) return job.queue === queue ? queue : undefined;
    const takes = workerQueues.get(worker);
    return takes?.[0] === queue ? takes.join(',') : undefined;
  };
  const partOf = (at: number, job: Job, from: string): Growing => {
    const task = nameOf(job.task);
    const minute = Math.floor(at / minuteMs) * minuteMs;
    const key = JSON.stringify([minute, task, from]);
    const part = parts.get(key) ?? blank(task, from, minute);
    parts.set(key, part);
    return part;
  };
  return {
    hear: (event) => {
      const { type, uuid, hostname, timestamp, ...fields } = fieldsOf(event);
      if (typeof type !== 'string' || typeof uuid !== 'string' || typeof timestamp !== 'number') return;
      const at = timestamp * 1_000;
      const worker = String(hostname);
      const before = jobs.get(uuid) ?? {};
      const job = { ...before, ...learned(type, fields, at) };
      // Also of one that ended: what another process of the worker says of it may come later.
      remember(uuid, job);
      const from = queueOf(job, worker);
      if (from === undefined || !Number.isFinite(at)) return;
      if (type === 'task-sent') {
        // Told only after a worker had it already.
        const { startedAt, waitsSince } = before;
        if (startedAt !== undefined && waitsSince === undefined)
          add(partOf(startedAt, job, from).wait, startedAt - (job.waitsSince ?? startedAt));
        return;
      }
      const part = partOf(at, job, from);
      count(part, type, job, fields, at);
      if (type === 'task-succeeded' || type === 'task-failed') {
        totals ??= { finishedTotal: 0, failedTotal: 0, busySecondsTotal: 0 };
        totals.finishedTotal += 1;
        totals.busySecondsTotal += (runMsOf(job, fields, at) ?? 0) / 1_000;
      }
      if (type !== 'task-failed') return;
      if (totals) totals.failedTotal += 1;
      const error = String(fields.exception ?? '').slice(0, errorCharsMaximum);
      failures.push({ at, task: nameOf(job.task), queue: from, id: uuid, worker, error });
      if (failures.length > failuresMaximum) failures.shift();
    },
    tellQueues: (queues) => {
      workerQueues = queues;
    },
    take: () => {
      const seen = { parts: [...parts.values()].map(finished), failures };
      parts = new Map();
      failures = [];
      return seen;
    },
    totals: () => totals && { ...totals },
  };
}

/** The first names as they are, later ones together. */
function createNames(): (task: string | undefined) => string {
  const names = new Set<string>();
  return (task) => {
    if (task === undefined) return unknownTask;
    if (names.size < namesMaximum) names.add(task);
    return names.has(task) ? task : otherTasks;
  };
}

/** What an event says of its job. */
function learned(type: string, fields: Fields, at: number): Job {
  const task = typeof fields.name === 'string' ? { task: fields.name.slice(0, 200) } : {};
  if (type === 'task-sent') {
    const due = typeof fields.eta === 'string' ? Date.parse(fields.eta) : Number.NaN;
    const queue = typeof fields.queue === 'string' ? { queue: fields.queue } : {};
    return { ...task, ...queue, waitsSince: Number.isNaN(due) ? at : Math.max(at, due) };
  }
  return type === 'task-started' ? { ...task, startedAt: at } : task;
}

function count(part: Growing, type: string, job: Job, fields: Fields, at: number): void {
  if (type === 'task-received') part.received += 1;
  if (type === 'task-retried') part.retried += 1;
  if (type === 'task-revoked') part.revoked += 1;
  if (type === 'task-succeeded') part.succeeded += 1;
  if (type === 'task-failed') part.failed += 1;
  if (type === 'task-started' && job.waitsSince !== undefined) add(part.wait, at - job.waitsSince);
  if (type !== 'task-succeeded' && type !== 'task-failed') return;
  const ms = runMsOf(job, fields, at);
  if (ms === undefined) return;
  part.runMsSum += ms;
  add(part.run, ms);
}

/** Success tells it; of a failure it is the time between two events. */
function runMsOf({ startedAt }: Job, { runtime }: Fields, at: number): number | undefined {
  if (typeof runtime === 'number' && Number.isFinite(runtime)) return Math.max(0, runtime * 1_000);
  return startedAt === undefined ? undefined : Math.max(0, at - startedAt);
}

const leastMs = 0.1;
const step = Math.log(1.05);

/** The cell's upper bound. */
function add(cells: Cells, ms: number): void {
  const place = Math.max(0, Math.ceil(Math.log(Math.max(ms, leastMs) / leastMs) / step - 1e-9));
  const bound = Number((leastMs * Math.exp(place * step)).toPrecision(5));
  cells.set(bound, (cells.get(bound) ?? 0) + 1);
}

function blank(task: string, queue: string, at: number): Growing {
  const counts = { received: 0, succeeded: 0, failed: 0, retried: 0, revoked: 0 };
  return { task, queue, at, ...counts, runMs: [], runMsSum: 0, waitMs: [], run: new Map(), wait: new Map() };
}

function finished({ run, wait, ...part }: Growing): TaskPart {
  return { ...part, runMs: sorted(run), waitMs: sorted(wait) };
}

function sorted(cells: Cells): Histogram {
  return [...cells].sort(([a], [b]) => a - b);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
