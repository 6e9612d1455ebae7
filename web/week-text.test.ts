import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstMatch, parseWeek } from '../decide/week.ts';
import { aheadMinutes, hoursOf, readWeek, type WeekRange, weekProblem, writeWeek } from './week-text.ts';

const some = fc.record(
  {
    days: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }).filter((days) => days.some(Boolean)),
    from: fc.integer({ min: 0, max: 1_439 }),
    to: fc.integer({ min: 0, max: 1_440 }),
    minimum: fc.integer({ min: 0, max: 50 }),
    maximum: fc.integer({ min: 50, max: 10_000 }),
  },
  { requiredKeys: ['days', 'from', 'to', 'minimum'] },
);
const range = some.filter(({ from, to }) => from !== to) as fc.Arbitrary<WeekRange>;

test('what is written is read back, and the controller reads the same', () => {
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 8 }), (ranges) => {
      const text = writeWeek(ranges);
      expect(readWeek(text)).toEqual(ranges);
      expect(weekProblem(text)).toBeUndefined();
      const parsed = parseWeek(text);
      expect(parsed.ok).toBe(true);
      if (!parsed.ok) return;
      expect(
        parsed.ranges.map(({ text: _, fromMinute, toMinute, ...rest }) => ({
          ...rest,
          from: fromMinute,
          to: toMinute,
        })),
      ).toEqual(ranges);
      // The grid shows the range that the controller would take.
      const hours = hoursOf(ranges);
      for (let weekday = 0; weekday < 7; weekday++)
        for (let hour = 0; hour < 24; hour++) {
          const held = firstMatch(parsed.ranges, { weekday, minute: hour * 60, day: 1, second: 0 });
          expect(hours[weekday]?.[hour]).toBe(held && parsed.ranges.indexOf(held));
        }
    }),
    { numRuns: 60 },
  );
});

test('texts that people write', () => {
  const [first, second, third] =
    readWeek('Monday-fri 9:00-17:30 min 2 max 10; sat,sun 00:00-24:00 max 1\n22:00-06:00 count 0') ?? [];
  expect(first).toEqual({
    days: [true, true, true, true, true, false, false],
    from: 540,
    to: 1_050,
    minimum: 2,
    maximum: 10,
  });
  expect(second).toMatchObject({ to: 1_440, maximum: 1 });
  expect(third).toMatchObject({ from: 1_320, to: 360, minimum: 0, maximum: 0 });
  expect(writeWeek([first, second, third].flatMap((each) => each ?? []))).toBe(
    'mon-fri 09:00-17:30 min 2 max 10; sat,sun 00:00-24:00 max 1; 22:00-06:00 count 0',
  );
});

test('what is not understood is not taken apart', () => {
  for (const text of ['noday 09:00-10:00 min 1', '09:00 min 1', '09:00-25:00 min 1', '09:00-10:00 least 1'])
    expect([text, readWeek(text)]).toEqual([text, undefined]);
  expect(readWeek('')).toEqual([]);
  expect(readWeek('09:00-10:00')).toHaveLength(1);
  expect(weekProblem('09:00-10:00')).toContain('needs a minimum or a maximum');
  expect(weekProblem('09:00-09:00 min 1')).toContain('empty');
  expect(weekProblem('09:00-10:00 min 3 max 2')).toContain('above');
  expect(weekProblem('what')).toContain('cannot be read');
});

test('how far a clock is ahead, with half hours, and zones that are none', () => {
  const winter = Date.UTC(2026, 0, 15, 12);
  expect(aheadMinutes('Europe/Berlin', 'UTC', winter)).toBe(60);
  expect(aheadMinutes('Asia/Kolkata', 'Europe/Berlin', winter)).toBe(270);
  expect(aheadMinutes('America/New_York', 'UTC', winter)).toBe(-300);
  expect(aheadMinutes('Mars/Olympus', 'UTC', winter)).toBeUndefined();
});
