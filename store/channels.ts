/** Channels: where people are told, and of what. */
import type { Kysely, Selectable } from 'kysely';
import { HeadcountError } from '../decide/errors.ts';
import type { ChannelTable, Database } from './database.ts';
import type { Channel, Channels } from './store.ts';
import { json, notFound, rowId, sqlState, text, uniqueViolation } from './values.ts';
import { openChoice, places, sealChoice, type Vault } from './vault.ts';

export function createChannels(kysely: Kysely<Database>, vault: Vault): Channels {
  const toChannel = channelFrom(vault);
  return {
    async list() {
      const rows = await kysely.selectFrom('channels').selectAll().orderBy('name').execute();
      return rows.map(toChannel);
    },
    async create({ name, notifier, tells, organisationId }, now) {
      const row = await kysely
        .insertInto('channels')
        .values({
          name: text(name),
          notifier: sealChoice(vault, notifier, places.notifier),
          tells: json(tells),
          created_at: Math.round(now),
          ...(organisationId !== undefined && { organisation_id: rowId(organisationId) }),
        })
        .returningAll()
        .executeTakeFirstOrThrow()
        .catch(taken(name));
      return toChannel(row);
    },
    async update(id, { name, notifier, tells }) {
      const row = await kysely
        .updateTable('channels')
        .set((columns) => ({
          name: name === undefined ? columns.ref('name') : text(name),
          ...(notifier && { notifier: sealChoice(vault, notifier, places.notifier) }),
          ...(tells && { tells: json(tells) }),
        }))
        .where('id', '=', rowId(id))
        .returningAll()
        .executeTakeFirst()
        .catch(taken(name ?? ''));
      if (!row) throw notFound(`channel with the id ${id}`);
      return toChannel(row);
    },
    async remove(id) {
      await kysely.deleteFrom('channels').where('id', '=', rowId(id)).execute();
    },
  };
}

function channelFrom(vault: Vault): (row: Selectable<ChannelTable>) => Channel {
  return (row) => ({
    id: String(row.id),
    name: row.name,
    notifier: openChoice(vault, row.notifier, places.notifier),
    tells: row.tells,
    createdAt: row.created_at,
    organisationId: String(row.organisation_id),
  });
}

function taken(name: string): (error: unknown) => never {
  return (error) => {
    if (sqlState(error) !== uniqueViolation) throw error;
    throw new HeadcountError(
      'NAME_TAKEN',
      `There is a channel "${name}" already`,
      'names of channels are unique',
      'Choose another name.',
    );
  };
}
