/**
 * What every store does, on whichever database it stands. The tests share one store, each with managers of its own. Nouns
 * with much to say have a file of their own on the same stores: tasks.test.ts, history.test.ts, usage.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase, has, temporaryFolder } from '../checks/fixtures.ts';
import type { Decision, Reading } from '../decide/words.ts';
import { type OpenStore, openStore } from './open.ts';
import type { App, DecisionSearch, ManagerSettings, Point, StoredDecision, StoredManager } from './store.ts';

/** Runs the tests on a store of each kind. */
export function onEachStore(tests: (store: () => OpenStore) => void): void {
  describe('embedded', () => {
    const folder = temporaryFolder('store');
    afterAll(() => folder.remove());
    withStore(() => openStore({ folder: folder.path }), tests);
  });
  describe.skipIf(!has('postgresUrl'))('PostgreSQL', () => {
    let database: Awaited<ReturnType<typeof freshDatabase>>;
    beforeAll(async () => {
      database = await freshDatabase();
    });
    afterAll(() => database.drop());
    withStore(() => openStore({ databaseUrl: database.url }), tests);
  });
}

function withStore(open: () => Promise<OpenStore>, tests: (store: () => OpenStore) => void): void {
  let store: OpenStore;
  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => store.close());
  tests(() => store);
}

let names = 0;

export async function newApp(store: OpenStore): Promise<App> {
  names += 1;
  return await store.apps.create({ ...appDraft, name: `app-${names}` });
}

export async function newManager(store: OpenStore): Promise<StoredManager> {
  return await store.managers.create((await newApp(store)).id, settings, 1_000);
}

