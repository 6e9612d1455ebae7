/** Which requests were answered already, by their idempotency key: kept for a day, and the newest 10,000 at most. */
import { type Kysely, sql } from 'kysely';
import type { Database } from './database.ts';
import { text } from './values.ts';

export interface IdempotencyKeys {
  /** Nothing: the caller is the first and is to `finish` or `forget` it. Else what is known of the first one. */
  begin(id: string, request: string, now: number): Promise<Answered | undefined>;
  finish(id: string, status: number, answer: string): Promise<void>;
  /** The next one with this key is a first one. */
  forget(id: string): Promise<void>;
}

export interface Answered {
  readonly request: string;
  /** Absent, as `answer` is: it is still being answered. */
  readonly status?: number;
  readonly answer?: string;
}

const keptMs = 24 * 3_600_000;
const keptCount = 10_000;
/** After so long without an answer the controller that had the request is taken to be gone. */
const patienceMs = 5 * 60_000;
const tidyEvery = 100;

interface Row {
  readonly request: string;
  readonly status: number | null;
  readonly answer: string | null;
}

export function createIdempotencyKeys(kysely: Kysely<Database>): IdempotencyKeys {
  let begunCount = 0;
  return {
    begin: async (id, request, now) => {
      if (begunCount++ % tidyEvery === 0) await tidy(kysely, now);
      // The one that had stood there may be gone when it is read: then this is a first one after all.
      for (let tries = 3; tries > 0; tries--) {
        if (await claim(kysely, id, request, now)) return undefined;
        const found =
          await sql<Row>`select request, status, answer from idempotency_keys where id = ${text(id)}`.execute(
            kysely,
          );
        const [row] = found.rows;
        if (row)
          return {
            request: row.request,
            ...(row.status !== null && { status: Number(row.status) }),
            ...(row.answer !== null && { answer: row.answer }),
          };
      }
      return { request };
    },
    finish: async (id, status, answer) => {
      await sql`update idempotency_keys set status = ${status}, answer = ${answer} where id = ${text(id)}`.execute(
        kysely,
      );
    },
    forget: async (id) => {
      await sql`delete from idempotency_keys where id = ${text(id)}`.execute(kysely);
    },
  };
}

async function claim(kysely: Kysely<Database>, id: string, request: string, now: number): Promise<boolean> {
  const at = Math.round(now);
  const claimed = await sql<{ id: string }>`
    insert into idempotency_keys as known (id, request, at) values (${text(id)}, ${text(request)}, ${at})
    on conflict (id) do update set request = excluded.request, at = excluded.at, status = null, answer = null
    where known.at <= ${at - keptMs} or (known.status is null and known.at <= ${at - patienceMs})
    returning id`.execute(kysely);
  return claimed.rows.length > 0;
}

async function tidy(kysely: Kysely<Database>, now: number): Promise<void> {
  await sql`delete from idempotency_keys where at <= ${Math.round(now) - keptMs}`.execute(kysely);
  await sql`delete from idempotency_keys where id in (
    select id from idempotency_keys order by at desc offset ${keptCount - tidyEvery}
  )`.execute(kysely);
}
