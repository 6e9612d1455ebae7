/**
 * PGlite behind kysely's PostgreSQL dialect. PGlite is one connection in this process, so this offers kysely a pool of
 * one: whoever holds it has it alone, from `begin` to `commit`, and the next waits in line. Both stores thereby run
 * the same driver and the same SQL. PGlite's own `transaction()` was rejected: it takes a callback, which kysely's
 * separate begin and commit cannot be fitted into.
 *
 * PGlite computes in this thread and answers by microtasks, so statement after statement would run before a socket is
 * looked at; each therefore ends with a turn of the event loop, and a pause is never longer than one statement.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import { PostgresDialect, type PostgresPool, type PostgresQueryResult } from 'kysely';

export function pgliteDialect(pglite: PGlite): PostgresDialect {
  let last: Promise<void> = Promise.resolve();
  const pool = {
    connect: async () => {
      const before = last;
      let release: () => void = () => {};
      last = new Promise((resolve) => {
        release = resolve;
      });
      await before;
      return { query: (sql: string, values: readonly unknown[]) => query(pglite, sql, values), release };
    },
    end: async () => await last,
  };
  return new PostgresDialect({ pool: pool as unknown as PostgresPool });
}

/** Without values it may be several statements, as in pg. */
async function query(
  pglite: PGlite,
  sql: string,
  values: readonly unknown[],
): Promise<PostgresQueryResult<unknown>> {
  const [result] =
    values.length > 0 ? [await pglite.query(sql, [...values])] : (await pglite.exec(sql)).slice(-1);
  await nextTurn();
  return {
    command: result?.command as PostgresQueryResult<unknown>['command'],
    rowCount: result?.rowCount ?? 0,
    rows: result?.rows ?? [],
  };
}