export function storeContract(given: () => OpenStore): void {
  let store: OpenStore;
  beforeAll(() => {
    store = given();
  });

  test('an app is made, found by its name, changed and removed', async () => {
    const app = await newApp(store);
    expect(app).toEqual({ ...appDraft, name: app.name, id: expect.any(String), organisationId: '1' });
    expect(await store.apps.get(app.name)).toEqual(app);
    expect(await store.apps.list()).toContainEqual(app);
    const changed = await store.apps.update(app.id, { url: null, token: 'other' });
    expect(changed).not.toHaveProperty('url');
    expect(changed.token).toBe('other');
    expect(changed.fleet).toEqual(app.fleet);
    expect(await store.apps.update(app.id, {})).toEqual(changed);
    await store.apps.remove(app.id);
    expect(await store.apps.get(app.name)).toBeUndefined();
    await expect(store.apps.update(app.id, { token: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a name stands for one app, and a process type has one manager', async () => {
    const app = await newApp(store);
    await expect(store.apps.create({ ...appDraft, name: app.name })).rejects.toMatchObject({
      code: 'NAME_TAKEN',
    });
    await store.managers.create(app.id, settings, 1);
    await expect(store.managers.create(app.id, settings, 1)).rejects.toMatchObject({ code: 'NAME_TAKEN' });
  });

  test('a manager is made, listed, changed and removed', async () => {
    const app = await newApp(store);
    const manager = await store.managers.create(app.id, { ...settings, configHash: 'abc' }, 5_000.4);
    expect(manager).toMatchObject({ ...settings, appId: app.id, configHash: 'abc', createdAt: 5_000 });
    expect(manager).not.toHaveProperty('hold');
    expect(await store.managers.list(app.id)).toEqual([manager]);
    expect(await store.managers.get(app.id, 'worker')).toEqual(manager);
    const held = await store.managers.update(manager.id, {
      maximum: 3,
      hold: { count: 2, until: 9_000, by: 'Ada' },
    });
    expect(held).toEqual({ ...manager, maximum: 3, hold: { count: 2, until: 9_000, by: 'Ada' } });
    expect(await store.managers.update(manager.id, { hold: null })).toEqual({ ...manager, maximum: 3 });
    expect(await store.managers.update(manager.id, { combine: 'wait-goal * 2' })).toEqual({
      ...manager,
      maximum: 3,
      combine: 'wait-goal * 2',
    });
    expect(await store.managers.update(manager.id, { combine: null })).toEqual({ ...manager, maximum: 3 });
    await store.managers.remove(manager.id);
    expect(await store.managers.list(app.id)).toEqual([]);
  });

  test('whatever belongs to an app goes with it', async () => {
    const manager = await newManager(store);
    await store.readings.record(manager.id, point(1_000), []);
    await store.decisions.record({ ...decision(1_000), ...told, managerId: manager.id });
    await store.apps.remove(manager.appId);
    expect(await store.managers.list(manager.appId)).toEqual([]);
    expect((await store.readings.series(manager.id, 0, 2_000)).points).toEqual([]);
    expect(await store.decisions.list(manager.id, { limit: 10 })).toEqual([]);
    await expect(store.readings.record(manager.id, point(2_000), [])).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('an id that cannot be ours is not found, and breaks nothing', async () => {
    for (const id of ['', 'abc', '-1', '1e3', '99999999999999999999', '\0', "1' or '1'='1"]) {
      expect(await store.managers.list(id)).toEqual([]);
      expect(await store.managers.get(id, 'worker')).toBeUndefined();
      expect(await store.decisions.list(id, { limit: 5, before: id })).toEqual([]);
      expect((await store.readings.series(id, 0, 1)).points).toEqual([]);
      await store.apps.remove(id);
      await expect(store.managers.update(id, { paused: true })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect(await store.apps.get('no\0such')).toBeUndefined();
  });

  test('points and readings come back as they were, an unknown number absent', async () => {
    const manager = await newManager(store);
    const readings: Reading[] = [
      { kind: 'jobs', queue: 'celery', at: 1_000, waiting: 3, running: 1 },
      { kind: 'unknown', at: 1_000, why: 'Redis at 127.0.0.1:6379 refused the connection' },
    ];
    const full = point(1_000, {
      waiting: 3,
      running: 1,
      later: 0,
      oldestSeconds: 2.5,
      slots: 4,
      unknown: 0.5,
    });
    await store.readings.record(manager.id, full, readings);
    await store.readings.record(manager.id, point(2_000, { unknown: 1 }), []);
    expect(await store.readings.series(manager.id, 1_000, 2_001)).toEqual({
      grain: 'raw',
      points: [full, point(2_000, { unknown: 1 })],
    });
    expect((await store.readings.series(manager.id, 1_000, 2_000)).points).toEqual([full]);
    expect(await store.readings.recent(manager.id, 1_000)).toEqual([
      { at: 1_000, readings },
      { at: 2_000, readings: [] },
    ]);
    expect(await store.readings.latest([manager.id, 'none'])).toEqual(
      new Map([[manager.id, point(2_000, { unknown: 1 })]]),
    );
    expect(await store.readings.latest([])).toEqual(new Map());
  });

  test('the same checkup recorded twice is one point', async () => {
    const manager = await newManager(store);
    await store.readings.record(manager.id, point(1_000, { waiting: 1 }), []);
    await store.readings.record(manager.id, point(1_000, { waiting: 2 }), []);
    expect((await store.readings.series(manager.id, 0, 5_000)).points).toEqual([
      point(1_000, { waiting: 2 }),
    ]);
  });

  test('NaN, infinity and characters that a database refuses are never stored', async () => {
    const manager = await newManager(store);
    const odd = point(1_000, {
      waiting: Number.NaN,
      running: Number.POSITIVE_INFINITY,
      oldestSeconds: Number.NEGATIVE_INFINITY,
      unknown: Number.NaN,
    });
    await store.readings.record(manager.id, odd, [
      { kind: 'jobs', queue: 'a\0b\ud800', at: 1_000, waiting: Number.NaN },
      { kind: 'jobs', queue: 'a\0b\ud800', at: 1_000, waiting: 1, running: Number.NaN },
    ]);
    expect((await store.readings.series(manager.id, 0, 2_000)).points).toEqual([
      point(1_000, { unknown: 1 }),
    ]);
    expect((await store.readings.recent(manager.id, 0))[0]?.readings).toEqual([
      { kind: 'unknown', at: 1_000, why: 'the meter answered NaN, which is not a number' },
      { kind: 'jobs', queue: 'a\u{FFFD}b\u{FFFD}', at: 1_000, waiting: 1 },
    ]);
    const stored = await store.decisions.record({
      ...decision(1),
      managerId: manager.id,
      sentence: 'half \udfff and \0',
      outcome: 'failed',
      error: '\0',
    });
    expect(stored).toMatchObject({ sentence: 'half \u{FFFD} and \u{FFFD}', error: '\u{FFFD}' });
  });

  test('a count that is not a number is refused', async () => {
    const manager = await newManager(store);
    const odd = { ...point(1_000), desired: Number.NaN };
    await expect(store.readings.record(manager.id, odd, [])).rejects.toThrow();
    expect((await store.readings.series(manager.id, 0, 2_000)).points).toEqual([]);
  });

  test('decisions are paged newest first and looked back at oldest first', async () => {
    const manager = await newManager(store);
    const made = [];
    for (let at = 1; at <= 7; at++)
      made.push(await store.decisions.record({ ...decision(at), ...told, managerId: manager.id }));
    const first = await store.decisions.list(manager.id, { limit: 3 });
    expect(first).toEqual(made.slice(4).reverse());
    const before = first.at(-1)?.id ?? '';
    expect(await store.decisions.list(manager.id, { limit: 100, before })).toEqual(
      made.slice(0, 4).reverse(),
    );
    expect(await store.decisions.recent(manager.id, 6)).toEqual([decision(6), decision(7)]);
  });

  test('decisions are searched over all managers', async () => {
    const [one, other] = [await newManager(store), await newManager(store)];
    const record = (managerId: string, change: Partial<StoredDecision>) =>
      store.decisions.record({ ...decision(5), ...told, ...change, managerId });
    const grown = await record(one.id, { at: 1_000 });
    const failed = await record(one.id, { at: 2_000, outcome: 'failed', error: 'code 422' });
    const kept = await record(other.id, { at: 3_000, outcome: 'kept', current: 2, desired: 2 });
    const ids = async (wanted: Partial<DecisionSearch>) =>
      (await store.decisions.search({ limit: 3, ...wanted })).map(({ id }) => id);
    expect(await ids({})).toEqual([kept.id, failed.id, grown.id]);
    expect(await ids({ before: kept.id, limit: 1 })).toEqual([failed.id]);
    expect(await ids({ appId: one.appId })).toEqual([failed.id, grown.id]);
    expect(await ids({ appId: other.appId, processType: other.processType })).toEqual([kept.id]);
    expect(await ids({ appId: other.appId, processType: 'nobody' })).toEqual([]);
    expect(await ids({ appId: one.appId, only: 'failures' })).toEqual([failed.id]);
    expect(await ids({ only: 'changes', limit: 2 })).toEqual([failed.id, grown.id]);
    expect(await ids({ appId: one.appId, outcome: 'scaled' })).toEqual([grown.id]);
    expect(await ids({ appId: one.appId, from: 1_000.5 })).toEqual([failed.id]);
    const [found] = await store.decisions.search({ limit: 1, appId: one.appId });
    expect(found).toEqual({ ...failed, app: expect.any(String), processType: one.processType });
  });

  test('a setting is set, replaced, and set once', async () => {
    expect(await store.settings.get('secret')).toBeUndefined();
    expect(await store.settings.setOnce('secret', 'a')).toBe('a');
    expect(await store.settings.setOnce('secret', 'b')).toBe('a');
    await store.settings.set('secret', 'c');
    expect(await store.settings.get('secret')).toBe('c');
    const racing = await Promise.all([1, 2, 3, 4].map((n) => store.settings.setOnce('race', String(n))));
    expect(new Set(racing).size).toBe(1);
  });

  test('an issue is open once, is brought up to date, and is resolved once', async () => {
    const manager = await newManager(store);
    const draft = {
      kind: 'refused',
      severity: 'critical' as const,
      title: 'the platform refuses',
      text: 'Code 422\0.',
      since: 1_000,
      openedAt: 31_000,
      seenAt: 31_000,
    };
    const issue = await store.issues.open(manager.id, draft);
    expect(issue).toMatchObject({ managerId: manager.id, kind: 'refused', openedAt: 31_000 });
    expect(issue).not.toHaveProperty('resolvedAt');
    const again = await store.issues.open(manager.id, {
      ...draft,
      title: 'it still refuses',
      seenAt: 60_000,
    });
    expect(again).toMatchObject({
      id: issue.id,
      title: 'it still refuses',
      openedAt: 31_000,
      seenAt: 60_000,
    });
    await store.issues.open(manager.id, { ...draft, kind: 'late' });
    const managerId = manager.id;
    expect(await store.issues.list({ managerId, limit: 10, open: true })).toHaveLength(2);
    expect(await store.issues.resolve(manager.id, 'refused', 90_000)).toMatchObject({ resolvedAt: 90_000 });
    expect(await store.issues.resolve(manager.id, 'refused', 95_000)).toBeUndefined();
    const [late, refused] = await store.issues.list({ managerId, limit: 10 });
    expect([late?.kind, refused?.resolvedAt]).toEqual(['late', 90_000]);
    expect(await store.issues.list({ managerId, limit: 10, before: late!.id })).toEqual([refused]);
    expect(await store.issues.list({ appId: manager.appId, limit: 10 })).toEqual([late, refused]);
    expect(late).toMatchObject({ app: expect.any(String), processType: manager.processType });
    expect((await store.issues.open(manager.id, draft)).id).not.toBe(issue.id);
    await store.managers.remove(manager.id);
    expect(await store.issues.list({ managerId, limit: 10 })).toEqual([]);
    await expect(store.issues.open(manager.id, draft)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a channel is made, changed and removed, and its name is its own', async () => {
    const draft = {
      name: `channel-${names}`,
      notifier: { use: 'slack', options: { url: 'https://example.com' } },
      tells: { opened: true, resolved: true, scaled: false, leastSeverity: 'warning', groupSeconds: 30 },
    } as const;
    const channel = await store.channels.create(draft, 7.6);
    expect(channel).toEqual({ ...draft, id: expect.any(String), createdAt: 8, organisationId: '1' });
    await expect(store.channels.create(draft, 8)).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    const tells = { ...draft.tells, scaled: true, quiet: { from: '22:00', to: '06:00', timeZone: 'UTC' } };
    expect(await store.channels.update(channel.id, { tells })).toEqual({ ...channel, tells });
    expect(await store.channels.list()).toContainEqual({ ...channel, tells });
    await store.channels.remove(channel.id);
    expect(await store.channels.list()).not.toContainEqual(expect.objectContaining({ id: channel.id }));
    await expect(store.channels.update(channel.id, { tells })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
}

export const appDraft = {
  name: 'catalogue',
  token: 'secret-token',
  url: 'http://127.0.0.1:5000',
  fleet: { use: 'local', options: { procfile: 'Procfile', port: 5000, keep: true } },
  createdAt: 1_700_000_000_123,
};

export const settings: ManagerSettings = {
  processType: 'worker',
  rules: [{ use: 'wait-goal', options: { goalSeconds: 30 } }],
  limits: [],
  meters: [{ use: 'tasks-sqlite', options: { file: 'broker.db', queue: 'catalogue' } }],
  minimum: 0,
  maximum: 8,
  paused: false,
};

export const told = { sentence: 'Up from 1 to 2: 120 waiting.', outcome: 'scaled' } as const;

export function point(at: number, known: Partial<Point> = {}): Point {
  return { at, current: 1, desired: 2, unknown: 0, ...known };
}

export function decision(at: number): Decision {
  return {
    at,
    current: 1,
    desired: 2,
    unknown: false,
    reasons: [{ by: 'wait-goal', from: 1, to: 2, text: '120 waiting' }],
  };
}
