import { expect, test } from 'vitest';
import { newManager, onEachStore, point } from './contract.ts';
import { hourMs, minuteMs } from './folds.ts';

const day = 24 * hourMs;

onEachStore((store) => {
  test('hours, minutes and checkups add up to the same use, whatever is folded already', async () => {
    const start = 40_000 * day;
    const [one, other] = [await newManager(store()), await newManager(store())];
    const record = async (id: string, at: number, current: number): Promise<void> =>
      await store().readings.record(id, { ...point(at, {}), current, desired: current }, []);
    for (let minute = 0; minute < 60; minute += 15) {
      await record(one.id, start + minute * minuteMs, 4);
      await record(one.id, start + hourMs + minute * minuteMs, minute < 30 ? 0 : 2);
      await record(one.id, start + day + minute * minuteMs, 3);
    }
    await record(other.id, start + 2 * hourMs, 7);
    const read = () => store().usage([one.id, other.id], { from: start, to: start + 2 * day, stepMs: day });
    const expected = [
      { managerId: one.id, at: start, hours: 2, processHours: 5, peak: 4 },
      { managerId: one.id, at: start + day, hours: 1, processHours: 3, peak: 3 },
      { managerId: other.id, at: start, hours: 1, processHours: 7, peak: 7 },
    ];
    expect(await read()).toEqual(expected);
    await store().tidy(start + 3 * hourMs);
    expect(await read()).toEqual(expected);
    await store().tidy(start + 2 * day);
    expect(await read()).toEqual(expected);
  });

  test('the hour that is not over counts up to now; nobody and nothing use nothing', async () => {
    const start = 50_000 * day;
    const manager = await newManager(store());
    await store().readings.record(manager.id, { ...point(start, {}), current: 8, desired: 8 }, []);
    const span = { from: start + 1, to: start + hourMs / 4, stepMs: day };
    expect(await store().usage([manager.id], span)).toEqual([
      { managerId: manager.id, at: start, hours: 0.25, processHours: 2, peak: 8 },
    ]);
    expect(await store().usage([], span)).toEqual([]);
    expect(await store().usage([manager.id], { ...span, to: start - 1 })).toEqual([]);
    expect(await store().usage([manager.id], { ...span, from: start + day, to: start + 2 * day })).toEqual(
      [],
    );
  });
});
