import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anySamples, known, noon, sampleOf, viewOf } from './contract.ts';
import { cameThisMinute, forecastAt, learnArrivals } from './forecast.ts';
import { headroom } from './headroom.ts';
import { situationOf } from './situation.ts';
import type { ArrivalHistory, View } from './words.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;

/** `rate` tells the jobs per second of each hour before noon, 1 being the last one; undefined: nobody watched. */
function daily(rate: (hoursAgo: number) => number | null): ArrivalHistory {
  const hour = Math.floor(noon / hourMs);
  return {
    minute: { index: Math.floor(noon / minuteMs), jobs: 0, seconds: 0 },
    hour: { index: hour, jobs: 0, seconds: 0 },
    minutes: [],
    hours: Array.from({ length: 336 }, (_, place) => rate(336 - place)),
  };
}

function hourly(jobs: (minutesAgo: number) => number | null): ArrivalHistory {
  return { ...daily(() => null), minutes: Array.from({ length: 180 }, (_, place) => jobs(180 - place)) };
}

describe('the usual rate of an hour', () => {
  test('is that of the same hour of the days before, and fourteen equal days are fully sure', () => {
    const usual = daily((ago) => (ago % 24 === 0 ? 7 : 1));
    expect(forecastAt(usual, noon)).toMatchObject({ perSecond: 7, sure: 1 });
    expect(forecastAt(usual, noon + hourMs)).toMatchObject({ perSecond: 1, sure: 1 });
  });

  test('one odd day and one missing day change the rate by nothing, and make it less sure', () => {
    const odd = daily((ago) => (ago === 24 ? 900 : ago === 48 ? null : 4));
    const { perSecond, sure } = forecastAt(odd, noon);
    expect(perSecond).toBe(4);
    expect(sure).toBeCloseTo(0.6, 9);
  });

  test('a Saturday is not taken for a Friday', () => {
    const week = daily((ago) => (ago <= 24 * 5 ? 10 : Math.ceil(ago / 24) % 7 === 0 ? 1 : 10));
    expect(forecastAt(week, noon).perSecond).toBe(1);
  });

  test('on a day that fell short so far it falls short as well', () => {
    const holiday = daily((ago) => (ago === 1 ? 1 : 4));
    expect(forecastAt(holiday, noon).perSecond).toBe(1);
    expect(
      forecastAt(
        daily((ago) => (ago === 1 ? 40 : 4)),
        noon,
      ).perSecond,
    ).toBe(4);
  });

  test('nothing is known at first, and nothing of a time far away', () => {
    const none = { perSecond: 0, sure: 0, rush: 0, rushSure: 0 };
    expect(forecastAt(undefined, noon)).toEqual(none);
    expect(
      forecastAt(
        daily(() => null),
        noon,
      ),
    ).toEqual(none);
    expect(
      forecastAt(
        daily(() => 5),
        noon + 5 * hourMs,
      ),
    ).toEqual(none);
  });
});

describe('a rush at a minute of every hour', () => {
  test('is seen after two hours, is surer after three, and counts as its least', () => {
    const three = hourly((ago) => (ago % 60 === 0 ? 100 + ago : 2));
    expect(forecastAt(three, noon)).toMatchObject({ rush: 158, rushSure: 1 });
    const two = hourly((ago) => (ago > 120 ? null : ago % 60 === 0 ? 100 : 2));
    expect(forecastAt(two, noon).rushSure).toBeCloseTo(2 / 3, 9);
    expect(forecastAt(two, noon + minuteMs).rush).toBe(0);
  });

  test('what came once is no rush', () => {
    expect(
      forecastAt(
        hourly((ago) => (ago === 60 ? 5_000 : 2)),
        noon,
      ).rush,
    ).toBe(0);
  });
});

