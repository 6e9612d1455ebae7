/**
 * kill -9 in the middle of writing: every acknowledged row is there afterwards, and nothing is counted twice. The child
 * prints a line when a promise of the store has resolved; it is killed after a seeded number of lines, wherever it is then.
 * The next child opens what the killed one left behind, so the end is looked at once. KILL_ROUNDS=20 is for a longer search.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase, has, temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { createPostgres, postgresFolder } from '../server/bench/postgres.ts';
import { appDraft, decision, point, settings, told } from './contract.ts';
import { hourMs } from './folds.ts';
import { type OpenStore, openStore, type StorePlace } from './open.ts';

const rounds = Number(process.env.KILL_ROUNDS ?? 2);
const furtherLines = 60;
const patienceMs = 90_000;
const start = 1_700_000_000_000 - (1_700_000_000_000 % hourMs);

/** Writes point after point, one each virtual second, with a decision and a tidy now and then. */
const writer = `
const { openStore } = await import(process.env.STORE_MODULE);
const store = await openStore(JSON.parse(process.env.STORE_PLACE));
const [app = await store.apps.create(JSON.parse(process.env.APP))] = await store.apps.list();
const [manager = await store.managers.create(app.id, JSON.parse(process.env.SETTINGS), 1)] = await store.managers.list(app.id);
const managerId = manager.id;
const start = Number(process.env.START);
for (let n = 0; ; n++) {
  const at = start + n * 1000;
  const point = { at, waiting: n, current: 1, desired: 1, unknown: 0 };
  // As the controller writes: alone, and several in one statement.
  if (n % 3 === 0) await store.readings.record(managerId, point, []);
  else await store.readings.recordMany([{ managerId, point, readings: [] }]);
  console.log('point ' + at);
  if (n % 11 === 0) {
    const late = { managerId, at: at + 1, current: 1, desired: 2, unknown: false, reasons: [], sentence: '', outcome: 'kept' };
    await store.decisions.recordLate([late]);
    console.log('late ' + (at + 1));
  }
  if (n % 13 === 0) {
    await store.settings.set('step', String(at));
    console.log('setting ' + at);
  }
  if (n % 7 === 0) {
    const decision = { managerId, at, current: 1, desired: 2, unknown: false, reasons: [], sentence: '', outcome: 'kept' };
    console.log('decision ' + (await store.decisions.record(decision)).id);
  }
  if (n % 20 === 19) {
    void store.tidy(at + 200_000).then(() => console.log('tidied'));
  }
}`;

describe('embedded', () => {
  const folder = temporaryFolder('kill');
  afterAll(() => folder.remove());
  test('no acknowledged row is lost by kill -9', () => loop({ folder: folder.path }), 240_000);
});

describe.skipIf(!has('postgresUrl'))('PostgreSQL', () => {
  test('no acknowledged row is lost by kill -9', async () => {
    const database = await freshDatabase();
    await loop({ databaseUrl: database.url });
    await database.drop();
  }, 240_000);
});

/** The server ends as in a crash while one store writes; the same store goes on when it is back. */
describe.skipIf(!postgresFolder())('PostgreSQL that crashes', () => {
  let postgres: Awaited<ReturnType<typeof createPostgres>>;
  beforeAll(async () => {
    postgres = await createPostgres();
  });
  afterAll(() => postgres.remove());

  test('no acknowledged row is lost, and none is there twice', async () => {
    const store = await openStore({ databaseUrl: postgres.url });
    const { id } = await store.apps.create(appDraft);
    const manager = await store.managers.create(id, settings, 1);
    const acknowledged = nothing();
    const random = seeded(15);
    const state = { running: true, refused: 0, step: 0 };
    const writing = writeOn(store, manager.id, acknowledged, state);
    for (let round = 0; round < rounds; round++) {
      const wanted = acknowledged.point.size + 20 + Math.floor(random() * furtherLines);
      await until(() => acknowledged.point.size >= wanted, `${wanted} points`, patienceMs);
      const refusedBefore = state.refused;
      await postgres.stop('SIGQUIT');
      await until(() => state.refused > refusedBefore, 'a refusal', patienceMs);
      await postgres.start();
    }
    const wanted = acknowledged.point.size + 20;
    await until(() => acknowledged.point.size >= wanted, 'points after the last start', patienceMs);
    state.running = false;
    await writing;
    await expectWhole(store, acknowledged);
    await store.close();
  }, 240_000);
});

