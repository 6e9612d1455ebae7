/** The statements on jobs and queues. Each function runs inside a transaction of its caller and keeps `queues` in step. */

import type { Database, Statement } from './file.ts';
import { later, ready } from './schema.ts';

export interface NewJob {
  readonly priority: number;
  /** Publish time or ETA, in milliseconds. */
  readonly due: number;
  readonly message: string;
}

export interface TakenJob {
  readonly id: number;
  readonly due: number;
  readonly priority: number;
  readonly deliveries: number;
  readonly message: string;
}

export interface Jobs {
  add(queue: string, jobs: readonly NewJob[], nowMs: number): void;
  /** Makes due jobs ready, then takes up to `limit`, soonest first. */
  take(queue: string, consumer: number, limit: number, nowMs: number): TakenJob[];
  removeAll(ids: readonly number[], consumer: number): void;
  /** True where it was still this consumer's. */
  remove(id: number, consumer: number): boolean;
  putBack(queue: string, id: number, consumer: number, started: boolean): boolean;
  setAside(id: number, consumer: number, error: string, nowMs: number): boolean;
  /** Everything a dead consumer held: back into the queue, or to the heir when it was delivered too often. */
  bringBack(
    consumer: number,
    heir: number,
    maximumDeliveries: number,
  ): { back: number; worn: (TakenJob & { readonly queue: string })[] };
  count(queue: string, totals: { started: number; finished: number; busySeconds: number }): void;
  /** Removes what nobody holds, due or not, and answers how much. */
  purge(queue: string): number;
  /** A cheap look without a lock: is there anything to take now? */
  hasWork(queue: string, nowMs: number): boolean;
}

/** Jobs that become due at once are made ready in batches, so that no write takes long. */
const promotedAtATime = 1_000;
/** The oldest are dropped beyond that. */
const mostSetAside = 10_000;

export function jobsOf(db: Database): Jobs {
  const sql = prepared((text) => db.prepare(text) as Statement);
  const count = (queue: string, change: { ready?: number; later?: number; published?: number }): void => {
    sql.count.run(queue, change.ready ?? 0, change.later ?? 0, change.published ?? 0);
  };
  return {
    add: (queue, jobs, nowMs) => {
      let dueLater = 0;
      for (const job of jobs) {
        const state = job.due > nowMs ? later : ready;
        if (state === later) dueLater++;
        sql.add.run(queue, state, job.priority, job.due, job.message);
      }
      count(queue, { ready: jobs.length - dueLater, later: dueLater, published: jobs.length });
    },
    take: (queue, consumer, limit, nowMs) => {
      const { changes: due } = sql.promote.run(queue, nowMs, promotedAtATime);
      const jobs = sql.take.all(consumer, queue, limit) as TakenJob[];
      if (due > 0 || jobs.length > 0) count(queue, { ready: due - jobs.length, later: -due });
      return jobs.sort((a, b) => a.priority - b.priority || a.due - b.due || a.id - b.id);
    },
    removeAll: (ids, consumer) => {
      if (ids.length > 0) sql.removeAll.run(consumer, JSON.stringify(ids));
    },
    remove: (id, consumer) => sql.remove.run(id, consumer).changes > 0,
    putBack: (queue, id, consumer, started) => {
      const found = sql.putBack.run(started ? 0 : 1, id, consumer).changes > 0;
      if (found) count(queue, { ready: 1 });
      return found;
    },
    setAside: (id, consumer, error, nowMs) => {
      sql.setAside.run(nowMs, error, id, consumer);
      sql.trimAside.run(mostSetAside);
      return sql.remove.run(id, consumer).changes > 0;
    },
    bringBack: (consumer, heir, maximumDeliveries) => {
      const worn = sql.inherit.all(heir, consumer, maximumDeliveries) as (TakenJob & { queue: string })[];
      for (const held of sql.held.all(consumer) as { queue: string; jobs: number }[])
        count(held.queue, { ready: held.jobs });
      return { back: sql.bringBack.run(consumer).changes, worn };
    },
    count: (queue, totals) => {
      sql.totals.run(totals.started, totals.finished, totals.busySeconds, queue);
    },
    purge: (queue) => {
      sql.emptied.run(queue);
      return sql.purge.run(queue).changes;
    },
    hasWork: (queue, nowMs) => {
      const row = sql.ready.get(queue) as [number] | undefined;
      if ((row?.[0] ?? 0) > 0) return true;
      const next = sql.nextDue.get(queue) as [number | null];
      return next[0] !== null && next[0] <= nowMs;
    },
  };
}

function prepared(sql: (text: string) => Statement) {
  return {
    add: sql('INSERT INTO jobs (queue, state, priority, due, message) VALUES (?, ?, ?, ?, ?)'),
    count: sql(`INSERT INTO queues (queue, ready, later, published_total) VALUES (?, ?, ?, ?)
      ON CONFLICT (queue) DO UPDATE SET ready = ready + excluded.ready, later = later + excluded.later,
        published_total = published_total + excluded.published_total`),
    totals: sql(`UPDATE queues SET started_total = started_total + ?, finished_total = finished_total + ?,
      busy_seconds_total = busy_seconds_total + ? WHERE queue = ?`),
    promote: sql(`UPDATE jobs SET state = 0 WHERE id IN
      (SELECT id FROM jobs WHERE queue = ? AND state = 1 AND due <= ? ORDER BY due LIMIT ?)`),
    take: sql(`UPDATE jobs SET state = 2, consumer = ?, deliveries = deliveries + 1 WHERE id IN
      (SELECT id FROM jobs WHERE queue = ? AND state = 0 ORDER BY priority, due, id LIMIT ?)
      RETURNING id, due, priority, deliveries, message`),
    removeAll: sql(
      'DELETE FROM jobs WHERE consumer = ? AND state = 2 AND id IN (SELECT value FROM json_each(?))',
    ),
    remove: sql('DELETE FROM jobs WHERE id = ? AND consumer = ? AND state = 2'),
    putBack: sql(`UPDATE jobs SET state = 0, consumer = NULL, deliveries = deliveries - ?
      WHERE id = ? AND consumer = ? AND state = 2`),
    setAside: sql(`INSERT INTO set_aside (queue, at, error, deliveries, message)
      SELECT queue, ?, ?, deliveries, message FROM jobs WHERE id = ? AND consumer = ? AND state = 2`),
    inherit: sql(`UPDATE jobs SET consumer = ? WHERE consumer = ? AND state = 2 AND deliveries >= ?
      RETURNING queue, id, due, priority, deliveries, message`),
    trimAside: sql('DELETE FROM set_aside WHERE id <= (SELECT max(id) FROM set_aside) - ?'),
    held: sql('SELECT queue, count(*) AS jobs FROM jobs WHERE consumer = ? AND state = 2 GROUP BY queue'),
    bringBack: sql('UPDATE jobs SET state = 0, consumer = NULL WHERE consumer = ? AND state = 2'),
    purge: sql('DELETE FROM jobs WHERE queue = ? AND state IN (0, 1)'),
    emptied: sql('UPDATE queues SET ready = 0, later = 0 WHERE queue = ?'),
    ready: sql('SELECT ready FROM queues WHERE queue = ?').raw(),
    nextDue: sql('SELECT min(due) FROM jobs WHERE queue = ? AND state = 1').raw(),
  };
}
