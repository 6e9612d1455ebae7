import fc from 'fast-check';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { newManager, onEachStore, point } from './contract.ts';
import { hourMs, keptMs, minuteMs } from './folds.ts';
import type { OpenStore } from './open.ts';
import type { Grain, Point } from './store.ts';

const dayMs = 24 * hourMs;
/** What tidy forgets depends on its time alone, so each test lives in a time of its own, later than the last one's. */
let era = 1_700_000_000_000;
const nextEra = (): number => {
  era = Math.ceil(era / dayMs) * dayMs + 1_000 * dayMs;
  return era;
};

onEachStore((store) => {
  test('a roll-up of any points equals their plain aggregation, wherever tidy came between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ arbitrary: somePoint, weight: 4 }, { arbitrary: someTidy, weight: 1 }), {
          minLength: 1,
          maxLength: 30,
        }),
        async (acts) => {
          const start = nextEra();
          const manager = await newManager(store());
          const points = new Map<number, Point>();
          for (const act of acts) {
            if ('tidyAt' in act) await store().tidy(start + act.tidyAt);
            else {
              const made = { ...act, at: start + act.at };
              points.set(made.at, made);
              await store().readings.record(manager.id, made, []);
            }
          }
          const expectAll = async (now: number, grains: Grain[]): Promise<void> => {
            await store().tidy(now);
            for (const grain of grains)
              expect(await store().readings.series(manager.id, start, start + dayMs, grain)).toEqual({
                grain,
                points: plainly([...points.values()], grain),
              });
          };
          await expectAll(start, ['raw', 'minute', 'hour']);
          await expectAll(start + 4 * hourMs, ['raw', 'minute', 'hour']);
          await expectAll(start + 10 * hourMs, ['minute', 'hour']);
          await expectAll(start + 9 * dayMs, ['hour']);
        },
      ),
      { numRuns: 6, seed: 4700 },
    );
  }, 120_000);

  test('nothing is left of what is past its time, and nothing else goes', async () => {
    const start = nextEra();
    const manager = await newManager(store());
    for (let at = start; at < start + 3 * hourMs; at += 5 * minuteMs)
      await store().readings.record(manager.id, point(at, { waiting: 4 }), []);
    await store().decisions.record({
      managerId: manager.id,
      ...point(start),
      unknown: false,
      reasons: [],
      sentence: '',
      outcome: 'kept',
    });
    const counts = async (now: number): Promise<number[]> => {
      await store().tidy(now);
      return await Promise.all(
        (['points', 'point_minutes', 'point_hours', 'decisions'] as const).map((table) =>
          rowsOf(store(), table, Number(manager.id)),
        ),
      );
    };
    expect(await counts(start + hourMs)).toEqual([36, 12, 0, 1]);
    expect(await counts(start + 4 * hourMs)).toEqual([36, 36, 3, 1]);
    expect(await counts(start + keptMs.raw + hourMs)).toEqual([24, 36, 3, 1]);
    expect(await counts(start + keptMs.raw + 3 * hourMs)).toEqual([0, 36, 3, 1]);
    expect(await counts(start + keptMs.minute + 3 * hourMs)).toEqual([0, 0, 3, 1]);
    expect(await counts(start + keptMs.hour + 3 * hourMs)).toEqual([0, 0, 0, 0]);
  });

  test('a chart reaches to its newest point before anything is folded, and counts none twice after', async () => {
    const start = nextEra();
    const manager = await newManager(store());
    for (let at = start; at < start + 30 * minuteMs; at += 10_000)
      await store().readings.record(manager.id, point(at, { waiting: at === start ? 60 : 0 }), []);
    const before = await store().readings.series(manager.id, start, start + hourMs, 'minute');
    expect(before.points).toHaveLength(30);
    expect(before.points[0]).toEqual(point(start, { waiting: 10 }));
    await store().tidy(start + 17 * minuteMs);
    expect(await store().readings.series(manager.id, start, start + hourMs, 'minute')).toEqual(before);
    await store().tidy(start + 17 * minuteMs);
    await store().tidy(start + 2 * hourMs);
    expect(await store().readings.series(manager.id, start, start + hourMs, 'minute')).toEqual(before);
  });

  test('the finest grain that fits and is still kept is chosen', async () => {
    const start = nextEra();
    const manager = await newManager(store());
    const end = start + 8 * hourMs;
    await insertPoints(store(), manager.id, start, 2_880, 10_000);
    const grainOf = async (from: number, to: number): Promise<[Grain, number]> => {
      const { grain, points } = await store().readings.series(manager.id, from, to);
      return [grain, points.length];
    };
    expect(await grainOf(end - hourMs, end)).toEqual(['raw', 360]);
    expect(await grainOf(start, end)).toEqual(['minute', 480]);
    await store().tidy(end);
    expect(await grainOf(end - hourMs, end)).toEqual(['raw', 360]);
    expect(await grainOf(start, start + hourMs)).toEqual(['minute', 60]);
    expect(await grainOf(start - 2 * dayMs, end)).toEqual(['minute', 480]);
    await store().tidy(end + 10 * dayMs);
    expect(await grainOf(start, end)).toEqual(['hour', 8]);
    expect((await store().readings.series(manager.id, start, end, 'minute')).points).toHaveLength(8);
    expect(await store().readings.latest([manager.id])).toEqual(
      new Map([[manager.id, point(start + 7 * hourMs, { waiting: 1 })]]),
    );
  });

  test('a chart never has more than 2,000 points, and its sums stay what they are', async () => {
    const start = nextEra();
    const manager = await newManager(store());
    await insertPoints(store(), manager.id, start, 5_000, 1_000);
    const end = start + 5_000_000;
    const { points } = await store().readings.series(manager.id, start, end, 'raw');
    expect(points.length).toBeLessThanOrEqual(2_000);
    expect(points.length).toBeGreaterThan(1_600);
    expect(new Set(points.map((each) => each.waiting))).toEqual(new Set([1]));
    const ever = await store().readings.series(manager.id, 0, Number.POSITIVE_INFINITY);
    expect(ever).toEqual({
      grain: 'hour',
      points: plainly([point(start, { waiting: 1 }), point(start + hourMs, { waiting: 1 })], 'hour'),
    });
    expect(await store().readings.series(manager.id, end, start)).toEqual({ grain: 'raw', points: [] });
    expect(await store().readings.series(manager.id, Number.NaN, end)).toEqual({ grain: 'raw', points: [] });
  });

  test('400 days of hours fit in a chart, as wider steps', async () => {
    const start = nextEra();
    const manager = await newManager(store());
    await store()
      .kysely.insertInto('point_hours')
      .values(Array.from({ length: 2_400 }, (_, n) => hourRow(Number(manager.id), start + n * 4 * hourMs)))
      .execute();
    await store()
      .kysely.updateTable('roll_ups')
      .set({ done_until: start + 400 * dayMs })
      .execute();
    await store()
      .kysely.updateTable('roll_ups')
      .set({ forgotten_until: start + 400 * dayMs })
      .where('grain', '!=', 'hour')
      .execute();
    const { grain, points } = await store().readings.series(manager.id, start, start + 400 * dayMs);
    expect(grain).toBe('hour');
    expect(points.length).toBeLessThanOrEqual(2_000);
    expect(points.length).toBeGreaterThan(1_500);
    expect(points.at(-1)?.at).toBeGreaterThan(start + 399 * dayMs);
    expect(points.every((each) => each.waiting === 6 && each.desired === 2)).toBe(true);
  });

  test('one call does a bounded share of a backlog, and the next ones the rest', async () => {
    const start = nextEra();
    const manager = await newManager(store());
    const count = 130_000;
    await insertPoints(store(), manager.id, start, count, 100);
    const now = start + dayMs;
    const left: number[] = [];
    for (let call = 0; call < 4; call++) {
      await store().tidy(now);
      left.push(await rowsOf(store(), 'points', Number(manager.id)));
    }
    expect(left[0]).toBeGreaterThan(0);
    expect(left.at(-1)).toBe(0);
    const { points } = await store().readings.series(manager.id, start, now, 'hour');
    expect(points).toEqual(Array.from({ length: 4 }, (_, n) => point(start + n * hourMs, { waiting: 1 })));
  }, 120_000);

  test('a point that comes while its minute is being folded is in the roll-up', async () => {
    const start = nextEra();
    const manager = await newManager(store());
    const points: Point[] = [];
    let done = false;
    const tidying = (async () => {
      while (!done) await store().tidy(start + hourMs);
    })();
    for (let round = 0; round < 10; round++)
      await Promise.all(
        Array.from({ length: 8 }, async (_, n) => {
          const made = point(start + (round * 8 + n) * 7_000, { waiting: round });
          points.push(made);
          await store().readings.record(manager.id, made, []);
        }),
      );
    done = true;
    await tidying;
    await store().tidy(start + 3 * hourMs);
    const { points: minutes } = await store().readings.series(manager.id, start, start + hourMs, 'minute');
    expect(minutes).toEqual(plainly(points, 'minute'));
    await store().tidy(start + 12 * hourMs);
    const { points: hours } = await store().readings.series(manager.id, start, start + hourMs, 'hour');
    expect(hours).toEqual(plainly(points, 'hour'));
  });

  test('two that tidy at once do it once', async () => {
    const start = nextEra();
    const manager = await newManager(store());
    await insertPoints(store(), manager.id, start, 600, 10_000);
    await Promise.all([1, 2, 3].map(() => store().tidy(start + 3 * hourMs)));
    const { points } = await store().readings.series(manager.id, start, start + 3 * hourMs, 'hour');
    expect(points).toEqual([point(start, { waiting: 1 }), point(start + hourMs, { waiting: 1 })]);
  });
});

