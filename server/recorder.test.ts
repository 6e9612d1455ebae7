/** The store that stays away: on stubs what is exact, and through a cut wire to a real PostgreSQL. */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cuttable, cuttable } from '../checks/cuttable.ts';
import { freshDatabase, has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { decision, newManager, point, told } from '../store/contract.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import type { Checkup } from '../store/store.ts';
import { realClock } from './clock.ts';
import { createRecorder, type Entry, type RecorderOptions } from './recorder.ts';

const log = pino({ level: 'silent' });
const checkup = (at: number, managerId = '1'): Entry => ({
  what: 'checkup',
  managerId,
  point: point(at),
  readings: [],
});

function stub(recordMany: (checkups: readonly Checkup[]) => Promise<void>): RecorderOptions {
  const journal = { lost: false };
  const readings = { recordMany } as unknown as RecorderOptions['store']['readings'];
  const decisions = {} as unknown as RecorderOptions['store']['decisions'];
  const history = {} as unknown as RecorderOptions['store']['history'];
  return { store: { readings, decisions, history }, clock: realClock, log, journal, most: 4 };
}

describe('the recorder', () => {
  test('what comes during a statement goes with the next one', async () => {
    const statements: number[][] = [];
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const recorder = createRecorder({
      ...stub(async (checkups) => {
        statements.push(checkups.map((one) => one.point.at));
        if (statements.length === 1) await gate;
      }),
      most: 100,
    });
    const first = recorder.keep(checkup(1));
    const others = [2, 3, 4].map((at) => recorder.keep(checkup(at)));
    release();
    await Promise.all([first, ...others]);
    expect(statements).toEqual([[1], [2, 3, 4]]);
  });

  test('while the store is away nobody waits, the oldest go, and what is left comes in order', async () => {
    let away = true;
    const stored: number[] = [];
    const options = stub(async (checkups) => {
      if (away) throw new Error('connection refused');
      stored.push(...checkups.map((one) => one.point.at));
    });
    const recorder = createRecorder(options);
    for (let at = 1; at <= 6; at++) await recorder.keep(checkup(at));
    expect(recorder.behind()).toEqual({ since: expect.any(Number), keptCount: 4, droppedCount: 2 });
    expect(options.journal.lost).toBe(true);
    // Until the attempt that is under way has failed.
    await new Promise((resolve) => setImmediate(resolve));
    away = false;
    await recorder.keep(checkup(7));
    await until(() => recorder.behind().since === undefined, 'the store');
    expect(stored).toEqual([4, 5, 6, 7]);
    expect(recorder.behind()).toEqual({ keptCount: 0, droppedCount: 3 });
    expect(options.journal.lost).toBe(false);
  });

  test('what the database refuses does not hold up the rest', async () => {
    const stored: number[] = [];
    const recorder = createRecorder(
      stub(async (checkups) => {
        if (checkups.some((one) => one.point.at === 2))
          throw Object.assign(new Error('null'), { code: '23502' });
        stored.push(...checkups.map((one) => one.point.at));
      }),
    );
    await Promise.all([1, 2, 3].map((at) => recorder.keep(checkup(at))));
    expect(stored).toEqual([1, 3]);
    expect(recorder.behind()).toEqual({ keptCount: 0, droppedCount: 1 });
  });
});

describe.skipIf(!has('postgresUrl'))('the recorder with a PostgreSQL behind a wire', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  let wire: Cuttable;
  let store: OpenStore;
  beforeAll(async () => {
    database = await freshDatabase();
    const url = new URL(database.url);
    wire = await cuttable(Number(url.port || 5432));
    url.hostname = '127.0.0.1';
    url.port = String(wire.port);
    store = await openStore({ databaseUrl: url.href });
  });
  afterAll(async () => {
    await store.close();
    wire.close();
    await database.drop();
  });

  test('what was seen and decided while it was cut is there afterwards, once', async () => {
    const manager = await newManager(store);
    const gone = await newManager(store);
    const journal = { lost: false };
    const recorder = createRecorder({ store, clock: realClock, log, journal });
    await recorder.keep(checkup(1_000, manager.id));
    wire.block();
    for (let at = 2; at < 30; at++) await recorder.keep(checkup(at * 1_000, manager.id));
    await recorder.keep(checkup(2_000, gone.id));
    for (const at of [5_000, 7_000, 5_000])
      await recorder.keep({ what: 'decision', draft: { ...decision(at), ...told, managerId: manager.id } });
    expect(recorder.behind()).toMatchObject({ since: expect.any(Number), droppedCount: 0 });
    expect(journal.lost).toBe(true);
    wire.mend();
    await store.managers.remove(gone.id);
    let at = 30;
    await until(async () => {
      await recorder.keep(checkup(at++ * 1_000, manager.id));
      return recorder.behind().since === undefined;
    }, 'the store');
    const { points } = await store.readings.series(manager.id, 0, 1_000_000, 'raw');
    expect(points.map((one) => one.at)).toEqual(
      Array.from({ length: at - 1 }, (_, index) => (index + 1) * 1_000),
    );
    const decided = await store.decisions.list(manager.id, { limit: 10 });
    expect(decided.map((one) => one.at)).toEqual([7_000, 5_000]);
    expect(await store.readings.recent(gone.id, 0)).toEqual([]);
  });
});
