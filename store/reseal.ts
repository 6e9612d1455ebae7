/**
 * Brings every sealed column to the vault's newest key: what was plain, or sealed with an older key. Rows are changed only
 * while they are what was read, so that other controllers may work on; with a key that is missing, nothing is changed.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Choice } from '../decide/words.ts';
import type { Database } from './database.ts';
import { openChoice, places, type SealedChoice, sealChoice, sealMeters, type Vault } from './vault.ts';

/** @returns how many rows were sealed anew. @throws HeadcountError SECRETS_LOCKED */
export async function resealAll(kysely: Kysely<Database>, vault: Vault): Promise<number> {
  return (
    (await resealApps(kysely, vault)) +
    (await resealManagers(kysely, vault)) +
    (await resealChannels(kysely, vault)) +
    (await resealSettings(kysely, vault))
  );
}

async function resealApps(kysely: Kysely<Database>, vault: Vault): Promise<number> {
  const rows = await kysely.selectFrom('apps').select(['id', 'token', 'fleet']).execute();
  const stale = rows.filter(({ token, fleet }) => !vault.isCurrent(token) || !isCurrent(vault, fleet));
  for (const { id, token, fleet } of stale) {
    const set = {
      token: vault.seal(vault.open(token, places.token), places.token),
      fleet: sealChoice(vault, openChoice(vault, fleet, places.fleet), places.fleet),
    };
    const query = kysely.updateTable('apps').set(set).where('id', '=', id).where('token', '=', token);
    await query.where(stillIs('fleet', fleet)).execute();
  }
  return stale.length;
}

async function resealManagers(kysely: Kysely<Database>, vault: Vault): Promise<number> {
  const rows = await kysely.selectFrom('managers').select(['id', 'meters']).execute();
  const stale = rows.filter(({ meters }) => !meters.every((meter) => isCurrent(vault, meter)));
  for (const { id, meters } of stale) {
    const opened = meters.map((meter) => openChoice(vault, meter, places.meters));
    const set = { meters: sealMeters(vault, opened) };
    const query = kysely.updateTable('managers').set(set).where('id', '=', id);
    await query.where(stillIs('meters', meters)).execute();
  }
  return stale.length;
}

async function resealChannels(kysely: Kysely<Database>, vault: Vault): Promise<number> {
  const rows = await kysely.selectFrom('channels').select(['id', 'notifier']).execute();
  const stale = rows.filter(({ notifier }) => !isCurrent(vault, notifier));
  for (const { id, notifier } of stale) {
    const set = {
      notifier: sealChoice(vault, openChoice(vault, notifier, places.notifier), places.notifier),
    };
    const query = kysely.updateTable('channels').set(set).where('id', '=', id);
    await query.where(stillIs('notifier', notifier)).execute();
  }
  return stale.length;
}

async function resealSettings(kysely: Kysely<Database>, vault: Vault): Promise<number> {
  const rows = await kysely.selectFrom('settings').selectAll().execute();
  const stale = rows.filter(({ value }) => !vault.isCurrent(value));
  for (const { key, value } of stale) {
    const set = { value: vault.seal(vault.open(value, places.settings), places.settings) };
    await kysely.updateTable('settings').set(set).where('key', '=', key).where('value', '=', value).execute();
  }
  return stale.length;
}

function stillIs(column: string, kept: unknown): RawBuilder<boolean> {
  return sql<boolean>`${sql.ref(column)} = ${JSON.stringify(kept)}::jsonb`;
}

function isCurrent(vault: Vault, kept: Choice | SealedChoice): boolean {
  return vault.isCurrent('sealed' in kept ? kept.sealed : '');
}