const known = fc.option(
  fc.integer({ min: 0, max: 4_000 }).map((quarters) => quarters / 4),
  { nil: undefined },
);
/** Quarters add up without rounding, so equal means equal. */
const somePoint = fc
  .record({
    at: fc.integer({ min: 0, max: 3 * hourMs }),
    waiting: known,
    running: known,
    later: known,
    oldestSeconds: known,
    slots: known,
    current: fc.nat(50),
    desired: fc.nat(50),
    unknown: fc.constantFrom(0, 0.5, 1),
  })
  .map((drawn): Point => stripped(drawn));
/** Up to the time at which points of the start are forgotten. */
const someTidy = fc.record({ tidyAt: fc.integer({ min: 0, max: keptMs.raw }) });

function plainly(points: readonly Point[], grain: Grain): Point[] {
  const size = { raw: 1, minute: minuteMs, hour: hourMs }[grain];
  const buckets = new Map<number, Point[]>();
  for (const each of points) {
    const at = Math.floor(each.at / size) * size;
    buckets.set(at, [...(buckets.get(at) ?? []), each]);
  }
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([at, all]) => {
      const mean = (name: keyof Point): number | undefined => {
        const values = all.map((each) => each[name]).filter((value) => value !== undefined);
        return values.length === 0
          ? undefined
          : values.reduce((sum, value) => sum + value, 0) / values.length;
      };
      const ages = all.map((each) => each.oldestSeconds).filter((value) => value !== undefined);
      return stripped({
        at,
        waiting: mean('waiting'),
        running: mean('running'),
        later: mean('later'),
        oldestSeconds: ages.length === 0 ? undefined : Math.max(...ages),
        slots: mean('slots'),
        current: mean('current'),
        desired: mean('desired'),
        unknown: mean('unknown'),
      });
    });
}

