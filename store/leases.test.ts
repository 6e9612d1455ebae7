/** Leases on a real PostgreSQL: shares, changes of hands, fences. Time is the database's; expiry is made by short leases. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freshDatabase, has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { decision, newApp, newManager, told } from './contract.ts';
import type { Ask, Claimant, Leases } from './leases.ts';
import { type OpenStore, openStore } from './open.ts';

const hour: Ask = { ttlMs: 3_600_000, take: 'expired' };
const over: Ask = { ttlMs: -1, take: 'expired' };
const who = (id: string): Claimant => ({ id, url: `http://${id}.example` });
const [ada, bob, cleo] = [who('ada'), who('bob'), who('cleo')];

describe.skipIf(!has('postgresUrl'))('leases', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  let store: OpenStore;
  let leases: Leases;
  beforeAll(async () => {
    database = await freshDatabase();
    store = await openStore({ databaseUrl: database.url });
    if (!store.several) throw new Error('a PostgreSQL can be shared');
    leases = store.several.leases;
  });
  afterAll(async () => {
    await store.close();
    await database.drop();
  });
  beforeEach(async () => {
    for (const { id } of await store.apps.list()) await store.apps.remove(id);
    for (const one of [ada, bob, cleo]) await leases.leave(one);
  });

  const addApps = async (count: number) => {
    for (let n = 0; n < count; n++) await newApp(store);
  };
  const heldBy = async (one: Claimant, ask = hour) => (await leases.renew(one, ask)).held;

  test('who is alone holds everything, again and again, with the same fence', async () => {
    await addApps(3);
    const first = await leases.renew(ada, hour);
    expect(first).toMatchObject({ peers: [], freeCount: 0, share: 3 });
    expect(first.held).toHaveLength(3);
    expect(new Set(await heldBy(ada))).toEqual(new Set(first.held));
    expect(await leases.ownerOf(first.held[0]?.appId ?? '')).toEqual(ada);
  });

  test('nobody takes what another holds; what is given back is taken with a higher fence', async () => {
    await addApps(4);
    const before = await heldBy(ada);
    expect(await leases.renew(bob, hour)).toEqual({ held: [], peers: [ada], freeCount: 0, share: 2 });
    const given = before.slice(0, 2).map(({ appId }) => appId);
    await leases.giveBack(ada, given);
    const taken = await heldBy(bob);
    expect(taken.map(({ appId }) => appId).sort()).toEqual([...given].sort());
    expect(taken.every(({ fence }) => fence === 2)).toBe(true);
    expect(await heldBy(ada)).toHaveLength(2);
  });

  test('several that take at once share fairly, and no app has two', async () => {
    await addApps(10);
    for (let round = 0; round < 3; round++) {
      const all = await Promise.all([ada, bob, cleo].map((one) => heldBy(one)));
      const apps = all.flat().map(({ appId }) => appId);
      expect(new Set(apps).size).toBe(apps.length);
    }
    // Whoever came first saw nobody else; what is over its share goes back.
    const { held, share } = await leases.renew(ada, hour);
    await leases.giveBack(
      ada,
      held.slice(share).map(({ appId }) => appId),
    );
    const [b, c] = [await heldBy(bob), await heldBy(cleo)];
    for (const one of [b, c]) expect(one.length).toBeLessThanOrEqual(4);
    expect((await heldBy(ada)).length + b.length + c.length).toBeLessThanOrEqual(10);
  });

  test('an expired lease is taken only by whoever may, and its owner keeps it when nobody did', async () => {
    await addApps(1);
    const [lease] = await heldBy(ada, over);
    expect(await heldBy(bob, { ...hour, take: 'free' })).toEqual([]);
    expect(await heldBy(bob, { ...hour, take: 'nothing' })).toEqual([]);
    expect(await heldBy(ada, over)).toEqual([lease]);
    expect(await heldBy(bob)).toEqual([{ ...lease, fence: 2 }]);
    expect(await heldBy(ada)).toEqual([]);
  });

  test('a decision is recorded only under the lease that is held, and only while it lasts', async () => {
    const manager = await newManager(store);
    const drafts = [{ ...decision(5), ...told, managerId: manager.id }];
    const [lease] = await heldBy(ada);
    if (!lease) throw new Error('it was free');
    expect(await leases.record(ada, lease, 1_000, drafts)).toMatchObject(drafts);
    expect(await leases.record(bob, lease, 1_000, drafts)).toBeUndefined();
    expect(await leases.record(ada, { ...lease, fence: 9 }, 1_000, drafts)).toBeUndefined();
    expect(await leases.record(ada, lease, 2 * hour.ttlMs, drafts)).toBeUndefined();
    expect(await store.decisions.list(manager.id, { limit: 10 })).toHaveLength(1);
  });

  test('whoever takes an app waits for the decision that is just being recorded', async () => {
    const manager = await newManager(store);
    await heldBy(ada, over);
    const order: string[] = [];
    let taking: Promise<unknown> | undefined;
    await store.kysely.transaction().execute(async (transaction) => {
      await transaction.selectFrom('leases').selectAll().forShare().execute();
      taking = heldBy(bob).then(() => order.push('taken'));
      // The taker waits for a lock; that it does is seen in the database, not guessed from time.
      await until(async () => {
        const waiting = await store.kysely
          .selectFrom('pg_stat_activity' as never)
          .select('wait_event_type' as never)
          .where('datname' as never, '=', new URL(database.url).pathname.slice(1) as never)
          .where('wait_event_type' as never, '=', 'Lock' as never)
          .execute();
        return waiting.length > 0;
      }, 'the wait of the taker');
      order.push('recorded');
    });
    await taking;
    expect(order).toEqual(['recorded', 'taken']);
    expect(manager.id).not.toBe('');
  });

  test('what was recorded as carried out becomes a refusal', async () => {
    const manager = await newManager(store);
    const [lease] = await heldBy(ada);
    if (!lease) throw new Error('it was free');
    const drafts = [{ ...decision(5), ...told, managerId: manager.id }];
    const [recorded] = (await leases.record(ada, lease, 1_000, drafts)) ?? [];
    await leases.refused([recorded?.id ?? ''], 'code 422');
    expect(await store.decisions.list(manager.id, { limit: 10 })).toEqual([
      { ...recorded, outcome: 'failed', error: 'code 422' },
    ]);
  });

  test('work that is done alone is done one after the other', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await store.settings.set('alone', String(inside));
      inside -= 1;
    };
    await Promise.all([1, 2, 3].map(() => leases.alone(work)));
    expect(most).toBe(1);
    await expect(leases.alone(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await leases.alone(work);
  });
});

describe.skipIf(!has('postgresUrl'))('the bus', () => {
  test('what one says, the others hear; whoever was cut off is told that something was missed', async () => {
    const database = await freshDatabase();
    const [one, other] = await Promise.all([
      openStore({ databaseUrl: database.url }),
      openStore({ databaseUrl: database.url }),
    ]);
    const heard: string[] = [];
    let missed = 0;
    await other.several?.bus.listen(
      (message) => heard.push(message),
      () => {
        missed += 1;
      },
    );
    await one.several?.bus.send('hello');
    await until(() => heard.includes('hello'), 'the word');
    await one.kysely
      .selectFrom('pg_stat_activity' as never)
      .select(({ fn }) => fn('pg_terminate_backend', ['pid' as never]).as('gone'))
      .where('application_name' as never, '=', 'headcount listens' as never)
      .where('datname' as never, '=', new URL(database.url).pathname.slice(1) as never)
      .execute();
    await until(() => missed === 1, 'the new connection');
    await one.several?.bus.send('again');
    await until(() => heard.includes('again'), 'the second word');
    await Promise.all([one.close(), other.close()]);
    await database.drop();
  });
});
