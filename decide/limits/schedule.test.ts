import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyView, limitContract, managerOf, noon, processesOf, viewNow, viewOf } from '../contract.ts';
import { decide } from '../decide.ts';
import { checkManager } from '../registry.ts';
import { schedule } from './schedule.ts';

limitContract({ test, expect }, schedule, { ranges: 'mon-fri 09:00-17:30 min 2 max 10' });

const week = 'mon-fri 09:00-17:30 min 2 max 10; sat,sun 00:00-24:00 max 1; 22:00-06:00 count 3';

function at(when: string, count: number, ranges = week, timeZone = 'UTC'): number {
  return schedule.create({ ranges, timeZone }).apply(count, viewOf(), Date.parse(when)).count;
}

function problems(ranges: string, timeZone = 'UTC'): string[] {
  return checkManager(managerOf({ limits: [{ use: 'schedule', options: { ranges, timeZone } }] }));
}

describe('the ranges', () => {
  test('raise and lower on their days and at their times, the end excluded', () => {
    expect(at('2026-11-02T09:00Z', 0)).toBe(2);
    expect(at('2026-11-02T08:59:59Z', 0)).toBe(0);
    expect(at('2026-11-02T17:29:59Z', 50)).toBe(10);
    expect(at('2026-11-02T17:30Z', 50)).toBe(50);
    expect(at('2026-11-07T12:00Z', 50)).toBe(1);
  });

  test('run over midnight, and belong to the day on which they begin', () => {
    expect(at('2026-11-02T23:00Z', 0)).toBe(3);
    expect(at('2026-11-03T05:59Z', 9)).toBe(3);
    expect(at('2026-11-03T06:00Z', 9)).toBe(9);
    const fridayNight = 'fri 22:00-06:00 count 5';
    expect(at('2026-11-07T03:00Z', 0, fridayNight)).toBe(5);
    expect(at('2026-11-06T03:00Z', 0, fridayNight)).toBe(0);
    expect(at('2026-11-09T03:00Z', 0, 'sun 22:00-06:00 count 5')).toBe(5);
  });

  test('the first that matches holds', () => {
    expect(at('2026-11-07T23:00Z', 9)).toBe(1);
    expect(at('2026-11-09T10:00Z', 9, 'fri-mon 09:00-11:00 max 4; mon 00:00-24:00 max 7')).toBe(4);
    expect(at('2026-11-09T12:00Z', 9, 'fri-mon 09:00-11:00 max 4; mon 00:00-24:00 max 7')).toBe(7);
  });

  test('the reason names the range', () => {
    const limit = schedule.create({ ranges: week, timeZone: 'UTC' });
    expect(limit.apply(50, viewOf(), Date.parse('2026-11-07T12:00Z'))).toEqual({
      count: 1,
      reason: 'at most 1 now: sat,sun 00:00-24:00 max 1',
    });
  });
});

describe('nights on which the clock changes, in Berlin', () => {
  const night = '02:15-02:45 count 5';
  const times = (from: string, hours: number) =>
    Array.from({ length: hours * 4 }, (_, quarter) => Date.parse(from) + quarter * 900_000).filter(
      (now) =>
        schedule.create({ ranges: night, timeZone: 'Europe/Berlin' }).apply(0, viewOf(), now).count === 5,
    ).length;

  test('an hour that is missing is missing, one that comes twice counts twice', () => {
    expect(times('2026-03-29T00:00Z', 4)).toBe(0);
    expect(times('2026-10-25T00:00Z', 4)).toBe(4);
    expect(times('2026-10-24T00:00Z', 4)).toBe(2);
  });

  test('nine in the morning stays nine in the morning', () => {
    const ranges = '09:00-10:00 count 5';
    expect(at('2026-03-28T08:00Z', 0, ranges, 'Europe/Berlin')).toBe(5);
    expect(at('2026-03-29T07:00Z', 0, ranges, 'Europe/Berlin')).toBe(5);
    expect(at('2026-03-29T08:00Z', 0, ranges, 'Europe/Berlin')).toBe(0);
  });

  test('a zone of half an hour, and the far side of the date line', () => {
    expect(at('2026-11-02T03:30Z', 0, 'mon 09:00-09:01 count 5', 'Asia/Kolkata')).toBe(5);
    expect(at('2026-11-01T10:00Z', 0, 'mon 00:00-01:00 count 5', 'Pacific/Kiritimati')).toBe(5);
  });
});