function stripped(drawn: Record<string, number | undefined>): Point {
  return Object.fromEntries(Object.entries(drawn).filter(([, value]) => value !== undefined)) as never;
}

/** `count` points of `everyMs` from `from` on. */
async function insertPoints(
  store: OpenStore,
  managerId: string,
  from: number,
  count: number,
  everyMs: number,
): Promise<void> {
  await sql`insert into points (manager_id, at, waiting, current, desired, unknown, readings)
    select ${Number(managerId)}::int, ${from}::bigint + n * ${everyMs}::bigint, 1, 1, 2, 0, '[]'
    from generate_series(0, ${count - 1}::int) as n`.execute(store.kysely);
}

function hourRow(managerId: number, at: number) {
  return {
    manager_id: managerId,
    at,
    checkups: 3,
    waiting_sum: 12,
    waiting_known: 2,
    running_known: 0,
    later_known: 0,
    slots_known: 0,
    current_sum: 3,
    desired_sum: 6,
    unknown_sum: 0,
  };
}

async function rowsOf(
  store: OpenStore,
  table: 'points' | 'point_minutes' | 'point_hours' | 'decisions',
  managerId: number,
): Promise<number> {
  const row = await store.kysely
    .selectFrom(table)
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('manager_id', '=', managerId)
    .executeTakeFirst();
  return row?.count ?? 0;
}
