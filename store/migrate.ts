/**
 * Brings the tables to the shape that this version expects: the numbered .sql files of `migrations/`, each once, in order.
 *
 * All of it is one transaction under an advisory lock, so several controllers that start at once apply them once, and
 * one that dies in the middle leaves nothing half done. A database that has seen migrations which this version does
 * not know is refused: an older controller would write rows that the newer one misreads.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Kysely, sql, type Transaction } from 'kysely';
import { HeadcountError } from '../decide/errors.ts';
import type { Database, MigrationTable } from './database.ts';

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

/** Any number that nobody else locks in this database. */
const lockKey = 4_700_001;

/** @throws HeadcountError STORE_NEWER */
export async function migrate(kysely: Kysely<Database>, now: number): Promise<void> {
  const known = await knownMigrations();
  await kysely.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(lockKey)})`.execute(transaction);
    const applied = await appliedTo(transaction);
    refuseNewer(applied, known);
    const done = new Set(applied.map((row) => row.number));
    for (const migration of known.filter(({ number }) => !done.has(number)))
      await apply(transaction, migration, now);
  });
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

function refuseNewer(applied: readonly MigrationTable[], known: readonly Migration[]): void {
  for (const row of applied) {
    const mine = known.find(({ number }) => number === row.number);
    if (mine?.checksum === row.checksum) continue;
    throw new HeadcountError(
      'STORE_NEWER',
      'This database belongs to a newer version of Headcount',
      mine
        ? `its step ${row.name} is not the one that this version has`
        : `it has had the step ${row.name}, which this version does not know`,
      'Start that version, or give this one another database.',
    );
  }
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
