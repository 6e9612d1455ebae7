import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase, has, temporaryFolder } from '../checks/fixtures.ts';
import { freePort } from '../checks/servers.ts';
import { HeadcountError } from '../decide/errors.ts';
import { onEachStore } from './contract.ts';
import { lockFolder } from './folder-lock.ts';
import { type OpenStore, openStore } from './open.ts';

onEachStore((store) => {
  test('numbers, times, booleans and JSON come back the same from both databases', async () => {
    const { rows } =
      await sql`select 9007199254740991::bigint as big, 12.5::numeric as decimal, count(*) as count,
      0.1::double precision as real, 7::int as whole, true as yes, null::text as none, '{"a":[1,null]}'::jsonb as json,
      '2026-01-02T03:04:05.678Z'::timestamptz as moment, array[1, 2]::int[] as list, sum(2::bigint) as sum
      `.execute(store().kysely);
    expect(rows).toEqual([
      {
        big: 9_007_199_254_740_991,
        decimal: 12.5,
        count: 1,
        real: 0.1,
        whole: 7,
        yes: true,
        none: null,
        json: { a: [1, null] },
        moment: new Date('2026-01-02T03:04:05.678Z'),
        list: [1, 2],
        sum: 2,
      },
    ]);
    const given =
      await sql`select ${new Date(0)}::timestamptz as moment, ${true}::boolean as yes, ${1.5}::numeric as n,
      ${'x'}::text as t, ${null}::text as none, ${['a', 'b']}::text[] as list`.execute(store().kysely);
    expect(given.rows).toEqual([
      { moment: new Date(0), yes: true, n: 1.5, t: 'x', none: null, list: ['a', 'b'] },
    ]);
  });

  test('a transaction is whole or nothing, and nobody gets in between', async () => {
    const { kysely, settings } = store();
    await settings.set('n', '0');
    const addOne = (fails: boolean): Promise<void> =>
      kysely.transaction().execute(async (transaction) => {
        const row = await transaction
          .selectFrom('settings')
          .selectAll()
          .where('key', '=', 'n')
          .forUpdate()
          .executeTakeFirstOrThrow();
        await transaction
          .updateTable('settings')
          .set({ value: String(Number(row.value) + 1) })
          .where('key', '=', 'n')
          .execute();
        if (fails) throw new Error('on purpose');
      });
    const ends = await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) => (n % 4 === 0 ? addOne(true) : addOne(false))),
    );
    expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(10);
    expect(await settings.get('n')).toBe('30');
  });

  test('a statement that fails harms neither its transaction handling nor the next statement', async () => {
    const { kysely, settings } = store();
    const broken = kysely.transaction().execute(async (transaction) => {
      await transaction.insertInto('settings').values({ key: 'half', value: 'x' }).execute();
      await sql`select 1 / 0`.execute(transaction);
    });
    await expect(broken).rejects.toMatchObject({ code: '22012' });
    expect(await settings.get('half')).toBeUndefined();
    await expect(sql`select nonsense`.execute(kysely)).rejects.toMatchObject({ code: '42703' });
    expect((await sql`select 1 as one`.execute(kysely)).rows).toEqual([{ one: 1 }]);
  });

  test('it says how many rows a statement changed', async () => {
    const { kysely } = store();
    await kysely
      .insertInto('settings')
      .values([1, 2, 3].map((n) => ({ key: `row-${n}`, value: '' })))
      .execute();
    const changed = kysely.updateTable('settings').set({ value: 'y' }).where('key', 'like', 'row-%');
    expect((await changed.executeTakeFirst()).numUpdatedRows).toBe(3n);
    const gone = kysely.deleteFrom('settings').where('key', '=', 'row-1');
    expect((await gone.executeTakeFirst()).numDeletedRows).toBe(1n);
    expect((await gone.executeTakeFirst()).numDeletedRows).toBe(0n);
  });
});

describe('embedded', () => {
  const folder = temporaryFolder('open');
  let store: OpenStore;
  beforeAll(async () => {
    await mkdir(join(folder.path, 'database.new-1', 'base'), { recursive: true });
    store = await openStore({ folder: folder.path });
  });
  afterAll(async () => {
    await store.close();
    folder.remove();
  });

  test('a half-made database of an interrupted first start is cleared away', async () => {
    expect((await readdir(folder.path)).sort()).toEqual(['database', 'lock']);
  });

  test('nobody else can read the lock or the database', () => {
    expect(statSync(join(folder.path, 'lock')).mode & 0o077).toBe(0);
    expect(statSync(join(folder.path, 'database')).mode & 0o077).toBe(0);
  });

  test('a folder in use is refused, naming the process', async () => {
    const again = openStore({ folder: folder.path });
    await expect(again).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    await expect(again).rejects.toThrow(`process ${process.pid} has it open`);
  });

  test('tidy does the upkeep that PGlite has no background process for', async () => {
    const lastCheckpoint = async (): Promise<unknown> =>
      (
        await sql<{ at: string }>`select redo_lsn::text as at from pg_control_checkpoint()`.execute(
          store.kysely,
        )
      ).rows[0]?.at;
    const before = await lastCheckpoint();
    await store.settings.set('written', 'after the last checkpoint');
    await store.tidy(Date.now());
    expect(await lastCheckpoint()).not.toBe(before);
  });

  test('closed twice and opened again, everything is there', async () => {
    await store.settings.set('kept', 'yes');
    await Promise.all([store.close(), store.close()]);
    expect(await readdir(folder.path)).toEqual(['database']);
    store = await openStore({ folder: folder.path });
    expect(await store.settings.get('kept')).toBe('yes');
  });

  test('a database from a newer version is refused and left as it is', async () => {
    await refusesNewer(store, () => openStore({ folder: folder.path }));
    store = await openStore({ folder: folder.path }).catch(async (error: unknown) => {
      expect(error).toBeInstanceOf(HeadcountError);
      return store;
    });
  });

  test('a folder that cannot be made is one clear error', async () => {
    const file = join(folder.path, 'file');
    writeFileSync(file, '');
    await expect(openStore({ folder: join(file, 'store') })).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
    });
  });
});

