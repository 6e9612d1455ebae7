/** Organisations, members, invitations and the audit log, on both databases. */
import { beforeAll, describe, expect, test } from 'vitest';
import { appDraft, onEachStore, settings } from './contract.ts';
import type { OpenStore } from './open.ts';

const dayMs = 24 * 3_600_000;
const forever = 1e15;

onEachStore((given) => {
  let store: OpenStore;
  beforeAll(() => {
    store = given();
  });

  test('the first organisation is there from the start, and owns what names none', async () => {
    expect((await store.organisations.list())[0]).toEqual({ id: '1', name: 'My organisation' });
    await store.organisations.rename('1', 'Music Ltd');
    expect((await store.organisations.list())[0]).toEqual({ id: '1', name: 'Music Ltd' });
    const app = await store.apps.create({ ...appDraft, name: 'owned' });
    expect(app.organisationId).toBe('1');
  });

  test('the last owner can neither leave nor step down, also when two try at once', async () => {
    const { organisations } = store;
    const { id } = await organisations.create('Two owners', 'ann', 5);
    await organisations.join(id, 'bob', 'member', 6);
    await organisations.join(id, 'bob', 'owner', 7);
    expect(await organisations.members(id)).toEqual([
      { personId: 'ann', role: 'owner', joinedAt: 5 },
      { personId: 'bob', role: 'member', joinedAt: 6 },
    ]);
    await expect(organisations.leave(id, 'ann')).rejects.toMatchObject({ code: 'LAST_OWNER' });
    await organisations.setRole(id, 'bob', 'owner');
    const both = await Promise.allSettled([
      organisations.leave(id, 'ann'),
      organisations.setRole(id, 'bob', 'read-only'),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const owners = (await organisations.members(id)).filter(({ role }) => role === 'owner');
    expect(owners).toHaveLength(1);
    await expect(organisations.setRole(id, 'nobody', 'admin')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('the organisation that was chosen last comes first', async () => {
    const { organisations } = store;
    const a = await organisations.create('A', 'cleo', 1);
    const b = await organisations.create('B', 'cleo', 1);
    const order = async () => (await organisations.memberships('cleo')).map(({ name }) => name);
    expect(await order()).toEqual(['A', 'B']);
    await organisations.choose(b.id, 'cleo', 10);
    expect(await order()).toEqual(['B', 'A']);
    await organisations.choose(a.id, 'cleo', 11);
    expect(await order()).toEqual(['A', 'B']);
    expect(await organisations.memberships('stranger')).toEqual([]);
  });

  describe('an invitation', () => {
    const draft = { email: 'dan@example.com', role: 'admin' as const, invitedBy: 'Ann', createdAt: 1 };

    test('is used once, also by two at once, and not after its end', async () => {
      const { organisations } = store;
      const { id } = await organisations.create('Inviting', 'ann', 1);
      const expiresAt = dayMs;
      await organisations.invite({ ...draft, organisationId: id, tokenHash: 'late', expiresAt });
      expect(await organisations.accept('late', 'dan', dayMs)).toBeUndefined();
      await organisations.invite({ ...draft, organisationId: id, tokenHash: 'good', expiresAt });
      // The second one to the same address took the place of the first.
      expect(await organisations.invitations(id)).toHaveLength(1);
      expect(await organisations.invitation('late', 5)).toBeUndefined();
      expect(await organisations.invitation('good', 5)).toMatchObject({ email: draft.email, role: 'admin' });
      const both = await Promise.all([
        organisations.accept('good', 'dan', 5),
        organisations.accept('good', 'eve', 5),
      ]);
      expect(both.filter(Boolean)).toHaveLength(1);
      expect(await organisations.members(id)).toHaveLength(2);
    });

    test('is withdrawn only within its own organisation', async () => {
      const { organisations } = store;
      const mine = await organisations.create('Mine', 'ann', 1);
      const other = await organisations.create('Other', 'eve', 1);
      const invitation = { ...draft, organisationId: mine.id, tokenHash: 'w', expiresAt: forever };
      const { id } = await organisations.invite(invitation);
      await expect(organisations.withdraw(other.id, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await organisations.withdraw(mine.id, id);
      expect(await organisations.invitation('w', 5)).toBeUndefined();
    });
  });

  test('channels of one name in two organisations; decisions and issues of some organisations only', async () => {
    const { id: organisationId } = await store.organisations.create('Tenant', 'ann', 1);
    const app = await store.apps.create({ ...appDraft, name: 'tenant', organisationId });
    const manager = await store.managers.create(app.id, settings, 1);
    const issue = { kind: 'unknown', severity: 'warning' as const, title: 't', text: '', since: 1 };
    await store.issues.open(manager.id, { ...issue, openedAt: 1, seenAt: 1 });
    const decision = { at: 1, current: 1, desired: 2, unknown: false, reasons: [], sentence: 's' };
    await store.decisions.record({ ...decision, managerId: manager.id, outcome: 'scaled' });
    const seen = async (organisationIds: string[]) => [
      (await store.issues.list({ limit: 10, organisationIds })).length,
      (await store.decisions.search({ limit: 10, organisationIds })).length,
    ];
    expect(await seen([organisationId])).toEqual([1, 1]);
    expect(await seen(['1'])).toEqual([0, 0]);
    expect(await seen([])).toEqual([0, 0]);
    const tells = {
      opened: true,
      resolved: true,
      scaled: false,
      leastSeverity: 'info' as const,
      groupSeconds: 0,
    };
    const channel = { name: 'ops', notifier: { use: 'slack', options: {} }, tells };
    await store.channels.create(channel, 1);
    expect((await store.channels.create({ ...channel, organisationId }, 1)).organisationId).toBe(
      organisationId,
    );
  });

  test('the audit log is read in pages, by organisation, and forgets what is past its time', async () => {
    const { id } = await store.organisations.create('Audited', 'ann', 1);
    const { id: other } = await store.organisations.create('Not asked for', 'ann', 1);
    const entry = { who: 'Ann', by: 'session', address: '::1', action: 'PATCH /x', subject: '/x' };
    for (const at of [1, 2, 3])
      await store.audit.record({ ...entry, organisationId: id, at, before: { n: at }, after: { n: at + 1 } });
    await store.audit.record({ ...entry, organisationId: other, at: 9 });
    const first = await store.audit.list([id], { limit: 2 });
    expect(first.map(({ at }) => at)).toEqual([3, 2]);
    expect(first[0]).toMatchObject({ before: { n: 3 }, after: { n: 4 }, who: 'Ann' });
    const rest = await store.audit.list([id], { limit: 2, before: first[1]?.id ?? '' });
    expect(rest.map(({ at }) => at)).toEqual([1]);
    expect(await store.audit.list([], { limit: 2 })).toEqual([]);
    await store.audit.forget(3);
    expect(await store.audit.list([id], { limit: 9 })).toHaveLength(1);
  });

  test('failed log-ins are counted within a span that begins with the first', async () => {
    const { audit } = store;
    for (const at of [100, 200, 300]) await audit.loginFailed('a', at, 1_000);
    expect(await audit.loginFailures('a', 0)).toBe(3);
    expect(await audit.loginFailures('a', 101)).toBe(0);
    await audit.loginFailed('a', 1_200, 1_000);
    expect(await audit.loginFailures('a', 1_000)).toBe(1);
    await audit.loginWorked('a');
    expect(await audit.loginFailures('a', 0)).toBe(0);
  });
});
