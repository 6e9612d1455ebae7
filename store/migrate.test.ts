/** Steps of a newer version, on tables that an older one has open: what adds harms nobody, what breaks waits or is refused. */
import { sql } from 'kysely';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freshDatabase, has } from '../checks/fixtures.ts';
import { addingStep, step } from '../checks/migration-steps.ts';
import { newManager, onEachStore, point, storeContract } from './contract.ts';
import { knownMigrations, type MigrateOptions, type Migration, migrate } from './migrate.ts';
import { type OpenStore, openStore } from './open.ts';

/** As a version does that has these steps beside ours. */
async function asNewer({ kysely }: OpenStore, steps: Migration[], more: MigrateOptions = {}) {
  return await migrate(kysely, 5, { known: [...(await knownMigrations()), ...steps], ...more });
}

const breaking = step('990-breaking-names.sql', 'alter table apps rename column url to address');

describe('a store that is open while every table is added to', () => {
  onEachStore((store) => {
    let before: Awaited<ReturnType<typeof newManager>>;
    beforeAll(async () => {
      before = await newManager(store());
      await store().readings.record(before.id, point(1_000, { waiting: 3 }), []);
      const further = await addingStep(store().kysely, 980);
      expect(further.text.split('\n').length).toBeGreaterThan(15);
      expect(await asNewer(store(), [further])).toEqual([]);
      expect(await asNewer(store(), [further])).toEqual([]);
    });

    storeContract(store);

    test('what was there is there, and what is written goes beside the new columns', async () => {
      const { managers, readings, kysely } = store();
      expect(await managers.get(before.appId, before.processType)).toEqual(before);
      await readings.record(before.id, point(2_000), []);
      const { points } = await readings.series(before.id, 0, 5_000);
      expect(points).toEqual([point(1_000, { waiting: 3 }), point(2_000)]);
      const { rows } = await sql`select distinct further_980 from points`.execute(kysely);
      expect(rows).toEqual([{ further_980: 'as before' }]);
    });
  });
});

describe.skipIf(!has('postgresUrl'))('PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  let store: OpenStore;
  beforeEach(async () => {
    database = await freshDatabase();
    store = await openStore({ databaseUrl: database.url });
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  const names = async () =>
    (await store.kysely.selectFrom('schema_migrations').select('name').execute()).map(({ name }) => name);

  test('an older version is started on tables that were added to, and says which steps it does without', async () => {
    expect(store.newerSteps).toBeUndefined();
    await asNewer(store, [await addingStep(store.kysely, 980)]);
    const older = await openStore({ databaseUrl: database.url });
    expect(older.newerSteps).toEqual(['980-further.sql']);
    await older.settings.set('written by', 'the older one');
    await older.close();
    expect(await store.settings.get('written by')).toBe('the older one');
  });

  test('while something has a table open a step gives way, and is whole or not at all', async () => {
    const twoParts = step(
      '981-two-parts.sql',
      'create table early (id int); alter table apps add column note text',
    );
    let held: unknown;
    await store.kysely.transaction().execute(async (other) => {
      await sql`lock table apps in access share mode`.execute(other);
      const given = asNewer(store, [twoParts], { tries: 2, pauseMs: 1 }).catch((error: unknown) => error);
      // Whoever stands behind the step comes to its turn as soon as that gives way.
      expect(await store.apps.list()).toEqual([]);
      held = await given;
    });
    expect(held).toMatchObject({
      code: 'STORE_IN_USE',
      message: expect.stringContaining('older controllers go on'),
    });
    expect(await names()).not.toContain(twoParts.name);
    await asNewer(store, [twoParts]);
    expect(await names()).toContain(twoParts.name);
    await sql`select id from early`.execute(store.kysely);
  });

  test('a step that breaks waits until no controller lives, and then refuses older versions', async () => {
    const leases = store.several?.leases;
    const me = { id: 'old', url: 'http://10.0.0.5:4700' };
    await leases?.renew(me, { ttlMs: 3_600_000, take: 'nothing' });
    const refused = asNewer(store, [breaking]);
    await expect(refused).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    await expect(refused).rejects.toThrow(
      'its step 990-breaking-names.sql changes what they read, and they run at http://10.0.0.5:4700. Stop them',
    );
    expect(await store.apps.list()).toEqual([]);
    await leases?.leave(me);
    await asNewer(store, [breaking]);
    const older = openStore({ databaseUrl: database.url });
    await expect(older).rejects.toMatchObject({ code: 'STORE_NEWER' });
    await expect(older).rejects.toThrow(breaking.name);
  });

  test('a step of another line of versions is refused: one with our number, or from before our newest', async () => {
    const { kysely } = store;
    const ours = await knownMigrations();
    for (const number of [3, 5]) {
      await kysely.deleteFrom('schema_migrations').where('number', '=', number).execute();
      const row = { number, name: `00${number}-of-others.sql`, checksum: 'x', applied_at: 1 };
      await kysely.insertInto('schema_migrations').values(row).execute();
      const refused = migrate(kysely, 1);
      await expect(refused).rejects.toMatchObject({ code: 'STORE_NEWER' });
      await expect(refused).rejects.toThrow(row.name);
      await kysely.deleteFrom('schema_migrations').where('number', '=', number).execute();
      for (const { text: _, ...mine } of ours.filter((one) => one.number === number))
        await kysely
          .insertInto('schema_migrations')
          .values({ ...mine, applied_at: 1 })
          .execute();
    }
    expect(await migrate(kysely, 1)).toEqual([]);
  });
});
