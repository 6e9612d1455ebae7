/** Schedules against themselves, against the nights in which clocks change, and against Python's Celery, case by case. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, inject, test } from 'vitest';
import { has } from '../../checks/fixtures.ts';
import type { CronFields } from './fields.ts';
import {
  checkSchedule,
  crontab,
  every,
  isDue,
  nextRun,
  type Schedule,
  slotsBetween,
  solar,
} from './schedule.ts';
import { loadSun, type SolarEvent, solarEvents } from './solar.ts';
import { offsetMs } from './zone.ts';

const at = (iso: string): number => Date.parse(iso);
const iso = (ms: number | undefined): string => (ms === undefined ? 'never' : new Date(ms).toISOString());

function runs(schedule: Schedule, from: string, to: string): string[] {
  return slotsBetween(schedule, at(from), at(to), 200).map((ms) => iso(ms).slice(0, 16));
}

describe('crontab', () => {
  test('reads lists, ranges, steps and names', () => {
    const noon = (fields: CronFields): string[] =>
      runs(crontab({ minute: 0, hour: 12, ...fields }), '2026-03-01T00:00Z', '2026-03-10T00:00Z').map((run) =>
        run.slice(8, 10),
      );
    expect(noon({ dayOfWeek: 'mon-wed' })).toEqual(['02', '03', '04', '09']);
    expect(noon({ dayOfWeek: 'fri-mon' })).toEqual(['01', '02', '06', '07', '08', '09']);
    expect(noon({ dayOfWeek: 'Sunday' })).toEqual(['01', '08']);
    expect(noon({ dayOfWeek: 0 })).toEqual(['01', '08']);
    expect(noon({ dayOfWeek: 7 })).toEqual(['01', '08']);
    expect(noon({ dayOfWeek: '6-7' })).toEqual(['01', '07', '08']);
    expect(noon({ dayOfMonth: '*/4' })).toEqual(['01', '05', '09']);
    expect(noon({ dayOfMonth: [2, 3] })).toEqual(['02', '03']);
    expect(noon({ dayOfMonth: '2-8/3,4' })).toEqual(['02', '04', '05', '08']);
    expect(noon({ monthOfYear: 'jan-feb' })).toEqual([]);
    expect(noon({ monthOfYear: 'nov-mar', dayOfMonth: 3 })).toEqual(['03']);
  });

  test('joins day of week and day of month with "and", as Celery and unlike cron', () => {
    const fridayThe13th = crontab({ minute: 0, hour: 0, dayOfMonth: 13, dayOfWeek: 'fri' });
    expect(runs(fridayThe13th, '2026-01-01T00:00Z', '2027-12-31T00:00Z')).toEqual([
      '2026-02-13T00:00',
      '2026-03-13T00:00',
      '2026-11-13T00:00',
      '2027-08-13T00:00',
    ]);
  });

  test('finds a date that comes once in 28 years, and says when there is none', () => {
    const rare = crontab({ minute: 0, hour: 0, dayOfMonth: 29, monthOfYear: 'feb', dayOfWeek: 'mon' });
    expect(iso(nextRun(rare, at('2024-01-01T00:00Z')))).toBe('2044-02-29T00:00:00.000Z');
    const never = () => crontab({ dayOfMonth: 30, monthOfYear: 2 });
    expect(never).toThrow(/OPTION_INVALID|a date that exists, unlike 30 February/);
  });

  test.each([
    [{ minute: '60' }, '"60" in minute'],
    [{ minute: '5/10' }, '"5/10" in minute'],
    [{ minute: '*/0' }, '"*/0" in minute'],
    [{ minute: '' }, '"" in minute'],
    [{ minute: '1,,2' }, '"" in minute'],
    [{ minute: '1-2-3' }, '"1-2-3" in minute'],
    [{ minute: 'mon' }, '"mon" in minute'],
    [{ minute: 1.5 }, '"1.5" in minute'],
    [{ hour: -1 }, '"-1" in hour'],
    [{ hour: '24' }, '"24" in hour'],
    [{ dayOfMonth: 0 }, '"0" in dayOfMonth'],
    [{ dayOfWeek: 'someday' }, '"someday" in dayOfWeek'],
    [{ dayOfWeek: 8 }, '"8" in dayOfWeek'],
    [{ monthOfYear: 13 }, '"13" in monthOfYear'],
  ] satisfies [CronFields, string][])('refuses %j', (fields, message) => {
    expect(() => crontab(fields)).toThrow(message);
  });

  test('refuses a time zone that there is not', () => {
    expect(() => crontab({}, 'Europe/Berlim')).toThrow('"Europe/Berlim" is no time zone');
  });
});

