/** The audit log: every change that somebody made. It only grows, until what is past its time or number is forgotten. */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { AuditTable, Database } from './database.ts';
import type { Audit, AuditEntry } from './store.ts';
import { json, rowId, text } from './values.ts';

const mostRows = 500;
/** Per organisation; the oldest go first. */
export const auditKeptCount = 100_000;

export function createAudit(kysely: Kysely<Database>): Audit {
  return {
    async record({ organisationId, at, who, by, address, action, subject, before, after }) {
      await kysely
        .insertInto('audit')
        .values({
          organisation_id: rowId(organisationId),
          at: Math.round(at),
          who: text(who),
          by_means_of: by,
          address: text(address),
          action: text(action),
          subject: text(subject),
          before: before === undefined ? null : json(before),
          after: after === undefined ? null : json(after),
        })
        .execute();
    },
    async list(organisationIds, { limit, before }) {
      if (organisationIds.length === 0) return [];
      let query = kysely
        .selectFrom('audit')
        .selectAll()
        .where('organisation_id', 'in', organisationIds.map(rowId))
        .orderBy('id', 'desc')
        .limit(Math.max(0, Math.min(mostRows, Math.floor(limit))));
      if (before !== undefined)
        query = query.where('id', '<', /^\d{1,15}$/.test(before) ? Number(before) : 0);
      return (await query.execute()).map(toEntry);
    },
    async forget(until) {
      await kysely.deleteFrom('audit').where('at', '<', Math.floor(until)).execute();
      await kysely.deleteFrom('login_failures').where('since', '<', Math.floor(until)).execute();
      await sql`delete from audit using organisations where organisations.id = audit.organisation_id
        and audit.id <= (select id from audit as kept where kept.organisation_id = organisations.id
          order by id desc offset ${sql.lit(auditKeptCount)} limit 1)`.execute(kysely);
    },
    async loginFailed(account, now, spanMs) {
      await sql`insert into login_failures (account, failures, since) values (${account}, 1, ${Math.round(now)}::bigint)
        on conflict (account) do update set
          failures = case when login_failures.since < ${Math.round(now - spanMs)}::bigint then 1
            else login_failures.failures + 1 end,
          since = case when login_failures.since < ${Math.round(now - spanMs)}::bigint then excluded.since
            else login_failures.since end`.execute(kysely);
    },
    async loginFailures(account, from) {
      const row = await kysely
        .selectFrom('login_failures')
        .select('failures')
        .where('account', '=', account)
        .where('since', '>=', Math.floor(from))
        .executeTakeFirst();
      return row?.failures ?? 0;
    },
    async loginWorked(account) {
      await kysely.deleteFrom('login_failures').where('account', '=', account).execute();
    },
  };
}

function toEntry(row: Selectable<AuditTable>): AuditEntry {
  return {
    id: String(row.id),
    organisationId: String(row.organisation_id),
    at: row.at,
    who: row.who,
    by: row.by_means_of,
    address: row.address,
    action: row.action,
    subject: row.subject,
    ...(row.before !== null && { before: row.before }),
    ...(row.after !== null && { after: row.after }),
  };
}
