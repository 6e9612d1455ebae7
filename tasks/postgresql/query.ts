/** Questions to a PostgreSQL in which this package has a table of its own, made when it is not there. */
import type { Pool } from 'pg';
import { TasksError, textOf } from '../errors.ts';

export type Row = Readonly<Record<string, unknown>>;
export type Query = (sql: string, values: readonly unknown[]) => Promise<Row[]>;

export interface Table {
  readonly name: string;
  /** Statements that make it, and what belongs to it. */
  readonly schema: string;
}

/** The table is made before the first query, by one at a time: CREATE IF NOT EXISTS is not safe against itself. */
export function querying(url: string, pool: Pool, { name, schema }: Table): Query {
  let made: Promise<unknown> | undefined;
  const make = async (): Promise<void> => {
    // Looks first: who may only read and write a table that is there needs no right to create one.
    const { rows } = await pool.query(`SELECT to_regclass('${name}') IS NOT NULL AS there`);
    if ((rows[0] as { there: boolean }).there) return;
    // Statements in one text are one transaction.
    await pool.query(`SELECT pg_advisory_xact_lock(hashtext('${name}')); ${schema}`);
  };
  return async (sql, values) => {
    try {
      made ??= make();
      await made;
      return (await pool.query(sql, [...values])).rows as Row[];
    } catch (error) {
      await made?.catch(() => {
        made = undefined;
      });
      throw unreachable(url, error);
    }
  };
}

function unreachable(url: string, cause: unknown): TasksError {
  const { hostname, port } = new URL(url);
  return new TasksError(
    'BROKER_UNREACHABLE',
    `PostgreSQL at ${hostname}:${port || 5432} did not do it`,
    textOf(cause),
    'Check that it runs, the user, password and database in the address, and that the user may create a table',
    { cause },
  );
}