describe('nights in which the clock changes', () => {
  // Berlin: 02:00 CET becomes 03:00 CEST on 29 March 2026; 03:00 CEST becomes 02:00 CET on 25 October.
  const berlin = (fields: CronFields): Schedule => crontab(fields, 'Europe/Berlin');

  test('a time in the skipped hour runs once, right after the leap', () => {
    expect(runs(berlin({ minute: 30, hour: 2 }), '2026-03-27T12:00Z', '2026-03-30T12:00Z')).toEqual([
      '2026-03-28T01:30',
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ]);
    const often = berlin({ minute: '*/15', hour: '2' });
    expect(runs(often, '2026-03-28T12:00Z', '2026-03-29T12:00Z')).toEqual(['2026-03-29T01:00']);
    // At three it runs anyway: the leap adds nothing.
    const twoAndThree = berlin({ minute: 0, hour: '2,3' });
    expect(runs(twoAndThree, '2026-03-28T12:00Z', '2026-03-29T12:00Z')).toEqual(['2026-03-29T01:00']);
  });

  test('a time in the repeated hour runs the first time only', () => {
    expect(runs(berlin({ minute: 30, hour: 2 }), '2026-10-24T12:00Z', '2026-10-26T12:00Z')).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
  });

  test('the same in New York, whose clock changes at two in the morning of other days', () => {
    const newYork = (fields: Parameters<typeof crontab>[0]) => crontab(fields, 'America/New_York');
    expect(runs(newYork({ minute: 30, hour: 2 }), '2026-03-07T12:00Z', '2026-03-10T00:00Z')).toEqual([
      '2026-03-08T07:00',
      '2026-03-09T06:30',
    ]);
    expect(runs(newYork({ minute: 30, hour: 1 }), '2026-10-31T12:00Z', '2026-11-02T12:00Z')).toEqual([
      '2026-11-01T05:30',
      '2026-11-02T06:30',
    ]);
    expect(runs(newYork({ minute: '15,45', hour: '1-2' }), '2026-03-08T00:00Z', '2026-03-08T12:00Z')).toEqual(
      ['2026-03-08T06:15', '2026-03-08T06:45', '2026-03-08T07:00'],
    );
  });

  test('where every hour counts, the elapsed time does', () => {
    const half = berlin({ minute: '*/30' });
    expect(runs(half, '2026-10-24T23:59Z', '2026-10-25T02:00Z')).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T00:30',
      '2026-10-25T01:00',
      '2026-10-25T01:30',
      '2026-10-25T02:00',
    ]);
    expect(runs(half, '2026-03-29T00:15Z', '2026-03-29T01:30Z')).toEqual([
      '2026-03-29T00:30',
      '2026-03-29T01:00',
      '2026-03-29T01:30',
    ]);
  });

  test('a night whose midnight is skipped, a half hour, and a day that never was', () => {
    const midnight = (zone: string): Schedule => crontab({ minute: 0, hour: 0 }, zone);
    expect(runs(midnight('America/Santiago'), '2026-09-05T12:00Z', '2026-09-07T12:00Z')).toEqual([
      '2026-09-06T04:00',
      '2026-09-07T03:00',
    ]);
    const lordHowe = crontab({ minute: 15, hour: 2 }, 'Australia/Lord_Howe');
    expect(runs(lordHowe, '2026-10-03T00:00Z', '2026-10-05T00:00Z')).toEqual([
      '2026-10-03T15:30',
      '2026-10-04T15:15',
    ]);
    // Samoa left out 30 December 2011: its midnight came with that of the 31st.
    expect(runs(midnight('Pacific/Apia'), '2011-12-29T09:00Z', '2012-01-01T00:00Z')).toEqual(
      ['2011-12-29T10:00', '2011-12-30T10:00', '2011-12-31T10:00'].slice(0, 3),
    );
  });
});

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
];
/** Python's pytz knows no change of the clock after 2037. */
const moments = fc.integer({ min: at('2005-01-01T00:00Z') / 1000, max: at('2036-01-01T00:00Z') / 1000 });