describe('what is wrong is told with what to write', () => {
  test.each([
    ['', 'there is no range: write for example "mon-fri 09:00-17:30 min 2 max 10"'],
    [
      'mno 09:00-10:00 max 1',
      'range 1 ("mno 09:00-10:00 max 1"): "mno" is no day; write mon, tue, wed, thu, fri, sat, sun, or mon-fri',
    ],
    ['mon 9-10 max 1', 'range 1 ("mon 9-10 max 1"): "9-10" is no time; write it as 09:00-17:30'],
    ['mon', 'range 1 ("mon"): the time is missing; write it as 09:00-17:30'],
    [
      '25:00-26:00 max 1',
      'range 1 ("25:00-26:00 max 1"): "25:00-26:00" is beyond the day; times go from 00:00 to 24:00',
    ],
    [
      '09:00-09:00 max 1',
      'range 1 ("09:00-09:00 max 1"): "09:00-09:00" is empty; write 00:00-24:00 for a whole day',
    ],
    ['09:00-10:00', 'range 1 ("09:00-10:00"): it says nothing; add min, max or count, each with a number'],
    [
      '09:00-10:00 most 3',
      'range 1 ("09:00-10:00 most 3"): "most" is not known; write min, max or count, each with a number',
    ],
    ['09:00-10:00 max', 'range 1 ("09:00-10:00 max"): "max" needs a whole number from 0 to 10000'],
    [
      '09:00-10:00 max -1',
      'range 1 ("09:00-10:00 max -1"): "max" needs a whole number from 0 to 10000, not "-1"',
    ],
    ['09:00-10:00 min 3 max 1', 'range 1 ("09:00-10:00 min 3 max 1"): the min is above the max'],
    [
      '09:00-10:00 count 3 max 1',
      'range 1 ("09:00-10:00 count 3 max 1"): the maximum is given twice; count stands for both',
    ],
  ])('%s', (ranges, problem) => {
    const all = problems(ranges);
    expect(all).toHaveLength(1);
    expect(all[0]).toBe(`limit "schedule": ${problem}`);
  });

  test('a time zone that does not exist', () => {
    expect(problems(week, 'Europe/Berlni')).toEqual([
      'limit "schedule": unknown time zone "Europe/Berlni", did you mean "Europe/Berlin"?',
    ]);
  });

  test('a manager with such a schedule holds its count', () => {
    const limits = [{ use: 'schedule', options: { ranges: 'mno 09:00-10:00 max 1' } }];
    const decision = decide(managerOf({ limits }), viewNow({ waiting: 0, running: 0 }, processesOf(4)), noon);
    expect(decision).toMatchObject({ desired: 4, unknown: true });
  });
});

describe('in a decision', () => {
  const limits = [{ use: 'schedule', options: { ranges: '00:00-24:00 min 3 max 20' } }];
  const rules = [{ use: 'queue-size', options: { ratio: 1 } }];

  test("its counts take the place of the manager's bounds, up and down", () => {
    const manager = managerOf({ limits, rules, minimum: 5, maximum: 10 });
    expect(decide(manager, viewNow({ waiting: 50 }), noon).desired).toBe(20);
    expect(decide(manager, viewNow({ waiting: 0 }, processesOf(9)), noon).desired).toBe(3);
  });

  test('outside its ranges the bounds are those of the manager', () => {
    const other = [{ use: 'schedule', options: { ranges: '00:00-00:01 min 3 max 20' } }];
    const manager = managerOf({ limits: other, rules, minimum: 5, maximum: 10 });
    expect(decide(manager, viewNow({ waiting: 50 }), noon).desired).toBe(10);
  });

  test('for every view the count is within the range', () => {
    fc.assert(
      fc.property(anyView, fc.nat(30), fc.nat(30), (view, a, b) => {
        const [least, most] = [Math.min(a, b), Math.max(a, b)];
        const ranges = `00:00-24:00 min ${least} max ${most}`;
        const { desired } = decide(
          managerOf({ limits: [{ use: 'schedule', options: { ranges } }] }),
          view,
          noon,
        );
        expect(desired).toBeGreaterThanOrEqual(least);
        expect(desired).toBeLessThanOrEqual(most);
      }),
    );
  });
});
