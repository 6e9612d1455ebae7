/**
 * Results in PostgreSQL: the table `headcount_taskmeta`, made when it is not there. Its columns are named as those of
 * Celery's database backend (celery/backends/database/models.py, 5.2.6), so that queries about states and dates look the
 * same. It is a table of its own nevertheless: Python keeps results as pickles, which nobody but Python should read and
 * which a stranger could make run code; ours are JSON, and Celery's own table is never touched.
 *
 * Who waits is told by NOTIFY with the ids of a whole batch: PostgreSQL takes one lock for all commits that notify, so one
 * for each result would make writers queue. Writes of five milliseconds share one statement.
 */
import { packageMissing } from '../errors.ts';
import { type Query, querying, type Row } from '../postgresql/query.ts';
import {
  decodeResult,
  encodeResult,
  type ResultRecord,
  type Results,
  type ResultsSettings,
  replaces,
  underWay,
} from '../results.ts';
import { parseJson, writeJson } from '../values.ts';
import { createListener, waitFor } from './listener.ts';

const table = 'headcount_taskmeta';
const channel = 'headcount_results';
const connections = 4;
const connectTimeoutMs = 5_000;
const storeDelayMs = 5;
const mostInBatch = 500;
/** A payload of NOTIFY has less than 8,000 bytes. */
const mostPayloadBytes = 7_900;
const purgeEveryMs = 5_000;
const purgedAtATime = 5_000;

const schema = `
CREATE TABLE IF NOT EXISTS ${table} (
  task_id text PRIMARY KEY,
  status varchar(50) NOT NULL,
  result json,
  date_done timestamptz,
  traceback text,
  children json NOT NULL,
  group_id text,
  parent_id text,
  expires timestamptz
);
CREATE INDEX IF NOT EXISTS ${table}_expires ON ${table} (expires)`;

const write = `
INSERT INTO ${table} AS old
  SELECT task_id, status, result::json, date_done::timestamptz, traceback, children::json, group_id, parent_id,
    CASE WHEN $1::float8 > 0 THEN now() + $1::float8 * interval '1 second' END
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
    AS given (task_id, status, result, date_done, traceback, children, group_id, parent_id)
ON CONFLICT (task_id) DO UPDATE SET status = excluded.status, result = excluded.result, date_done = excluded.date_done,
  traceback = excluded.traceback, children = excluded.children, group_id = excluded.group_id,
  parent_id = excluded.parent_id, expires = excluded.expires
WHERE old.status <> 'SUCCESS' OR old.expires <= now()`;

const read = `
SELECT task_id, status, result::text AS result, traceback, children, group_id, parent_id,
  to_char(date_done AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00') AS date_done
FROM ${table} WHERE task_id = $1 AND (expires IS NULL OR expires > now())`;

const purge = `DELETE FROM ${table} WHERE task_id IN
  (SELECT task_id FROM ${table} WHERE expires <= now() ORDER BY expires LIMIT ${purgedAtATime} FOR UPDATE SKIP LOCKED)`;

interface Waiting {
  readonly record: ResultRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export async function openPostgresqlResults(url: string, settings: ResultsSettings): Promise<Results> {
  const { default: pg } = await import('pg').catch((error: unknown) => {
    throw packageMissing('pg', 'A postgresql: result store', error);
  });
  const config = { connectionString: url, connectionTimeoutMillis: connectTimeoutMs };
  const pool = new pg.Pool({ ...config, max: connections, allowExitOnIdle: true });
  // Of a connection that nobody uses now; the next query makes another.
  pool.on('error', () => {});
  const query = querying(url, pool, { name: table, schema });
  const listener = createListener(() => new pg.Client({ ...config, keepAlive: true }), channel);
  const writer = batchWriter(query, settings);
  const storing = underWay();
  let closed: Promise<void> | undefined;
  const get = async (id: string): Promise<ResultRecord | undefined> => {
    const [row] = await query(read, [withoutNul(id)]);
    return row && recordOf(row);
  };
  return {
    store: (record) => storing.add(writer.add(record)),
    get,
    wait: async (id, signal) => {
      const listening = await listener.listen(withoutNul(id));
      try {
        return await waitFor(() => get(id), listening.told, signal);
      } finally {
        listening.leave();
      }
    },
    close: async () => {
      closed ??= (async () => {
        await storing.all();
        await listener.close();
        await pool.end();
      })();
      await closed;
    },
  };
}

function batchWriter(
  query: Query,
  { expiresSeconds }: ResultsSettings,
): { add(record: ResultRecord): Promise<void> } {
  const waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;
  let purgedMs = 0;
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, mostInBatch);
      try {
        const records = lastOfEach(batch.map(({ record }) => record));
        await query(write, [expiresSeconds, ...columnsOf(records)]);
        for (const payload of payloadsOf(records))
          await query('SELECT pg_notify($1, $2)', [channel, payload]);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    const now = Date.now();
    if (now - purgedMs < purgeEveryMs) return;
    purgedMs = now;
    await query(purge, []).catch(() => {});
  };
  const add = (record: ResultRecord): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ record, resolve, reject });
      timer ??= setTimeout(() => void flush(), storeDelayMs);
    });
  return { add };
}

/** One statement cannot write a row twice. */
function lastOfEach(records: readonly ResultRecord[]): ResultRecord[] {
  const last = new Map<string, ResultRecord>();
  for (const record of records) if (replaces(last.get(record.task_id))) last.set(record.task_id, record);
  return [...last.values()];
}

/** PostgreSQL's texts cannot hold NUL; its JSON keeps the escape as it is, as long as nobody unpacks it. */
function columnsOf(records: readonly ResultRecord[]): (string | null)[][] {
  // What has no JSON becomes a failure that says so.
  const safe = records.map((record) => decodeResult(encodeResult(record)) ?? record);
  const column = (value: (record: ResultRecord) => string | null | undefined): (string | null)[] =>
    safe.map((record) => value(record) ?? null).map((text) => text && withoutNul(text));
  return [
    column(({ task_id }) => task_id),
    column(({ status }) => status),
    column(({ result }) => writeJson(result, false)),
    column(({ date_done }) => date_done),
    column(({ traceback }) => traceback),
    column(({ children }) => JSON.stringify(children)),
    column(({ group_id }) => group_id),
    column(({ parent_id }) => parent_id),
  ];
}

function withoutNul(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}

function payloadsOf(records: readonly ResultRecord[]): string[] {
  const payloads: string[] = [];
  let payload = '';
  for (const { task_id } of records) {
    const id = withoutNul(task_id);
    // One that is too long for a payload is found when its waiter looks again.
    if (Buffer.byteLength(id) > mostPayloadBytes) continue;
    if (payload !== '' && Buffer.byteLength(`${payload}\n${id}`) > mostPayloadBytes) {
      payloads.push(payload);
      payload = '';
    }
    payload = payload === '' ? id : `${payload}\n${id}`;
  }
  return payload === '' ? payloads : [...payloads, payload];
}

function recordOf(row: Row): ResultRecord {
  const { task_id, status, result, traceback, children, date_done, group_id, parent_id } = row;
  return {
    task_id: String(task_id),
    status: String(status),
    result: typeof result === 'string' ? parseJson(result) : null,
    traceback: traceback === null ? null : String(traceback),
    children: Array.isArray(children) ? children : [],
    date_done: date_done === null ? null : String(date_done),
    ...(typeof group_id === 'string' ? { group_id } : {}),
    ...(typeof parent_id === 'string' ? { parent_id } : {}),
  };
}
