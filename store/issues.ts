/** Issues: what needs a person, from when on and until when. */
import type { Kysely, Selectable } from 'kysely';
import type { Database, IssueTable } from './database.ts';
import type { Issues, StoredIssue } from './store.ts';
import { ownerGone, rowId, text } from './values.ts';

/** A page is bounded, whatever is asked for. */
const mostRows = 1_000;

export function createIssues(kysely: Kysely<Database>): Issues {
  return {
    async open(managerId, issue) {
      const words = { title: text(issue.title), text: text(issue.text), severity: issue.severity };
      const row = await kysely
        .insertInto('issues')
        .values({
          manager_id: rowId(managerId),
          kind: text(issue.kind),
          ...words,
          since: Math.round(issue.since),
          opened_at: Math.round(issue.openedAt),
          seen_at: Math.round(issue.seenAt),
        })
        .onConflict((conflict) =>
          conflict
            .columns(['manager_id', 'kind'])
            .where('resolved_at', 'is', null)
            .doUpdateSet({ ...words, seen_at: Math.round(issue.seenAt) }),
        )
        .returningAll()
        .executeTakeFirstOrThrow()
        .catch(ownerGone(`manager with the id ${managerId}`));
      return toStored(row);
    },
    async resolve(managerId, kind, at) {
      const row = await kysely
        .updateTable('issues')
        .set({ resolved_at: Math.round(at) })
        .where('manager_id', '=', rowId(managerId))
        .where('kind', '=', text(kind))
        .where('resolved_at', 'is', null)
        .returningAll()
        .executeTakeFirst();
      return row && toStored(row);
    },
    async list({ limit, before, appId, managerId, organisationIds, open }) {
      let query = kysely
        .selectFrom('issues')
        .innerJoin('managers', 'managers.id', 'issues.manager_id')
        .innerJoin('apps', 'apps.id', 'managers.app_id')
        .selectAll('issues')
        .select(['apps.name as app', 'managers.process_type as process_type'])
        .orderBy('issues.id', 'desc')
        .limit(Math.max(0, Math.min(mostRows, Math.floor(limit))));
      if (appId !== undefined) query = query.where('managers.app_id', '=', rowId(appId));
      if (managerId !== undefined) query = query.where('manager_id', '=', rowId(managerId));
      if (organisationIds)
        query = query.where('apps.organisation_id', 'in', [0, ...organisationIds.map(rowId)]);
      if (open !== undefined) query = query.where('resolved_at', open ? 'is' : 'is not', null);
      if (before !== undefined) query = query.where('issues.id', '<', issueId(before));
      const rows = await query.execute();
      return rows.map((row) => ({ ...toStored(row), app: row.app, processType: row.process_type }));
    },
  };
}

/** There is nothing before an id that cannot be ours. */
function issueId(id: string): number {
  return /^\d{1,15}$/.test(id) ? Number(id) : 0;
}

export function toStored(row: Selectable<IssueTable>): StoredIssue {
  return {
    id: String(row.id),
    managerId: String(row.manager_id),
    kind: row.kind,
    severity: row.severity,
    title: row.title,
    text: row.text,
    since: row.since,
    openedAt: row.opened_at,
    seenAt: row.seen_at,
    ...(row.resolved_at !== null && { resolvedAt: row.resolved_at }),
  };
}
