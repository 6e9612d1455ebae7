/** Small facts about this installation, by key. */
import type { Kysely } from 'kysely';
import type { Database } from './database.ts';
import type { Settings } from './store.ts';
import { text } from './values.ts';
import { places, type Vault } from './vault.ts';

export function createSettings(kysely: Kysely<Database>, vault: Vault): Settings {
  const sealed = (value: string): string => vault.seal(text(value), places.settings);
  const get = async (key: string): Promise<string | undefined> => {
    const row = await kysely
      .selectFrom('settings')
      .select('value')
      .where('key', '=', text(key))
      .executeTakeFirst();
    return row && vault.open(row.value, places.settings);
  };
  return {
    get,
    async set(key, value) {
      await kysely
        .insertInto('settings')
        .values({ key: text(key), value: sealed(value) })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: sealed(value) }))
        .execute();
    },
    async setOnce(key, value) {
      await kysely
        .insertInto('settings')
        .values({ key: text(key), value: sealed(value) })
        .onConflict((conflict) => conflict.column('key').doNothing())
        .execute();
      return (await get(key)) ?? value;
    },
  };
}
