/**
 * The numbers of one queue in the tables of @headcount/tasks (tasks/sqlite/schema.ts), exactly and in about a
 * millisecond or less: what would be dear to count stands in the file already, kept in step with the rows by the transactions
 * that change them. So 300,000 waiting jobs cost the same few index steps as three; counting the rows was rejected. Only
 * ages are read row by row, and only while few thousand wait.
 *
 * Waiting is what could start now and has not: ready rows, delayed ones that are due, what live workers took beyond
 * their free slots, and all that dead workers held. Whether a worker lives is judged as the broker does: by its process
 * where it runs on this host, by its sign of life elsewhere.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type Libsql from 'libsql';
import type { Groups, JobsReading } from '../decide/words.ts';

interface QueueRow {
  readonly ready: number;
  readonly later: number;
  readonly started_total: number;
  readonly finished_total: number;
  readonly busy_seconds_total: number;
}

export interface ConsumerRow {
  readonly id: number;
  readonly pid: number;
  readonly host: string;
  readonly born: string;
  readonly seen: number;
  readonly slots: number;
  readonly running: number;
  readonly reserved: number;
  readonly since: number | null;
}

interface Jobs {
  readonly jobs: number;
  readonly since: number | null;
}

/** One snapshot: all reads in one transaction, which in WAL mode waits for nobody. */
export function jobsInFile(db: Libsql.Database, queue: string, at: number): JobsReading {
  db.exec('BEGIN');
  try {
    return readingOf(db, queue, at);
  } finally {
    db.exec('COMMIT');
  }
}

function readingOf(db: Libsql.Database, queue: string, at: number): JobsReading {
  const row = db.prepare('SELECT * FROM queues WHERE queue = ?').get(queue) as QueueRow | undefined;
  const due = db
    .prepare(
      'SELECT count(*) AS jobs, min(due) AS since FROM jobs WHERE queue = ? AND state = 1 AND due <= ?',
    )
    .get(queue, at) as Jobs;
  const consumers = db
    .prepare('SELECT *, reserved_since AS since FROM consumers WHERE queue = ?')
    .all(queue) as ConsumerRow[];
  const live = consumers.filter((consumer) => lives(consumer, at));
  const held = db.prepare(
    'SELECT count(*) AS jobs, min(due) AS since FROM jobs WHERE consumer = ? AND queue = ? AND state = 2',
  );
  const lost = consumers
    .filter((consumer) => !live.includes(consumer))
    .map((consumer) => held.get(consumer.id, queue) as Jobs);
  const since = [oldestReady(db, queue), due.since, ...[...live, ...lost].map((one) => one.since)];
  const oldest = since.reduce<number>((least, one) => Math.min(least, one ?? least), Infinity);
  const begun = live.reduce((sum, consumer) => sum + begunSinceReport(consumer), 0);
  const counted = { ready: row?.ready ?? 0, due, live, lost };
  const ages = agesOf(db, queue, at, counted, oldest < Infinity ? at - oldest : 0);
  return {
    kind: 'jobs',
    queue,
    at,
    waiting: (row?.ready ?? 0) + due.jobs + total(live, 'reserved') - begun + total(lost, 'jobs'),
    running: total(live, 'running') + begun,
    later: (row?.later ?? 0) - due.jobs,
    oldestSeconds: oldest < Infinity ? Math.max(0, at - oldest) / 1000 : 0,
    ...(ages && { ages }),
    slots: total(live, 'slots'),
    startedTotal: (row?.started_total ?? 0) + begun,
    finishedTotal: row?.finished_total ?? 0,
    busySecondsTotal: row?.busy_seconds_total ?? 0,
  };
}

/**
 * A worker reports between two jobs, when its event loop is free, so one that works all the time would always be seen
 * with none running. What it has reserved it starts at once where a slot is free.
 */
function begunSinceReport({ slots, running, reserved }: ConsumerRow): number {
  return Math.max(0, Math.min(reserved, slots - running));
}

/** More rows than these are not read: a checkup infers the ages of a long queue from its counts. */
const mostAged = 5_000;
const mostGroups = 60;

interface Counted {
  readonly ready: number;
  readonly due: Jobs;
  readonly live: readonly ConsumerRow[];
  readonly lost: readonly Jobs[];
}

/**
 * The waiting jobs by age. What a worker took and has not started is as old as the oldest of it; there are few of those. Absent
 * where there are too many to read.
 */
function agesOf(
  db: Libsql.Database,
  queue: string,
  at: number,
  { ready, due, live, lost }: Counted,
  oldestMs: number,
): Groups | undefined {
  if (ready > mostAged || due.jobs > mostAged) return undefined;
  const widthMs = Math.max(250, oldestMs / mostGroups);
  const rows = db
    .prepare(
      `SELECT max(?1 - due) AS age, count(*) AS jobs FROM (
        SELECT due FROM jobs WHERE queue = ?2 AND state = 0
        UNION ALL SELECT due FROM jobs WHERE queue = ?2 AND state = 1 AND due <= ?1
      ) GROUP BY CAST((?1 - due) / ?3 AS INTEGER)`,
    )
    .all(at, queue, widthMs) as { age: number; jobs: number }[];
  const held = [
    ...live.map((consumer) => ({
      jobs: consumer.reserved - begunSinceReport(consumer),
      since: consumer.since,
    })),
    ...lost,
  ];
  const groups = [...rows, ...held.map(({ jobs, since }) => ({ jobs, age: at - (since ?? at) }))]
    .filter(({ jobs }) => jobs > 0)
    .sort((a, b) => b.age - a.age)
    .map(({ age, jobs }) => [Math.max(0, age) / 1000, jobs] as const);
  // Of many workers each holds some: the youngest then are one group.
  const [first, ...others] = groups.splice(63);
  return first ? [...groups, [first[0], others.reduce((sum, [, jobs]) => sum + jobs, first[1])]] : groups;
}

/** The first entry of each priority in the index of ready jobs. */
function oldestReady(db: Libsql.Database, queue: string): number | null {
  const first = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(
    (priority) =>
      `SELECT min(due) AS since FROM jobs WHERE queue = ?1 AND state = 0 AND priority = ${priority}`,
  );
  const row = db.prepare(`SELECT min(since) AS since FROM (${first.join(' UNION ALL ')})`).get(queue);
  return (row as { since: number | null }).since;
}

function total<K extends string>(rows: readonly Readonly<Record<K, number>>[], key: K): number {
  return rows.reduce((sum, row) => sum + row[key], 0);
}

/** The same rules as the broker's own (tasks/sqlite/liveness.ts), which this folder may not import. */
export function lives({ pid, host, born, seen }: ConsumerRow, at: number): boolean {
  if (host !== thisHost()) return at - seen <= 30_000;
  const [state, birth] = processStat(pid);
  return state !== 'gone' && state !== 'Z' && birth === born && at - seen <= 300_000;
}

function processStat(pid: number): readonly [state: string, birth: string] {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return ['gone', ''];
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [fields[0] ?? '', fields[19] ?? ''];
  } catch {
    return ['', ''];
  }
}

function thisHost(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