function field(least: number, most: number): fc.Arbitrary<string> {
  const value = fc.integer({ min: least, max: most });
  const range = fc.tuple(value, value).map(([from, to]) => `${from}-${to}`);
  const step = fc.integer({ min: 1, max: most + 3 });
  const part = fc.oneof(
    value.map(String),
    range,
    fc.tuple(fc.oneof(fc.constant('*'), range), step).map(([of, by]) => `${of}/${by}`),
  );
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant('*') },
    { weight: 3, arbitrary: fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(',')) },
  );
}

/** In Celery's order: minute, hour, day of week, day of month, month. */
const cronCases = fc.record({
  fields: fc.tuple(field(0, 59), field(0, 23), field(0, 6), field(1, 31), field(1, 12)),
  zone: fc.constantFrom(...zones),
  lastSeconds: moments,
  gapSeconds: fc.oneof(fc.nat(90), fc.nat(7_200), fc.nat(200_000), fc.nat(40_000_000)),
});

function scheduleOf(fields: readonly string[], zone: string): Schedule {
  const [minute = '', hour = '', dayOfWeek = '', dayOfMonth = '', monthOfYear = ''] = fields;
  return crontab({ minute, hour, dayOfWeek, dayOfMonth, monthOfYear }, zone);
}

function possible(fields: readonly string[], zone: string): Schedule | undefined {
  try {
    return scheduleOf(fields, zone);
  } catch {
    return undefined;
  }
}

const schedules = fc.oneof(
  cronCases.map(({ fields, zone }) => possible(fields, zone)),
  fc.integer({ min: 1, max: 200_000 }).map((seconds): Schedule => every(seconds)),
  fc
    .tuple(fc.integer({ min: 1, max: 200_000 }), fc.constantFrom(...zones))
    .map(([seconds, timeZone]): Schedule => every(seconds, { relative: true, timeZone })),
);

