/** Decisions: every number that was chosen, with its reasons. */
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely';
import type { Decision } from '../decide/words.ts';
import type { Database, DecisionTable } from './database.ts';
import type { Decisions, StoredDecision } from './store.ts';
import { finite, json, ownerGone, rowId, text } from './values.ts';

/** A page and a look back are bounded, whatever is asked for. */
const mostRows = 1_000;

export function createDecisions(kysely: Kysely<Database>): Decisions {
  return {
    async record(decision) {
      const row = await kysely
        .insertInto('decisions')
        .values(decisionRow(decision))
        .returningAll()
        .executeTakeFirstOrThrow()
        .catch(ownerGone(`manager with the id ${decision.managerId}`));
      return toStored(row);
    },
    async recordLate(decisions) {
      if (decisions.length === 0) return;
      const rows = decisions.map((one) => ({ ...decisionRow(one), reasons: one.reasons }));
      await sql`
        insert into decisions (manager_id, at, current, desired, unknown, reasons, sentence, outcome, error)
        select distinct on (late.at, late.manager_id) late.manager_id, late.at, late.current, late.desired, late.unknown, late.reasons, late.sentence,
          late.outcome, late.error
        from jsonb_to_recordset(${json(rows)}::jsonb) as late (manager_id int, at bigint, current float8, desired float8,
          unknown boolean, reasons jsonb, sentence text, outcome text, error text)
        join managers on managers.id = late.manager_id
        where not exists (
          select 1 from decisions as known where known.manager_id = late.manager_id and known.at = late.at
        )
        order by late.at, late.manager_id`.execute(kysely);
    },
    async list(managerId, page) {
      let query = kysely
        .selectFrom('decisions')
        .selectAll()
        .where('manager_id', '=', rowId(managerId))
        .orderBy('id', 'desc')
        .limit(Math.max(0, Math.min(mostRows, Math.floor(page.limit))));
      if (page.before !== undefined) query = query.where('id', '<', decisionId(page.before));
      return (await query.execute()).map(toStored);
    },
    async search({ limit, before, appId, organisationIds, processType, outcome, only, from }) {
      let query = kysely
        .selectFrom('decisions')
        .innerJoin('managers', 'managers.id', 'decisions.manager_id')
        .innerJoin('apps', 'apps.id', 'managers.app_id')
        .selectAll('decisions')
        .select(['apps.name as app', 'managers.process_type as process_type'])
        .orderBy('decisions.id', 'desc')
        .limit(Math.max(0, Math.min(mostRows, Math.floor(limit))));
      if (before !== undefined) query = query.where('decisions.id', '<', decisionId(before));
      if (appId !== undefined) query = query.where('managers.app_id', '=', rowId(appId));
      if (organisationIds)
        query = query.where('apps.organisation_id', 'in', [0, ...organisationIds.map(rowId)]);
      if (processType !== undefined) query = query.where('managers.process_type', '=', processType);
      if (outcome !== undefined) query = query.where('outcome', '=', outcome);
      if (only === 'failures') query = query.where('outcome', '=', 'failed');
      if (only === 'changes') query = query.whereRef('decisions.desired', '!=', 'decisions.current');
      if (from !== undefined) query = query.where('decisions.at', '>=', Math.ceil(from));
      const rows = await query.execute();
      return rows.map((row) => ({ ...toStored(row), app: row.app, processType: row.process_type }));
    },
    async recent(managerId, from) {
      const rows = await kysely
        .selectFrom('decisions')
        .select(['at', 'current', 'desired', 'reasons', 'unknown'])
        .where('manager_id', '=', rowId(managerId))
        .where('at', '>=', Math.ceil(from))
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(mostRows)
        .execute();
      return rows.reverse().map(toDecision);
    },
  };
}

export function decisionRow(decision: Omit<StoredDecision, 'id'>): Insertable<DecisionTable> {
  return {
    manager_id: rowId(decision.managerId),
    at: Math.round(decision.at),
    current: finite(decision.current),
    desired: finite(decision.desired),
    unknown: decision.unknown,
    reasons: json(decision.reasons),
    sentence: text(decision.sentence),
    outcome: decision.outcome,
    error: decision.error === undefined ? null : text(decision.error),
  };
}

/** There is nothing before an id that cannot be ours. */
function decisionId(id: string): number {
  return /^\d{1,15}$/.test(id) ? Number(id) : 0;
}

export function toStored(row: Selectable<DecisionTable>): StoredDecision {
  return {
    id: String(row.id),
    managerId: String(row.manager_id),
    ...toDecision(row),
    sentence: row.sentence,
    outcome: row.outcome,
    ...(row.error !== null && { error: row.error }),
  };
}

function toDecision(row: Decision): Decision {
  return {
    at: row.at,
    current: row.current,
    desired: row.desired,
    reasons: row.reasons,
    unknown: row.unknown,
  };
}
