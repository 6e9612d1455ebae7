/** Steps of migrations that no version has, for tests of what a newer version does to the tables. */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Migration } from '../store/migrate.ts';
import type { OpenStore } from '../store/open.ts';

/** A step of migrations that no version has. */
export function step(name: string, text: string): Migration {
  const checksum = createHash('sha256').update(text).digest('hex');
  return { number: Number.parseInt(name, 10), name, text, checksum };
}

/** One that adds to every table that there is, as a newer version may, and makes a table and an index. */
export async function addingStep(kysely: OpenStore['kysely'], number: number): Promise<Migration> {
  const { rows } = await sql<{ name: string }>`select tablename as name from pg_tables
    where schemaname = current_schema() order by 1`.execute(kysely);
  const additions = rows.map(
    ({ name }) => `alter table ${name} add column further_${number} text not null default 'as before';`,
  );
  const others = `create table further_${number} (id integer primary key);
    create index points_further_${number} on points (further_${number});`;
  return step(`${number}-further.sql`, additions.join('\n') + others);
}
