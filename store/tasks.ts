/**
 * Tasks by name: what happened to them, in minutes and in hours, and the last failures.
 *
 * Parts come several times a minute. Each is added to the row of its minute and of its hour in one transaction, so an hour
 * always equals its minutes and nobody has to fold them later. The histograms are added up here and not in
 * SQL, under a lock of the app: two controllers on one database cannot lose each other's counts.
 */
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { merged } from '../decide/histogram.ts';
import type { Database, TaskPartTable } from './database.ts';
import { hourMs, minuteMs } from './folds.ts';
import type { StoredFailure, TaskPart, Tasks } from './store.ts';
import { ownerGone, rowId, text } from './values.ts';

/** Of each app. */
const failuresKept = 200;
/** Of one question: a fortnight of minutes of a hundred names would be too many for a chart. */
const rowsMaximum = 20_000;
/** Longer spans are answered from hours. */
const minutesSpanMs = 24 * hourMs;

type Grain = 'minute' | 'hour';
type Row = Omit<TaskPartTable, 'run_ms' | 'wait_ms'> & Pick<TaskPart, 'runMs' | 'waitMs'>;

export function createTasks(kysely: Kysely<Database>): Tasks {
  return {
    record: async (appId, { parts, failures }) => {
      if (parts.length === 0 && failures.length === 0) return;
      await kysely
        .transaction()
        .execute(async (transaction) => {
          await sql`select id from apps where id = ${rowId(appId)} for update`.execute(transaction);
          for (const grain of ['minute', 'hour'] as const)
            for (const row of rowsOf(rowId(appId), grain, parts)) await add(transaction, row);
          if (failures.length > 0) await addFailures(transaction, rowId(appId), failures);
        })
        .catch(ownerGone(`app with the id ${appId}`));
    },
    parts: async (appId, from, to, of = {}) => {
      const grain = of.grain ?? (to - from <= minutesSpanMs ? 'minute' : 'hour');
      let query = kysely
        .selectFrom('task_parts')
        .selectAll()
        .where('app_id', '=', rowId(appId))
        .where('grain', '=', grain)
        .where('at', '>=', Math.floor(from / sizes[grain]) * sizes[grain])
        .where('at', '<', Math.ceil(to))
        .orderBy('at', 'desc')
        .limit(rowsMaximum);
      if (of.task !== undefined) query = query.where('task', '=', text(of.task));
      if (of.queue !== undefined) query = query.where('queue', '=', text(of.queue));
      const rows = await query.execute();
      return { grain, parts: rows.reverse().map(toPart) };
    },
    failures: async (appId, limit) => {
      const rows = await kysely
        .selectFrom('task_failures')
        .selectAll()
        .where('app_id', '=', rowId(appId))
        .orderBy('id', 'desc')
        .limit(Math.max(0, Math.min(failuresKept, Math.floor(limit))))
        .execute();
      return rows.map(
        ({ at, task, queue, task_id: id, worker, error }): StoredFailure => ({
          at,
          task,
          queue,
          id,
          worker,
          error,
        }),
      );
    },
  };
}

const sizes = { minute: minuteMs, hour: hourMs } as const;

function rowsOf(appId: number, grain: Grain, parts: readonly TaskPart[]): Row[] {
  const rows = new Map<string, Row>();
  for (const part of parts) {
    const at = Math.floor(part.at / sizes[grain]) * sizes[grain];
    const { task, queue, runMsSum, runMs, waitMs } = part;
    const key = JSON.stringify([at, task, queue]);
    const before = rows.get(key);
    const sum = (name: 'received' | 'succeeded' | 'failed' | 'retried' | 'revoked'): number =>
      (before?.[name] ?? 0) + part[name];
    rows.set(key, {
      app_id: appId,
      grain,
      at,
      task: text(task),
      queue: text(queue),
      received: sum('received'),
      succeeded: sum('succeeded'),
      failed: sum('failed'),
      retried: sum('retried'),
      revoked: sum('revoked'),
      run_ms_sum: (before?.run_ms_sum ?? 0) + runMsSum,
      runMs: merged([before?.runMs ?? [], runMs]),
      waitMs: merged([before?.waitMs ?? [], waitMs]),
    });
  }
  return [...rows.values()];
}

async function add(transaction: Transaction<Database>, { runMs, waitMs, ...row }: Row): Promise<void> {
  const { app_id, grain, at, task, queue } = row;
  const before = await transaction
    .selectFrom('task_parts')
    .select(['run_ms', 'wait_ms'])
    .where((where) => where.and({ app_id, grain, at, task, queue }))
    .executeTakeFirst();
  const histograms = {
    run_ms: JSON.stringify(merged([before?.run_ms ?? [], runMs])),
    wait_ms: JSON.stringify(merged([before?.wait_ms ?? [], waitMs])),
  };
  await transaction
    .insertInto('task_parts')
    .values({ ...row, ...histograms })
    .onConflict((conflict) =>
      conflict.columns(['app_id', 'grain', 'at', 'task', 'queue']).doUpdateSet((held) => ({
        ...histograms,
        received: sql`${held.ref('task_parts.received')} + excluded.received`,
        succeeded: sql`${held.ref('task_parts.succeeded')} + excluded.succeeded`,
        failed: sql`${held.ref('task_parts.failed')} + excluded.failed`,
        retried: sql`${held.ref('task_parts.retried')} + excluded.retried`,
        revoked: sql`${held.ref('task_parts.revoked')} + excluded.revoked`,
        run_ms_sum: sql`${held.ref('task_parts.run_ms_sum')} + excluded.run_ms_sum`,
      })),
    )
    .execute();
}

async function addFailures(
  transaction: Transaction<Database>,
  appId: number,
  failures: readonly StoredFailure[],
): Promise<void> {
  await transaction
    .insertInto('task_failures')
    .values(
      failures.slice(-failuresKept).map(({ at, task, queue, id, worker, error }) => ({
        app_id: appId,
        at: Math.round(at),
        task: text(task),
        queue: text(queue),
        task_id: text(id).slice(0, 200),
        worker: text(worker).slice(0, 200),
        error: text(error),
      })),
    )
    .execute();
  await sql`delete from task_failures where app_id = ${appId} and id <= (
    select id from task_failures where app_id = ${appId} order by id desc offset ${failuresKept} limit 1
  )`.execute(transaction);
}

function toPart({ app_id: _, grain: __, ...row }: Selectable<TaskPartTable>): TaskPart {
  const { run_ms: runMs, run_ms_sum: runMsSum, wait_ms: waitMs, ...rest } = row;
  return { ...rest, runMs, runMsSum, waitMs };
}