describe('learning', () => {
  const feed = (minutes: number, perMinute: (minute: number) => number, skip = (_: number) => false) => {
    let learned: ArrivalHistory | undefined;
    let started = 0;
    for (let step = 1; step <= minutes * 6; step++) {
      const before = started;
      started += perMinute(Math.floor((step - 1) / 6)) / 6;
      if (skip(Math.floor((step - 1) / 6))) continue;
      learned = learnArrivals(
        learned,
        sampleOf(noon + (step - 1) * 10_000, { startedTotal: before }),
        sampleOf(noon + step * 10_000 - 1, { startedTotal: started }),
      );
    }
    return learned as ArrivalHistory;
  };

  test('counts arrivals by minute and hour, and takes what nobody watched for a gap', () => {
    const learned = feed(
      130,
      (minute) => (minute % 60 === 5 ? 120 : 6),
      (minute) => minute === 70,
    );
    expect(learned.minutes.at(5)).toBeCloseTo(120, -1);
    expect(learned.minutes.at(6)).toBeCloseTo(6, 1);
    expect(learned.minutes.at(70)).toBeNull();
    expect(learned.hours).toHaveLength(2);
    expect(learned.hours[0]).toBeCloseTo((59 * 6 + 120) / 3_600, 2);
    expect(cameThisMinute(learned, noon + 130 * minuteMs - 1)).toBeCloseTo(6, 6);
    expect(cameThisMinute(learned, noon + 131 * minuteMs)).toBe(0);
  });

  test('whatever is fed, it stays small, finite and a function of its input', () => {
    fc.assert(
      fc.property(anySamples, fc.integer({ min: 0, max: 400 }), (samples, hours) => {
        let learned: ArrivalHistory | undefined = daily((ago) => (ago > hours ? null : 123.4));
        for (const [place, sample] of samples.entries()) {
          const before = samples[place - 1];
          if (!before) continue;
          const again = learnArrivals(structuredClone(learned), before, sample);
          learned = learnArrivals(learned, before, sample);
          expect(again).toEqual(learned);
        }
        expect(learned.minutes.length).toBeLessThanOrEqual(180);
        expect(learned.hours.length).toBeLessThanOrEqual(336);
        expect(JSON.stringify(learned).length).toBeLessThan(5_000);
        const { perSecond, sure, rush, rushSure } = forecastAt(learned, noon);
        for (const figure of [perSecond, rush]) expect(figure).toBeGreaterThanOrEqual(0);
        for (const share of [sure, rushSure]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

describe('what a forecast may do to the count', () => {
  const samples = (perSecond: number) =>
    Array.from({ length: 60 }, (_, place) =>
      sampleOf(noon - (59 - place) * 10_000, {
        waiting: 0,
        running: 2,
        startedTotal: Math.round(place * 10 * perSecond),
      }),
    );
  const workers = (perSecond: number, arrivals: ArrivalHistory | undefined, on = true): number => {
    const view: View = viewOf({
      samples: samples(perSecond),
      learned: {
        serviceSeconds: known(2),
        bootSeconds: known(30),
        concurrency: known(1),
        ...(arrivals && { arrivals }),
      },
    });
    const seen = situationOf({ goalSeconds: 30 }, view, noon);
    return seen ? headroom(seen, view, noon, on).workers : Number.NaN;
  };

  test('it only ever raises it, by rates and by rushes, and not at all where it is turned off', () => {
    const rates = fc.array(fc.option(fc.double({ min: 0, max: 50, noNaN: true })), {
      minLength: 336,
      maxLength: 336,
    });
    const rushes = fc.array(fc.option(fc.integer({ min: 0, max: 2_000 })), {
      minLength: 180,
      maxLength: 180,
    });
    fc.assert(
      fc.property(
        rates,
        rushes,
        fc.double({ min: 0.05, max: 5, noNaN: true }),
        (hours, minutes, perSecond) => {
          const arrivals: ArrivalHistory = { ...daily(() => null), hours, minutes };
          const without = workers(perSecond, undefined);
          expect(workers(perSecond, arrivals)).toBeGreaterThanOrEqual(without);
          expect(workers(perSecond, arrivals, false)).toBe(without);
        },
      ),
    );
  });

  test('the surer, the more', () => {
    const sure = [0, 1, 2, 3].map((days) =>
      workers(
        0.2,
        daily((ago) => (ago % 24 === 0 && ago <= 24 * days ? 20 : null)),
      ),
    );
    expect(sure).toEqual(sure.toSorted((a, b) => a - b));
    expect(sure[3]).toBeGreaterThan((sure[0] ?? 0) + 5);
  });
});
