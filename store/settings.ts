/** Small facts about this installation, by key. */
import type { Kysely } from 'kysely';
import type { Database } from './database.ts';
import { together } from './together.ts';
import { text } from './values.ts';
import { places, type Vault } from './vault.ts';

/** Small facts about this installation: its secret, its set-up link. */
export interface Settings {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  /** Sets it when absent; answers what stands there now. */
  setOnce(key: string, value: string): Promise<string>;
}

/** A controller that starts asks for one of every manager. */
const width = { calls: 500, statements: 2 };

export function createSettings(kysely: Kysely<Database>, vault: Vault): Settings {
  const sealed = (value: string): string => vault.seal(text(value), places.settings);
  const sealedOf = together(width, async (keys: readonly string[]) => {
    const rows = await kysely.selectFrom('settings').selectAll().where('key', 'in', keys).execute();
    const values = new Map(rows.map(({ key, value }) => [key, value]));
    return keys.map((key) => values.get(key));
  });
  const get = async (key: string): Promise<string | undefined> => {
    const value = await sealedOf(text(key));
    return value === undefined ? undefined : vault.open(value, places.settings);
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
