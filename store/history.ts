/**
 * What a controller wants to know of the past of the managers that it takes up, and what it learned, written back: both for
 * many managers in one statement, since a controller that starts takes up thousands at once.
 */
import { type Kysely, sql } from 'kysely';
import type { Decision, Learned, Reading } from '../decide/words.ts';
import { mostPoints } from './charts.ts';
import type { Database } from './database.ts';
import { toStored as toIssue } from './issues.ts';
import type { StoredDecision, StoredIssue } from './store.ts';
import { together } from './together.ts';
import { usedSince } from './usage.ts';
import { json, rowId } from './values.ts';

export interface Past {
  /** Oldest first, with every reading as it was. */
  readonly samples: { at: number; readings: Reading[] }[];
  /** Oldest first. */
  readonly decisions: (Decision & Pick<StoredDecision, 'outcome'>)[];
  readonly openIssues: StoredIssue[];
  /** What its processes used since `usedFrom`: from the first known hour on, up to `until`. Absent: nothing is known. */
  readonly used?: { readonly from: number; readonly until: number; readonly processSeconds: number };
}

/** Milliseconds since the Unix epoch. */
export interface PastSpan {
  readonly samplesFrom: number;
  readonly decisionsFrom: number;
  readonly usedFrom: number;
  readonly until: number;
}

export interface History {
  /** Of an unknown manager nothing. Bounded: 2,000 samples, 500 decisions and 50 issues. */
  recall(managerId: string, span: PastSpan): Promise<Past>;
  /** In one statement. Those that are gone are left out. */
  keepLearned(learned: readonly { readonly managerId: string; readonly learned: Learned }[]): Promise<void>;
}

const mostDecisions = 500;
const mostIssues = 50;
/** A hundred managers of an hour's samples are some ten thousand rows. */
const width = { calls: 100, statements: 2 };

export function createHistory(kysely: Kysely<Database>): History {
  return {
    recall: (() => {
      const ask = together(width, (asked: readonly Asked[]) => recallAll(kysely, asked));
      return async (managerId, span) => await ask({ id: rowId(managerId), span });
    })(),
    async keepLearned(learned) {
      // The last word of each counts, and rows are written in one order so that two who write never wait in a ring.
      const rows = new Map(learned.map(({ managerId, learned }) => [rowId(managerId), learned]));
      if (rows.size === 0) return;
      const given = [...rows].map(([id, learned]) => ({ id, learned }));
      await sql`
        with given as (
          select id, learned from jsonb_to_recordset(${json(given)}::jsonb) as given (id int, learned jsonb)
        ), mine as materialized (
          select managers.id from managers join given on given.id = managers.id order by managers.id
          for no key update of managers
        )
        update managers set learned = given.learned from given, mine
        where managers.id = given.id and given.id = mine.id`.execute(kysely);
    },
  };
}

interface Asked {
  readonly id: number;
  readonly span: PastSpan;
}

async function recallAll(kysely: Kysely<Database>, asked: readonly Asked[]): Promise<Past[]> {
  const [samples, decisions, issues, used] = await Promise.all([
    samplesOf(kysely, asked),
    decisionsOf(kysely, asked),
    openIssuesOf(kysely, asked),
    usedOf(kysely, asked),
  ]);
  return asked.map(({ id, span }) => {
    const own = used.get(id);
    return {
      samples: (samples.get(id) ?? []).map(({ at, readings }) => ({ at, readings })),
      decisions: (decisions.get(id) ?? []).map(({ manager_id: _, ...decision }) => decision),
      openIssues: (issues.get(id) ?? []).map(toIssue),
      ...(own && {
        used: { from: Math.max(own.first, span.usedFrom), until: own.until, processSeconds: own.seconds },
      }),
    };
  });
}

const wanted = (asked: readonly Asked[], from: (span: PastSpan) => number) =>
  sql`unnest(${asked.map(({ id }) => id)}::int[], ${asked.map(({ span }) => Math.ceil(from(span)))}::bigint[]) as wanted (id, since)`;

interface SampleRow {
  readonly manager_id: number;
  readonly at: number;
  readonly readings: Reading[];
}

async function samplesOf(kysely: Kysely<Database>, asked: readonly Asked[]) {
  const { rows } = await sql<SampleRow>`
    select part.* from ${wanted(asked, ({ samplesFrom }) => samplesFrom)}
    cross join lateral (
      select manager_id, at, readings from points where manager_id = wanted.id and at >= wanted.since
      order by at desc limit ${sql.lit(mostPoints)}
    ) as part order by part.manager_id, part.at`.execute(kysely);
  return byManager(rows);
}

type DecisionRow = Decision & Pick<StoredDecision, 'outcome'> & { readonly manager_id: number };

/** The newest by their ids, and of those the young ones: the clock may have been set back. */
async function decisionsOf(kysely: Kysely<Database>, asked: readonly Asked[]) {
  const { rows } = await sql<DecisionRow>`
    select part.manager_id, part.at, part.current, part.desired, part.reasons, part.unknown, part.outcome
    from ${wanted(asked, ({ decisionsFrom }) => decisionsFrom)}
    cross join lateral (
      select * from decisions where manager_id = wanted.id order by id desc limit ${sql.lit(mostDecisions)}
    ) as part where part.at >= wanted.since order by part.id`.execute(kysely);
  return byManager(rows);
}

async function openIssuesOf(kysely: Kysely<Database>, asked: readonly Asked[]) {
  const rows = await kysely
    .selectFrom('issues')
    .selectAll()
    .where('manager_id', '=', sql<number>`any(${asked.map(({ id }) => id)}::int[])`)
    .where('resolved_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(mostIssues * asked.length)
    .execute();
  return byManager(rows);
}

/** Those of one month together, which is all of them but in the moment in which it changes. */
async function usedOf(kysely: Kysely<Database>, asked: readonly Asked[]) {
  const found = new Map<number, { first: number; until: number; seconds: number }>();
  for (const usedFrom of new Set(asked.map(({ span }) => span.usedFrom))) {
    const those = asked.filter(({ span }) => span.usedFrom === usedFrom);
    const until = Math.ceil(Math.max(...those.map(({ span }) => span.until)));
    if (!(until > usedFrom)) continue;
    const ids = those.map(({ id }) => id);
    for (const row of await usedSince(kysely, ids, usedFrom, until))
      found.set(row.manager_id, { first: row.first, until, seconds: row.process_hours * 3_600 });
  }
  return found;
}

function byManager<Row extends { readonly manager_id: number }>(rows: readonly Row[]): Map<number, Row[]> {
  const found = new Map<number, Row[]>();
  for (const row of rows) {
    const those = found.get(row.manager_id) ?? [];
    found.set(row.manager_id, those);
    those.push(row);
  }
  return found;
}