/** As the child does, but what is refused is passed over. */
async function writeOn(
  store: OpenStore,
  managerId: string,
  acknowledged: ReturnType<typeof nothing>,
  state: { running: boolean; refused: number; step: number },
): Promise<void> {
  while (state.running) {
    const at = start + state.step++ * 1_000;
    const draft = { managerId, ...decision(at), ...told };
    try {
      await store.readings.recordMany([
        { managerId, point: point(at, { waiting: state.step }), readings: [] },
      ]);
      acknowledged.point.add(at);
      if (state.step % 3 === 0) acknowledged.decision.add(Number((await store.decisions.record(draft)).id));
      if (state.step % 7 === 0) {
        await store.settings.set('step', String(at));
        acknowledged.setting.add(at);
      }
    } catch {
      state.refused += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const nothing = () => ({
  point: new Set<number>(),
  decision: new Set<number>(),
  late: new Set<number>(),
  setting: new Set<number>(),
});

async function loop(place: StorePlace): Promise<void> {
  const random = seeded(4700);
  let from = start;
  const acknowledged = nothing();
  for (let round = 0; round < rounds; round++) {
    const lines = await writeUntilKilled(place, from, 30 + Math.floor(random() * furtherLines));
    for (const line of lines) {
      const [what, id] = line.split(' ');
      if (what === 'point' || what === 'decision' || what === 'late' || what === 'setting')
        acknowledged[what].add(Number(id));
    }
    from = Math.max(from, ...acknowledged.point) + 60_000;
  }
  expect(acknowledged.point.size).toBeGreaterThan(0);
  const store = await openStore(place);
  await expectWhole(store, acknowledged);
  await store.close();
}

async function writeUntilKilled(place: StorePlace, from: number, linesAtMost: number): Promise<string[]> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', writer],
    {
      cwd: join(import.meta.dirname, '..'),
      env: {
        ...process.env,
        STORE_MODULE: new URL('./open.ts', import.meta.url).href,
        STORE_PLACE: JSON.stringify(place),
        APP: JSON.stringify(appDraft),
        SETTINGS: JSON.stringify(settings),
        START: String(from),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const gone = once(child, 'exit');
  const lines: string[] = [];
  if (child.stdout)
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      if (lines.length === linesAtMost) child.kill('SIGKILL');
    }
  expect(await gone).toEqual([null, 'SIGKILL']);
  return lines;
}

async function expectWhole(
  store: OpenStore,
  acknowledged: Readonly<Record<'point' | 'decision' | 'late' | 'setting', ReadonlySet<number>>>,
): Promise<void> {
  const points = await store.kysely.selectFrom('points').select(['at', 'waiting']).execute();
  const decisions = await store.kysely.selectFrom('decisions').select(['id', 'at']).execute();
  const there = { point: points.map(({ at }) => at), decision: decisions.map(({ id }) => id) };
  const decidedAt = decisions.map(({ at }) => at);
  expect([...acknowledged.late].filter((at) => !decidedAt.includes(at))).toEqual([]);
  // Decided once each, whatever was repeated.
  expect(new Set(decidedAt).size).toBe(decidedAt.length);
  expect(Number((await store.settings.get('step')) ?? 0)).toBeGreaterThanOrEqual(
    Math.max(0, ...acknowledged.setting),
  );
  expect([...acknowledged.point].filter((at) => !there.point.includes(at))).toEqual([]);
  expect([...acknowledged.decision].filter((id) => !there.decision.includes(id))).toEqual([]);
  // All points are younger than what is forgotten, so the folded ones must add up to exactly those before the mark.
  const { rows } = await sql<{ folded: number; plain: number }>`select
    (select coalesce(sum(waiting_sum), 0) from point_minutes where at < done_until) as folded,
    (select coalesce(sum(waiting), 0) from points where at < done_until) as plain
    from roll_ups where grain = 'minute'`.execute(store.kysely);
  expect(rows[0]?.folded).toBe(rows[0]?.plain);
  await store.tidy(start + 5 * hourMs);
  const [manager] = [...(await store.managers.byApp()).values()].flat();
  const { points: hours } = await store.readings.series(manager?.id ?? '', start, start + 2 * hourMs, 'hour');
  const firstHour = points.filter(({ at }) => at < start + hourMs).map(({ waiting }) => waiting ?? 0);
  const mean = firstHour.reduce((sum, waiting) => sum + waiting, 0) / firstHour.length;
  expect(hours[0]?.waiting).toBe(mean);
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
