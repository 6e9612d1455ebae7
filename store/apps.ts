/** Apps: what a team deploys, each with its secret token. */
import type { Kysely, Selectable } from 'kysely';
import { HeadcountError } from '../decide/errors.ts';
import type { AppTable, Database } from './database.ts';
import type { App, Apps } from './store.ts';
import { notFound, rowId, sqlState, text, uniqueViolation } from './values.ts';
import { openChoice, places, sealChoice, type Vault } from './vault.ts';

export function createApps(kysely: Kysely<Database>, vault: Vault): Apps {
  const toApp = appFrom(vault);
  return {
    async list() {
      const rows = await kysely.selectFrom('apps').selectAll().orderBy('name').execute();
      return rows.map(toApp);
    },
    async get(name) {
      const row = await kysely
        .selectFrom('apps')
        .selectAll()
        .where('name', '=', text(name))
        .executeTakeFirst();
      return row && toApp(row);
    },
    async create(app) {
      const row = await kysely
        .insertInto('apps')
        .values({
          name: text(app.name),
          token: vault.seal(text(app.token), places.token),
          url: app.url === undefined ? null : text(app.url),
          fleet: sealChoice(vault, app.fleet, places.fleet),
          created_at: Math.round(app.createdAt),
          ...(app.organisationId !== undefined && { organisation_id: rowId(app.organisationId) }),
        })
        .returningAll()
        .executeTakeFirstOrThrow()
        .catch((error: unknown) => {
          throw sqlState(error) === uniqueViolation ? taken(app.name) : error;
        });
      return toApp(row);
    },
    async update(id, change) {
      const set = {
        ...(change.url !== undefined && { url: change.url === null ? null : text(change.url) }),
        ...(change.fleet !== undefined && { fleet: sealChoice(vault, change.fleet, places.fleet) }),
        ...(change.token !== undefined && { token: vault.seal(text(change.token), places.token) }),
      };
      const row = await (Object.keys(set).length === 0
        ? kysely.selectFrom('apps').selectAll().where('id', '=', rowId(id))
        : kysely.updateTable('apps').set(set).where('id', '=', rowId(id)).returningAll()
      ).executeTakeFirst();
      if (!row) throw notFound(`app with the id ${id}`);
      return toApp(row);
    },
    async remove(id) {
      await kysely.deleteFrom('apps').where('id', '=', rowId(id)).execute();
    },
  };
}

function appFrom(vault: Vault): (row: Selectable<AppTable>) => App {
  return (row) => ({
    id: String(row.id),
    name: row.name,
    token: vault.open(row.token, places.token),
    ...(row.url !== null && { url: row.url }),
    fleet: openChoice(vault, row.fleet, places.fleet),
    createdAt: row.created_at,
    organisationId: String(row.organisation_id),
  });
}

function taken(name: string): HeadcountError {
  return new HeadcountError(
    'NAME_TAKEN',
    `There is an app called "${name}" already`,
    'a name stands for one app',
    'Choose another name, or change the app that has it.',
  );
}
