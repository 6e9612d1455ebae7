/**
 * Brings the tables to the shape that this version expects: the numbered .sql files of `migrations/`, each once, in order.
 *
 * All of it is one transaction under an advisory lock, so several controllers that start at once apply them once, and
 * one that dies in the middle leaves nothing half done. Older controllers go on meanwhile and may be started afterwards,
 * because a step only adds: tables, indexes, columns that may be left out. One that does more has `breaking` in its name
 * (checks/migrations.test.ts holds names to what is done): it is applied when no controller lives, and an older one that is
 * started later is refused. The name is on record, so an older version can read it of steps that it does not know.
 * Refusing older versions after every step was rejected: one that crashes during an update could not come back.
 *
 * Whoever needs a table queues behind a step that waits for it, renewals of leases too. So a step waits for a second at most,
 * and all of it begins again later.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Kysely, sql, type Transaction } from 'kysely';
import { HeadcountError } from '../decide/errors.ts';
import type { Database, MigrationTable } from './database.ts';
import { sqlState } from './values.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

/** Any number that nobody else locks in this database. */
const lockKey = 4_700_001;

const lockLimitMs = 1_000;

export interface MigrateOptions {
  /** Default: those of this version. */
  readonly known?: readonly Migration[];
  /** How often it begins while something else has a table that a step changes, and how long it waits in between. */
  readonly tries?: number;
  readonly pauseMs?: number;
}

/**
 * @returns the names of further steps that a newer version has applied
 * @throws HeadcountError STORE_NEWER, STORE_IN_USE
 */
export async function migrate(
  kysely: Kysely<Database>,
  now: number,
  options: MigrateOptions = {},
): Promise<readonly string[]> {
  const { known = await knownMigrations(), tries = 30, pauseMs = 1_000 } = options;
  for (let begun = 1; ; begun++) {
    try {
      return await kysely.transaction().execute((transaction) => applyMissing(transaction, known, now));
    } catch (error) {
      if (!isHeldUp(error)) throw error;
      if (begun >= tries) throw heldUp(error);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function applyMissing(
  transaction: Transaction<Database>,
  known: readonly Migration[],
  now: number,
): Promise<readonly string[]> {
  await sql`select pg_advisory_xact_lock(${sql.lit(lockKey)})`.execute(transaction);
  // Only from here on: another controller may well apply its steps for longer.
  await sql`set local lock_timeout = ${sql.lit(lockLimitMs)}`.execute(transaction);
  const applied = await appliedTo(transaction);
  refuseForeign(applied, known);
  const done = new Set(applied.map((row) => row.number));
  const missing = known.filter(({ number }) => !done.has(number));
  // Into empty tables nothing can break.
  if (applied.length > 0) await refuseToBreak(transaction, missing);
  for (const migration of missing) await apply(transaction, migration, now);
  return applied.filter((row) => !known.some(({ number }) => number === row.number)).map(({ name }) => name);
}

async function appliedTo(transaction: Transaction<Database>): Promise<MigrationTable[]> {
  await sql`create table if not exists schema_migrations (
    number integer primary key, name text not null, checksum text not null, applied_at bigint not null
  )`.execute(transaction);
  return await transaction.selectFrom('schema_migrations').selectAll().orderBy('number').execute();
}

async function apply(transaction: Transaction<Database>, migration: Migration, now: number): Promise<void> {
  await sql.raw(migration.text).execute(transaction);
  const { number, name, checksum } = migration;
  await transaction
    .insertInto('schema_migrations')
    .values({ number, name, checksum, applied_at: Math.round(now) })
    .execute();
}

function refuseForeign(applied: readonly MigrationTable[], known: readonly Migration[]): void {
  const newest = Math.max(0, ...known.map(({ number }) => number));
  for (const row of applied) {
    const mine = known.find(({ number }) => number === row.number);
    if (mine ? mine.checksum === row.checksum : row.number > newest && !isBreaking(row.name)) continue;
    throw new HeadcountError(
      'STORE_NEWER',
      'This database belongs to a newer version of Headcount',
      mine
        ? `its step ${row.name} is not the one that this version has`
        : `it has had the step ${row.name}, which this version does not know and cannot do without`,
      'Start that version, or give this one another database.',
    );
  }
}

/** A controller that lives does not know a step that is still missing, so it is an older one. */
async function refuseToBreak(
  transaction: Transaction<Database>,
  missing: readonly Migration[],
): Promise<void> {
  const breaking = missing.find(({ name }) => isBreaking(name));
  const { rows } = await sql<{
    there: boolean;
  }>`select to_regclass('controllers') is not null as there`.execute(transaction);
  if (!breaking || !rows[0]?.there) return;
  const living = await sql<{ url: string }>`select url from controllers where until > clock_timestamp()
    order by url`.execute(transaction);
  if (living.rows.length === 0) return;
  throw new HeadcountError(
    'STORE_IN_USE',
    'This version cannot run beside the older controllers that use this database',
    `its step ${breaking.name} changes what they read, and they run at ${living.rows.map(({ url }) => url).join(', ')}`,
    'Stop them, then start this one again.',
  );
}

function isBreaking(name: string): boolean {
  return /^\d+-breaking-/.test(name);
}

/** Codes of PostgreSQL: a lock that did not come in time, and a ring of those who wait. */
function isHeldUp(error: unknown): boolean {
  return ['55P03', '40P01'].includes(sqlState(error) ?? '');
}

function heldUp(cause: unknown): HeadcountError {
  return new HeadcountError(
    'STORE_IN_USE',
    'The tables cannot be brought to the shape of this version',
    'something else keeps one of them for a long time, such as pg_dump or a transaction that somebody left open',
    'Start again when that has ended; older controllers go on.',
    { cause },
  );
}

/** What this version knows, in order. */
export async function knownMigrations(): Promise<Migration[]> {
  const folder = migrationsFolder();
  const names = (await readdir(folder)).filter((name) => /^\d+-.*\.sql$/.test(name)).sort();
  return await Promise.all(
    names.map(async (name) => {
      const text = (await readFile(`${folder}/${name}`, 'utf8')).replaceAll('\r\n', '\n');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { number: Number.parseInt(name, 10), name, text, checksum };
    }),
  );
}

/** Beside this file in the source; the built file lies in dist/store, two folders below the root. */
function migrationsFolder(): string {
  const beside = fileURLToPath(new URL('./migrations', import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../store/migrations', import.meta.url));
}
