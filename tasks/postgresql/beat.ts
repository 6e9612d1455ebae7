/**
 * Entries of beats in PostgreSQL, for brokers that keep no state: two tables, made when a beat first needs them. Each step is
 * one statement, so nothing is held open between two answers, and the clock is the server's, so those of the beats' machines
 * do not matter. Messages are not its own: storeBeside (beat/place.ts) sends them once a slot is claimed here.
 *
 * A change and the check of its token are one statement, which locks the lease first: a lease that passes on waits for a
 * change that has begun, and a change that comes after it finds a newer token. (A transaction of three statements was the
 * other way; a pooler between them may not keep one.)
 */
import type { BeatStore, Lease, Swap, SwapResult } from '../beat/store.ts';
import { packageMissing } from '../errors.ts';
import { type Query, querying } from './query.ts';

const connections = 2;
const connectTimeoutMs = 5_000;
const answerTimeoutMs = 10_000;
const table = 'headcount_beat_entries';

const schema = `
CREATE TABLE IF NOT EXISTS headcount_beat_leases (
  beat text PRIMARY KEY,
  holder text NOT NULL,
  token bigint NOT NULL,
  until timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS ${table} (
  beat text NOT NULL,
  name text NOT NULL,
  record text NOT NULL,
  PRIMARY KEY (beat, name)
)`;

/** No row: somebody else has it. */
const takeLease = `
INSERT INTO headcount_beat_leases AS old (beat, holder, token, until)
  VALUES ($1, $2, 1, clock_timestamp() + $3::float8 * interval '1 millisecond')
ON CONFLICT (beat) DO UPDATE SET holder = excluded.holder, until = excluded.until,
  token = CASE WHEN old.holder = excluded.holder AND old.until > clock_timestamp() THEN old.token ELSE old.token + 1 END
WHERE old.holder = excluded.holder OR old.until <= clock_timestamp()
RETURNING token`;

/** The lease is locked, where a token is given, and the change made only when it is held. */
const guard = `
WITH lease AS MATERIALIZED (
  SELECT token, until FROM headcount_beat_leases WHERE beat = $1 AND $3::bigint IS NOT NULL FOR SHARE
), held AS MATERIALIZED (
  SELECT $3::bigint IS NULL OR EXISTS (
    SELECT 1 FROM lease WHERE token = $3::bigint AND until > clock_timestamp()) AS held
)`;
const answer = 'SELECT held, EXISTS (SELECT 1 FROM changed) AS changed FROM held';
const insert = `${guard}, changed AS (
  INSERT INTO ${table} (beat, name, record) SELECT $1, $2, $4 FROM held WHERE held
  ON CONFLICT (beat, name) DO NOTHING RETURNING 1) ${answer}`;
const update = `${guard}, changed AS (
  UPDATE ${table} SET record = $5 FROM held WHERE held AND beat = $1 AND name = $2 AND record = $4
  RETURNING 1) ${answer}`;
const remove = `${guard}, changed AS (
  DELETE FROM ${table} USING held WHERE held AND beat = $1 AND name = $2 AND record = $4
  RETURNING 1) ${answer}`;
const nothing = `${guard}, changed AS (
  SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE beat = $1 AND name = $2)) ${answer}`;

export interface PostgresqlBeats {
  /** @param name of the beat */
  beat(name: string): BeatStore;
  close(): Promise<void>;
}

/** @throws TasksError PACKAGE_MISSING */
export async function openPostgresqlBeats(url: string): Promise<PostgresqlBeats> {
  const { default: pg } = await import('pg').catch((error: unknown) => {
    throw packageMissing('pg', "A beat's state in postgresql:", error);
  });
  const pool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: answerTimeoutMs,
    max: connections,
    allowExitOnIdle: true,
  });
  // Of a connection that nobody uses now; the next query makes another.
  pool.on('error', () => {});
  const query = querying(url, pool, { name: table, schema });
  let closed: Promise<void> | undefined;
  return {
    beat: (name) => storeOf(query, name),
    close: () => {
      closed ??= pool.end();
      return closed;
    },
  };
}

function storeOf(query: Query, beat: string): BeatStore {
  return {
    lease: (holder, leaseMs) => lease(query, beat, holder, leaseMs),
    release: async (holder) => {
      const end = "UPDATE headcount_beat_leases SET until = '-infinity' WHERE beat = $1 AND holder = $2";
      await query(end, [beat, holder]);
    },
    read: async () => {
      const rows = await query(`SELECT name, record FROM ${table} WHERE beat = $1`, [beat]);
      return new Map(rows.map(({ name, record }) => [String(name), String(record)]));
    },
    swap: (change) => swap(query, beat, change),
  };
}

async function lease(query: Query, beat: string, holder: string, leaseMs: number): Promise<Lease> {
  const [taken] = await query(takeLease, [beat, holder, leaseMs]);
  if (taken) return { held: true, token: Number(taken.token) };
  const [other] = await query('SELECT holder FROM headcount_beat_leases WHERE beat = $1', [beat]);
  return { held: false, by: String(other?.holder ?? 'another') };
}

async function swap(query: Query, beat: string, { name, from, to, token }: Swap): Promise<SwapResult> {
  const given = [beat, name, token ?? null];
  const [row] = await (from === undefined
    ? to === undefined
      ? query(nothing, given)
      : query(insert, [...given, to])
    : to === undefined
      ? query(remove, [...given, from])
      : query(update, [...given, from, to]));
  if (row?.held !== true) return 'fenced';
  return row.changed === true ? 'done' : 'changed';
}
