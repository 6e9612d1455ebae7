/** Managers: the rules, limits, meters and bounds of one process type, with what was learned about it. */
import { type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import { HeadcountError } from '../decide/errors.ts';
import { defaultLearned } from '../decide/learn.ts';
import type { Database, ManagerTable } from './database.ts';
import type { ManagerChange, ManagerSettings, Managers, StoredManager } from './store.ts';
import { json, notFound, ownerGone, rowId, sqlState, text, uniqueViolation } from './values.ts';
import { openChoice, places, sealMeters, type Vault } from './vault.ts';

export function createManagers(kysely: Kysely<Database>, vault: Vault): Managers {
  const toManager = managerFrom(vault);
  return {
    async list(appId) {
      const rows = await kysely
        .selectFrom('managers')
        .selectAll()
        .where('app_id', '=', rowId(appId))
        .orderBy('process_type')
        .execute();
      return rows.map(toManager);
    },
    async byApp(appIds) {
      let query = kysely.selectFrom('managers').selectAll().orderBy('process_type');
      if (appIds) query = query.where('app_id', '=', sql<number>`any(${appIds.map(rowId)}::int[])`);
      const found = new Map<string, StoredManager[]>();
      for (const manager of (await query.execute()).map(toManager)) {
        const those = found.get(manager.appId) ?? [];
        found.set(manager.appId, those);
        those.push(manager);
      }
      return found;
    },
    async get(appId, processType) {
      const row = await kysely
        .selectFrom('managers')
        .selectAll()
        .where('app_id', '=', rowId(appId))
        .where('process_type', '=', text(processType))
        .executeTakeFirst();
      return row && toManager(row);
    },
    async create(appId, settings, now) {
      const row = await kysely
        .insertInto('managers')
        .values(newRow(vault, appId, settings, now))
        .returningAll()
        .executeTakeFirstOrThrow()
        .catch((error: unknown) => {
          throw sqlState(error) === uniqueViolation ? taken(settings.processType) : error;
        })
        .catch(ownerGone(`app with the id ${appId}`));
      return toManager(row);
    },
    async update(id, change) {
      const set = changedColumns(vault, change);
      const row = await (Object.keys(set).length === 0
        ? kysely.selectFrom('managers').selectAll().where('id', '=', rowId(id))
        : kysely.updateTable('managers').set(set).where('id', '=', rowId(id)).returningAll()
      ).executeTakeFirst();
      if (!row) throw notFound(`manager with the id ${id}`);
      return toManager(row);
    },
    async remove(id) {
      await kysely.deleteFrom('managers').where('id', '=', rowId(id)).execute();
    },
  };
}

function newRow(
  vault: Vault,
  appId: string,
  settings: ManagerSettings & { configHash?: string },
  now: number,
) {
  return {
    app_id: rowId(appId),
    process_type: text(settings.processType),
    rules: json(settings.rules),
    limits: json(settings.limits),
    meters: sealMeters(vault, settings.meters),
    minimum: settings.minimum,
    maximum: settings.maximum,
    paused: settings.paused,
    ...(settings.dryRun !== undefined && { dry_run: settings.dryRun }),
    ...(settings.combine !== undefined && { combine: text(settings.combine) }),
    learned: json(defaultLearned),
    config_hash: settings.configHash ?? null,
    created_at: Math.round(now),
  };
}

function changedColumns(vault: Vault, change: ManagerChange): Updateable<ManagerTable> {
  return {
    ...(change.rules !== undefined && { rules: json(change.rules) }),
    ...(change.limits !== undefined && { limits: json(change.limits) }),
    ...(change.meters !== undefined && { meters: sealMeters(vault, change.meters) }),
    ...(change.minimum !== undefined && { minimum: change.minimum }),
    ...(change.maximum !== undefined && { maximum: change.maximum }),
    ...(change.paused !== undefined && { paused: change.paused }),
    ...(change.dryRun !== undefined && { dry_run: change.dryRun }),
    ...(change.combine !== undefined && { combine: change.combine === null ? null : text(change.combine) }),
    ...(change.hold !== undefined && { hold: change.hold === null ? null : json(change.hold) }),
    ...(change.learned !== undefined && { learned: json(change.learned) }),
    ...(change.configHash !== undefined && { config_hash: change.configHash }),
  };
}

function managerFrom(vault: Vault): (row: Selectable<ManagerTable>) => StoredManager {
  return (row) => ({
    id: String(row.id),
    appId: String(row.app_id),
    processType: row.process_type,
    rules: row.rules,
    limits: row.limits,
    meters: row.meters.map((meter) => openChoice(vault, meter, places.meters)),
    minimum: row.minimum,
    maximum: row.maximum,
    paused: row.paused,
    ...(row.dry_run && { dryRun: true }),
    ...(row.hold !== null && { hold: row.hold }),
    ...(row.combine !== null && { combine: row.combine }),
    learned: row.learned,
    ...(row.config_hash !== null && { configHash: row.config_hash }),
    createdAt: row.created_at,
  });
}

function taken(processType: string): HeadcountError {
  return new HeadcountError(
    'NAME_TAKEN',
    `This app has a manager for "${processType}" already`,
    'a process type has one manager',
    'Change the manager that is there.',
  );
}