describe('properties', () => {
  const given = fc.record({ schedule: schedules, after: moments, gap: fc.nat(100_000) });

  test('the next run lies ahead, nothing lies between, and it survives JSON', () => {
    fc.assert(
      fc.property(given, ({ schedule, after, gap }) => {
        fc.pre(schedule !== undefined);
        const next = nextRun(schedule, after * 1000) ?? Infinity;
        expect(next).toBeGreaterThan(after * 1000);
        if (schedule.kind === 'crontab' && after + gap < next / 1000)
          expect(nextRun(schedule, (after + gap) * 1000)).toBe(next);
        expect(checkSchedule(JSON.parse(JSON.stringify(schedule)))).toEqual(schedule);
      }),
      { numRuns: 400 },
    );
  });

  test('a wall clock of the time zone shows a time that matches', () => {
    fc.assert(
      fc.property(cronCases, ({ fields, zone, lastSeconds }) => {
        const schedule = possible(fields, zone);
        fc.pre(schedule !== undefined);
        const next = nextRun(schedule, lastSeconds * 1000) ?? Number.NaN;
        const wall = new Date(next + offsetMs(zone, next));
        const before = new Date(next - 60_000 + offsetMs(zone, next - 60_000));
        // Unless a leap of the clock brought it here.
        if (wall.getTime() - before.getTime() !== 60_000) return;
        const parts = [wall.getUTCMinutes(), wall.getUTCHours(), wall.getUTCDay(), wall.getUTCDate()];
        const same = scheduleOf(fields, 'UTC');
        expect(nextRun(same, wall.getTime() - 1), JSON.stringify(parts)).toBe(wall.getTime());
      }),
      { numRuns: 400 },
    );
  });

  test('slots between are those found one by one', () => {
    fc.assert(
      fc.property(given, fc.integer({ min: 1, max: 5 }), ({ schedule, after, gap }, most) => {
        fc.pre(schedule !== undefined);
        const now = (after + gap) * 1000;
        const all: number[] = [];
        let next = nextRun(schedule, after * 1000);
        for (; next !== undefined && next <= now && all.length < 2_000; next = nextRun(schedule, next))
          all.push(next);
        fc.pre(all.length < 2_000);
        expect(slotsBetween(schedule, after * 1000, now, most)).toEqual(all.slice(-most));
        expect(isDue(schedule, after * 1000, now).due).toBe(all.length > 0);
      }),
      { numRuns: 200 },
    );
  });

  test('a year of seconds that were missed costs no year of seconds', () => {
    const year = 365 * 86_400_000;
    expect(slotsBetween(every(1), 0, year, 100)).toHaveLength(100);
    expect(slotsBetween(crontab(), 0, year, 100).at(-1)).toBe(year);
  });
});

interface Said {
  readonly error?: string;
  readonly wall: number;
  readonly due: boolean;
  readonly next: number;
  readonly remaining: number;
}

async function celerySays(cases: readonly object[]): Promise<Said[]> {
  const child = spawn(inject('servers').python, [`${import.meta.dirname}/celery-schedules.py`]);
  child.stdin.end(JSON.stringify(cases));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(err).toBe('');
  return JSON.parse(out) as Said[];
}

describe.skipIf(!has('python'))('beside Celery', () => {
  test('crontab: the next time on the wall clock, in seven hundred cases', async () => {
    const cases = fc.sample(cronCases, { numRuns: 700, seed: 20_260_301 });
    const said = await celerySays(
      cases.map(({ fields, zone, lastSeconds, gapSeconds }) => ({
        fields,
        zone,
        last: lastSeconds * 1000,
        now: (lastSeconds + gapSeconds) * 1000,
      })),
    );
    let compared = 0;
    const wrong = cases.filter(({ fields, zone, lastSeconds }, index) => {
      const schedule = possible(fields, zone);
      const { error, wall } = said[index] as Said;
      // No such date: both say so.
      if (!schedule || error) return !(schedule === undefined && error === 'RuntimeError');
      const next = nextRun(schedule, lastSeconds * 1000) ?? Number.NaN;
      if (nearChange(zone, lastSeconds * 1000) || nearChange(zone, next)) return false;
      if (misread(zone, lastSeconds * 1000)) return false;
      compared++;
      return next + offsetMs(zone, next) !== wall;
    });
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(500);
  });

  test('crontab: due or not, and when again, in six hundred cases', async () => {
    const cases = fc.sample(cronCases, { numRuns: 600, seed: 20_261_025 });
    const said = await celerySays(
      cases.map(({ fields, lastSeconds, gapSeconds }) => ({
        fields,
        zone: 'UTC',
        last: lastSeconds * 1000,
        now: (lastSeconds + gapSeconds) * 1000,
      })),
    );
    const count = { due: 0, not: 0, missedByCelery: 0 };
    const wrong = cases.filter(({ fields, lastSeconds, gapSeconds }, index) => {
      const schedule = possible(fields, 'UTC');
      if (!schedule) return false;
      const [last, now] = [lastSeconds * 1000, (lastSeconds + gapSeconds) * 1000];
      const { due, nextMs = Number.NaN } = isDue(schedule, last, now);
      const celery = said[index] as Said;
      if (due && !celery.due && overlooked(schedule, last, now)) {
        count.missedByCelery++;
        return false;
      }
      count[due ? 'due' : 'not']++;
      return due !== celery.due || Math.abs(nextMs - now - celery.next) > 1;
    });
    expect(wrong).toEqual([]);
    expect(Math.min(count.due, count.not)).toBeGreaterThan(150);
  });

  test('intervals, plain and relative', async () => {
    const cases = fc.sample(
      fc.record({
        seconds: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 400_000 })),
        relative: fc.boolean(),
        last: moments.map((seconds) => seconds * 1000),
        gap: fc.nat(400_000_000),
      }),
      { numRuns: 300, seed: 7 },
    );
    const said = await celerySays(
      cases.map(({ gap, ...rest }) => ({ ...rest, zone: 'UTC', now: rest.last + gap })),
    );
    const wrong = cases.filter(({ seconds, relative, last, gap }, index) => {
      const schedule = every(seconds, { relative });
      const { remaining, due } = said[index] as Said;
      const next = nextRun(schedule, last) ?? Number.NaN;
      return Math.abs(next - (last + gap) - remaining) > 0.5 || isDue(schedule, last, last + gap).due !== due;
    });
    expect(wrong).toEqual([]);
  });
});

