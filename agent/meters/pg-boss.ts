/**
 * Queues of pg-boss 10 to 12, one SQL query for each over the app's own connection to PostgreSQL.
 *
 * waiting = created or to be retried, and due; running = active; later = not due yet; the oldest is the one that has been due longest. By
 * the table and not by `getQueueSize`, which counts what is due tomorrow as waiting. Facts: the table `job` of pg-boss 10.
 */
import type { Meter } from '../reading.ts';
import { cannotTell, meterOf, type QueueLook } from './look.ts';

interface Rows {
  readonly rows: readonly Record<string, unknown>[];
}

export interface PgBossOptions {
  /** Of `new PgBoss()`, started. */
  readonly boss: { getDb(): { executeSql(text: string, values: unknown[]): Promise<Rows | undefined> } };
  readonly queues: readonly string[];
  /** Default: pgboss. */
  readonly schema?: string;
  readonly now?: () => number;
}

export function pgBoss({ boss, queues, schema = 'pgboss', now }: PgBossOptions): Meter {
  const text = queryIn(schema);
  const look = async (queue: string): Promise<QueueLook> => {
    const answer = await boss.getDb().executeSql(text, [queue]);
    const row = answer?.rows[0];
    if (!row) throw cannotTell('pg-boss has not been started');
    if (row.known !== true) throw cannotTell('pg-boss has no such queue');
    const { waiting, running, later, oldest } = row;
    return {
      waiting: Number(waiting),
      running: Number(running),
      later: Number(later),
      oldestSeconds: Math.max(0, Number(oldest)),
    };
  };
  return meterOf({ name: 'pg-boss', queues, now, look });
}

/** Time is the database's own, as it is for pg-boss itself. */
function queryIn(schema: string): string {
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  const open = `state < 'active'`;
  return `
    SELECT EXISTS (SELECT FROM ${quoted}.queue WHERE name = $1) AS known,
      count(*) FILTER (WHERE ${open} AND start_after <= now()) AS waiting,
      count(*) FILTER (WHERE state = 'active') AS running,
      count(*) FILTER (WHERE ${open} AND start_after > now()) AS later,
      COALESCE(extract(epoch FROM now() - min(start_after) FILTER (WHERE ${open} AND start_after <= now())), 0) AS oldest
    FROM ${quoted}.job WHERE name = $1 AND state < 'completed'`;
}
