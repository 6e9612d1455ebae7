/** Which statements cost PostgreSQL the most; its server has to be started with pg_stat_statements. */
import { sql } from 'kysely';
import type { OpenStore } from '../../store/open.ts';

export async function printStatements({ kysely }: OpenStore): Promise<void> {
  const { rows } = await sql<{ calls: number; total: number; mean: number; query: string }>`
    select calls::float8, total_exec_time as total, mean_exec_time as mean,
      left(regexp_replace(query, '\\s+', ' ', 'g'), 110) as query
    from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())
    order by total_exec_time desc limit 15`.execute(kysely);
  for (const { calls, total, mean, query } of rows)
    console.log(
      `${total.toFixed(0).padStart(8)} ms ${String(calls).padStart(7)} x ${mean.toFixed(2)} ms  ${query}`,
    );
}