/** Celery keeps the offset of the start, so within a day and a half of a change of the clock its hour may be off. */
function nearChange(zone: string, ms: number): boolean {
  const day = 129_600_000;
  return offsetMs(zone, ms - day) !== offsetMs(zone, ms + day);
}

/** Celery takes the midnight of UTC for that of the zone: west of it, late in the day, it leaves out the rest of the month. */
function misread(zone: string, last: number): boolean {
  const wall = last + offsetMs(zone, last);
  return wall - (wall % 86_400_000) + 86_400_000 < last;
}

/** Celery forgets slots later in the hour of the last run, once its day is over. */
function overlooked(schedule: Schedule, last: number, now: number): boolean {
  const hour = (ms: number): number => Math.floor(ms / 3_600_000);
  const day = (ms: number): number => Math.floor(ms / 86_400_000);
  const slots = slotsBetween(schedule, last, now, 200);
  return day(last) !== day(now) && slots.every((slot) => hour(slot) === hour(last));
}

describe('solar', () => {
  // Said by Celery 5.2.6 with ephem 4.1.4 for moments after `last`. Its dusk_astronomical stands at +18 degrees.
  const said = [
    {
      place: [52.52, 13.405],
      last: '2026-01-10T05:30:00Z',
      times:
        '2026-01-11T05:08:23 2026-01-10T05:49:58 2026-01-10T06:33:23 2026-01-10T07:13:41 2026-01-10T11:13:52 2026-01-10T15:14:24 2026-01-10T15:54:43 2026-01-10T16:38:08',
    },
    {
      place: [-33.87, 151.21],
      last: '2026-06-21T18:00:00Z',
      times:
        '2026-06-21T19:30:43 2026-06-21T20:01:12 2026-06-21T20:32:26 2026-06-21T21:00:12 2026-06-22T01:57:06 2026-06-22T06:54:00 2026-06-22T07:21:46 2026-06-22T07:53:00',
    },
    {
      place: [0, -78.5],
      last: '2025-09-22T23:59:00Z',
      times:
        '2025-09-23T09:54:19 2025-09-23T10:18:19 2025-09-23T10:42:18 2025-09-23T11:02:58 2025-09-23T17:06:12 2025-09-23T23:09:26 2025-09-23T23:30:06 2025-09-23T23:54:06',
    },
    {
      place: [37.77, -122.42],
      last: '2026-06-21T18:00:00Z',
      times:
        '2026-06-22T10:53:11 2026-06-22T11:37:43 2026-06-22T12:17:00 2026-06-22T12:48:22 2026-06-21T20:11:34 2026-06-22T03:35:00 2026-06-22T04:06:22 2026-06-22T04:45:38',
    },
  ] as const;

  test.each(said)('at $place after $last, as Celery to a minute', async ({ place, last, times }) => {
    const sun = await loadSun();
    const expected = times.split(' ').map((time) => at(`${time}Z`));
    const found = solarEvents
      .slice(0, 8)
      .map((event) => nextRun(solar(event, place[0], place[1]), at(last), sun) ?? Number.NaN);
    const apart = found.map((time, index) => Math.abs(time - (expected[index] ?? Number.NaN)) / 1000);
    expect(Math.max(...apart)).toBeLessThan(60);
  });

  test('dusk comes in order, and each event once a day', async () => {
    const sun = await loadSun();
    fc.assert(
      fc.property(
        fc.integer({ min: -45, max: 45 }),
        fc.integer({ min: -180, max: 180 }),
        moments,
        (lat, lng, seconds) => {
          const times = solarEvents.map((event) => sun(seconds * 1000, lat, lng)[event] ?? Number.NaN);
          expect(times).toEqual([...times].sort((a, b) => a - b));
          for (const event of solarEvents) {
            const schedule = solar(event, lat, lng);
            const first = nextRun(schedule, seconds * 1000, sun) ?? Number.NaN;
            const second = nextRun(schedule, first, sun) ?? Number.NaN;
            expect(Math.abs(second - first - 86_400_000)).toBeLessThan(600_000);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('where the sun does not rise for weeks, it waits until it does', async () => {
    const next = nextRun(solar('sunrise', 78.22, 15.65), at('2025-12-01T00:00Z'), await loadSun());
    expect(iso(next).slice(0, 7)).toBe('2026-02');
  });

  test('where the sun does not set for weeks, it waits too, while there is a noon each day', async () => {
    const sun = await loadSun();
    const next = (event: SolarEvent, from: string, place: readonly [number, number] = [78.22, 15.65]) =>
      iso(nextRun(solar(event, ...place), at(from), sun));
    expect(next('sunset', '2026-05-01T00:00Z').slice(0, 7)).toBe('2026-08');
    expect(next('dusk_astronomical', '2026-04-20T00:00Z').slice(0, 4)).toBe('2026');
    expect(next('solar_noon', '2026-06-21T00:00Z').slice(0, 10)).toBe('2026-06-21');
    expect(next('sunrise', '2026-05-20T00:00Z', [-77.85, 166.67]).slice(0, 7)).toBe('2026-08');
  });

  test('refuses what is no event and no place', () => {
    expect(() => solar('moonrise' as 'sunrise', 0, 0)).toThrow('dawn_astronomical');
    expect(() => solar('sunrise', 91, 0)).toThrow('between -90 and 90');
    expect(() => solar('sunrise', 0, Number.NaN)).toThrow('between -180 and 180');
    expect(() => nextRun(solar('sunrise', 0, 0), 0)).toThrow('loadSun()');
  });
});

test('an interval of a day is a day of the clock, also one of 23 or 25 hours', () => {
  const daily = every(86_400, { relative: true, timeZone: 'Europe/Berlin' });
  expect(runs(daily, '2026-03-28T12:00Z', '2026-03-31T00:00Z')).toEqual([
    '2026-03-28T23:00',
    '2026-03-29T22:00',
    '2026-03-30T22:00',
  ]);
  expect(runs(daily, '2026-10-24T12:00Z', '2026-10-27T00:00Z')).toEqual([
    '2026-10-24T22:00',
    '2026-10-25T23:00',
    '2026-10-26T23:00',
  ]);
});

test('refuses intervals and values that are no schedule', () => {
  expect(() => every(0)).toThrow('a number from 0.1');
  expect(() => every(Number.NaN)).toThrow('a number from 0.1');
  expect(() => checkSchedule({ kind: 'cron' })).toThrow('made by crontab(), every() or solar()');
  expect(() => checkSchedule(null)).toThrow('made by crontab(), every() or solar()');
});