describe('the lock of a folder', () => {
  const folder = temporaryFolder('lock');
  const path = join(folder.path, 'lock');
  afterAll(() => folder.remove());

  /** Takes the lock, rewrites it as another owner's, and answers the release of the first. */
  async function forge(change: Record<string, unknown>): Promise<() => Promise<void>> {
    const release = await lockFolder(folder.path);
    const mine = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify({ ...mine, lock: 'forged', ...change }));
    return release;
  }
  const age = (): void => utimesSync(path, new Date(0), new Date(0));

  test.each([
    ['whose process is gone', { pid: 4_194_304 }],
    ['whose pid another process has now', { pid: process.ppid, startedAt: '1' }],
  ])('one %s is taken over', async (_, change) => {
    const first = await forge(change);
    const release = await lockFolder(folder.path);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid });
    await first();
    await expect(lockFolder(folder.path)).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    await release();
    await (await lockFolder(folder.path))();
  });

  test('one of another machine or container holds until it is no longer touched', async () => {
    const first = await forge({ where: 'elsewhere', pid: 4_194_304 });
    await expect(lockFolder(folder.path)).rejects.toThrow('another machine or container');
    age();
    await (await lockFolder(folder.path))();
    await first();
  });

  test('one that cannot be read holds while it is young', async () => {
    writeFileSync(path, '');
    await expect(lockFolder(folder.path)).rejects.toThrow('another process has it open');
    age();
    await (await lockFolder(folder.path))();
  });

  test('of many that find a dead lock at once, one gets it', async () => {
    for (let round = 0; round < 20; round++) {
      const first = await forge({ pid: 4_194_304 });
      const ends = await Promise.allSettled(Array.from({ length: 12 }, () => lockFolder(folder.path)));
      const won = ends.filter((end) => end.status === 'fulfilled');
      expect(won).toHaveLength(1);
      await won[0]?.value();
      await first();
    }
  });
});

describe.skipIf(!has('postgresUrl'))('PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  test('several that start at once migrate once, and all can write', async () => {
    const stores = await Promise.all(
      Array.from({ length: 6 }, () => openStore({ databaseUrl: database.url })),
    );
    await Promise.all(stores.map((store, n) => store.settings.set(`store-${n}`, 'here')));
    const applied = await stores[0]!.kysely.selectFrom('schema_migrations').selectAll().execute();
    const files = await readdir(new URL('./migrations/', import.meta.url));
    expect(applied.map(({ name }) => name).sort()).toEqual(files.sort());
    expect(await stores[0]!.settings.get('store-5')).toBe('here');
    await Promise.all(stores.map((store) => store.close()));
  });

  test('a database from a newer version is refused', async () => {
    const other = await freshDatabase();
    const store = await openStore({ databaseUrl: other.url });
    await refusesNewer(store, () => openStore({ databaseUrl: other.url }));
    await other.drop();
  });

  test('a server that does not answer, and a database that is not there, are one clear error', async () => {
    const nowhere = `postgres://me:hidden@127.0.0.1:${await freePort()}/headcount`;
    const refused = openStore({ databaseUrl: nowhere });
    await expect(refused).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    await expect(refused).rejects.toThrow(/127\.0\.0\.1:\d+\/headcount cannot be used: .*ECONNREFUSED/);
    await expect(refused).rejects.not.toThrow('hidden');
    const missing = new URL(database.url);
    missing.pathname = '/no_such_database';
    await expect(openStore({ databaseUrl: missing.href })).rejects.toThrow('does not exist');
  });

  test('a broken idle connection is replaced', async () => {
    const store = await openStore({ databaseUrl: database.url });
    const other = await openStore({ databaseUrl: database.url });
    await store.settings.set('before', 'x');
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`.execute(other.kysely);
    await expect.poll(() => store.settings.get('before').catch(() => 'broken')).toBe('x');
    await store.close();
    await other.close();
  });
});

test.each(['', 'headcount', 'mysql://root@127.0.0.1/headcount', 'postgres:/'])(
  'DATABASE_URL "%s" is refused',
  async (databaseUrl) => {
    await expect(openStore({ databaseUrl })).rejects.toBeInstanceOf(HeadcountError);
  },
);

/** Marks the database as newer, closes it, expects the refusal, and that nothing was left locked or open. */
async function refusesNewer(store: OpenStore, reopen: () => Promise<OpenStore>): Promise<void> {
  const future = { number: 9_999, name: '9999-breaking-of-the-future.sql', checksum: 'x', applied_at: 1 };
  await store.kysely.insertInto('schema_migrations').values(future).execute();
  await store.close();
  for (let attempt = 0; attempt < 2; attempt++) {
    const refused = reopen();
    await expect(refused).rejects.toMatchObject({ code: 'STORE_NEWER' });
    await expect(refused).rejects.toThrow('9999-breaking-of-the-future.sql');
  }
}
