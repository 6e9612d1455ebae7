/** How much work a queue holds, in one snapshot and a few index steps: what would be dear to count stands in `queues`. */
import type { Depth } from '../broker.ts';
import type { Database, Statement } from './file.ts';
import { isDead, type Owner } from './liveness.ts';

interface ConsumerRow extends Owner {
  readonly id: number;
  readonly slots: number;
  readonly running: number;
  readonly reserved: number;
  readonly reserved_since: number | null;
}

/** Answers with zeros for a queue that nothing was published to yet. */
export function depthReader(db: Database): (queue: string, nowMs: number) => Depth {
  const sql = {
    queue: db.prepare('SELECT ready, later FROM queues WHERE queue = ?') as Statement,
    due: db.prepare(`SELECT count(*) AS jobs, min(due) AS since FROM jobs
      WHERE queue = ? AND state = 1 AND due <= ?`) as Statement,
    oldest: db.prepare(
      `SELECT min(since) AS since FROM (${priorities.map(oldestOfPriority).join(' UNION ALL ')})`,
    ) as Statement,
    consumers: db.prepare(`SELECT id, pid, host, born, seen, slots, running, reserved, reserved_since
      FROM consumers WHERE queue = ?`) as Statement,
    held: db.prepare(`SELECT count(*) AS jobs, min(due) AS since FROM jobs
      WHERE consumer = ? AND queue = ? AND state = 2`) as Statement,
  };
  return (queue, nowMs) => {
    db.exec('BEGIN');
    try {
      return read(sql, queue, nowMs);
    } finally {
      db.exec('COMMIT');
    }
  };
}

const priorities = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

function oldestOfPriority(priority: number): string {
  return `SELECT min(due) AS since FROM jobs WHERE queue = ?1 AND state = 0 AND priority = ${priority}`;
}

interface Counted {
  readonly jobs: number;
  readonly since: number | null;
}

function read(
  sql: Readonly<Record<'queue' | 'due' | 'oldest' | 'consumers' | 'held', Statement>>,
  queue: string,
  nowMs: number,
): Depth {
  const counted = sql.queue.get(queue) as { ready: number; later: number } | undefined;
  const due = sql.due.get(queue, nowMs) as Counted;
  const oldest = sql.oldest.get(queue) as Counted;
  const consumers = sql.consumers.all(queue) as ConsumerRow[];
  const live = consumers.filter((consumer) => !isDead(consumer, nowMs));
  const lost = consumers
    .filter((consumer) => !live.includes(consumer))
    .map((consumer) => sql.held.get(consumer.id, queue) as Counted);
  const since = [
    due.since,
    oldest.since,
    ...live.map((one) => one.reserved_since),
    ...lost.map((one) => one.since),
  ];
  const oldestSince = since.reduce<number>((least, one) => Math.min(least, one ?? least), Infinity);
  return {
    waiting: (counted?.ready ?? 0) + due.jobs + sum(live, 'reserved') + sum(lost, 'jobs'),
    running: sum(live, 'running'),
    later: (counted?.later ?? 0) - due.jobs,
    ...(oldestSince < Infinity ? { oldestSeconds: Math.max(0, nowMs - oldestSince) / 1000 } : {}),
    slots: sum(live, 'slots'),
  };
}

function sum<K extends string>(rows: readonly Readonly<Record<K, number>>[], key: K): number {
  return rows.reduce((total, row) => total + row[key], 0);
}
