import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { known, noon, processesOf, ruleContract, viewOf } from '../contract.ts';
import { slotsFor, waitsLonger } from '../erlang.ts';
import type { Options } from '../options.ts';
import { checkOptions } from '../options.ts';
import type { Histogram, Process, Reading, RequestsReading, Sample, View } from '../words.ts';
import { queueTimeGoal } from './queue-time-goal.ts';

ruleContract({ test, expect }, queueTimeGoal);
ruleContract({ test, expect }, queueTimeGoal, { slotsPerProcess: 5, serviceMs: 80, routing: 'random' });

function ruleOf(given: Options) {
  const checked = checkOptions(queueTimeGoal.options, given);
  if (!checked.ok) expect.fail(checked.problems.join());
  return queueTimeGoal.create(checked.options);
}

function want(view: View, given: Options = {}): { count: number; reason: string } {
  const wanted = ruleOf(given).want(view, noon);
  return 'unknown' in wanted ? { count: Number.NaN, reason: wanted.unknown } : wanted;
}

const requests = (at: number, of: Partial<RequestsReading>): RequestsReading => ({
  kind: 'requests',
  at,
  perSecond: 0,
  ...of,
});

/** Ten minutes of the same, every ten seconds. */
function steady(of: Partial<RequestsReading>, ...others: Partial<Reading>[]): Sample[] {
  return Array.from({ length: 60 }, (_, place) => {
    const at = noon - (59 - place) * 10_000;
    return { at, readings: [requests(at, of), ...others.map((each) => ({ at, ...each }) as Reading)] };
  });
}

const web = (count: number): Process[] =>
  processesOf(count).map((each, place) => ({ ...each, name: `web.${place + 1}` }));

/** What so many requests of a window would show, each of the same wait. */
const all = (ms: number, count = 600): Histogram => [[ms, count]];

describe('by response times and slots', () => {
  const samples = steady({ perSecond: 100, responseTimeMs: all(80), queueTimeMs: all(2) });
  const given = { slotsPerProcess: 5 };

  test('the least number with which Erlang keeps the promise', () => {
    const { count, reason } = want(viewOf({ samples, processes: web(3) }), given);
    const line = { load: 7.8, serviceSeconds: 0.078, spread: 1 };
    expect(waitsLonger({ ...line, slots: count * 5 }, 0.1)).toBeLessThanOrEqual(0.05);
    expect(waitsLonger({ ...line, slots: (count - 1) * 5 }, 0.1)).toBeGreaterThan(0.05);
    expect(count).toBe(Math.ceil(slotsFor({ ...line, load: 100.2 * 0.078 }, 0.1, 0.05) / 5));
    expect(reason).toBe(
      '100 requests/s of 78 ms by the response times keep 7.8 busy; with 2 of 5 slots 95 % wait at most 100 ms, now there are 3',
    );
  });

  test('a router that does not look who is free needs more', () => {
    const shared = want(viewOf({ samples, processes: web(3) }), given).count;
    const random = want(viewOf({ samples, processes: web(3) }), { ...given, routing: 'random' }).count;
    expect(random).toBeGreaterThan(shared);
  });

  test('answers that differ much need more than those that are alike', () => {
    const mixed: Histogram = [
      [20, 570],
      [1_220, 30],
    ];
    const view = (times: Histogram) =>
      viewOf({ samples: steady({ perSecond: 100, responseTimeMs: times }), processes: web(3) });
    expect(want(view(mixed), given).count).toBeGreaterThan(want(view(all(80)), given).count);
  });

  test('longer waits than the formula says are believed', () => {
    const late: Histogram = [
      [5, 300],
      [400, 300],
    ];
    const view = viewOf({
      samples: steady({ perSecond: 100, responseTimeMs: all(80), queueTimeMs: late }),
      processes: web(3),
    });
    const { count, reason } = want(view, { ...given, waitInResponse: false });
    expect(count).toBeGreaterThan(3);
    expect(reason).toContain('by how long they wait');
  });
});

describe('by waits alone', () => {
  const view = (late: number, count: number, change: Partial<View> = {}): View =>
    viewOf({
      samples: steady({
        perSecond: 50,
        queueTimeMs: [
          [3, 3_000 - late],
          [250, late],
        ],
      }),
      processes: web(count),
      ...change,
    });

  test('too many late ones add processes, hardly any take some away, and those in between do nothing', () => {
    expect(want(view(1_000, 5)).count).toBeGreaterThan(5);
    expect(want(view(120, 5)).count).toBe(5);
    expect(want(view(0, 5)).count).toBeLessThan(5);
  });

  test('they find what the app can do: the count for a known service time', () => {
    // Five processes with 45 requests/s of 90 ms each: what Erlang says of the late ones.
    const late = waitsLonger({ load: 4.05, slots: 5, serviceSeconds: 0.09, spread: 1 }, 0.1);
    const samples = steady({
      perSecond: 45,
      queueTimeMs: [
        [3, 2_700 * (1 - late)],
        [250, 2_700 * late],
      ],
    });
    const asked = want(viewOf({ samples, processes: web(5) })).count;
    expect(asked).toBe(slotsFor({ load: 4.05, serviceSeconds: 0.09, spread: 1 }, 0.1, 0.05));
  });

  test('while processes come or went lately it waits to see what that did', () => {
    const fresh = web(5).map((each, place) => (place < 4 ? each : { ...each, since: noon - 5_000 }));
    expect(want(view(1_000, 5, { processes: fresh }))).toEqual({
      count: 5,
      reason: '50 requests/s; what the last change did is not seen yet',
    });
    const booting = web(5).map((each, place) => (place < 4 ? each : { ...each, state: 'starting' as const }));
    expect(want(view(1_000, 5, { processes: booting })).count).toBe(5);
  });

  test('a handful of requests says nothing', () => {
    const samples = [{ at: noon, readings: [requests(noon, { perSecond: 0.05, queueTimeMs: all(900, 3) })] }];
    expect(want(viewOf({ samples, processes: web(2) })).count).toBe(2);
  });
});

describe('with less', () => {
  test('the busy share stands for the service time', () => {
    const samples = steady({ perSecond: 100, busy: 0.5 });
    const { count, reason } = want(viewOf({ samples, processes: web(4) }), { slotsPerProcess: 5 });
    expect(reason).toContain('100 requests/s of 100 ms by how busy they are keep 10');
    expect(count).toBeGreaterThanOrEqual(3);
  });

  test('CPU alone is a target', () => {
    const cpu = (value: number): View =>
      viewOf({
        samples: [{ at: noon, readings: [{ kind: 'value', name: 'cpu', at: noon, value, unit: '%' }] }],
        processes: web(4),
      });
    expect(want(cpu(95)).count).toBe(5);
    expect(want(cpu(20)).count).toBe(1);
    expect(want(cpu(78)).count).toBe(4);
    // Just under what three could do: nothing moves, or it would swing.
    expect(want(cpu(58)).count).toBe(4);
    expect(want(cpu(95)).reason).toBe('4 are 95 % busy of at most 80 %');
  });

  test('a load average counts only where the cores are told', () => {
    const samples = [
      { at: noon, readings: [{ kind: 'value', name: 'load1', at: noon, value: 4, unit: 'load' } as const] },
    ];
    expect(want(viewOf({ samples, processes: web(2) })).reason).toBe(
      'no meter gave requests or the load of the processes',
    );
    expect(want(viewOf({ samples, processes: web(2) }), { cores: 2 }).count).toBe(5);
  });

  test('a rate alone is refused, unless there is nobody yet', () => {
    const samples = steady({ perSecond: 3 });
    expect(want(viewOf({ samples, processes: web(2) })).reason).toContain('nothing tells how long one takes');
    expect(want(viewOf({ samples })).count).toBe(1);
    expect(want(viewOf({ samples, processes: web(2) }), { serviceMs: 200 }).count).toBe(3);
  });

  test('no requests: one stays, or none where that is wanted', () => {
    const view = viewOf({ samples: steady({ perSecond: 0, queueTimeMs: [] }), processes: web(4) });
    expect(want(view)).toEqual({ count: 1, reason: 'no requests come; at least 1' });
    expect(want(view, { least: 0 }).count).toBe(0);
    const working = web(4).map((each, place) => ({ ...each, busy: place < 3 }));
    expect(want({ ...view, processes: working }).count).toBe(3);
  });
});

test('a load that grows is planned for the end of a boot, and one that falls is believed after a while', () => {
  const walk = (rate: (secondsAgo: number) => number): Sample[] =>
    Array.from({ length: 60 }, (_, place) => {
      const ago = (59 - place) * 10;
      return {
        at: noon - ago * 1000,
        readings: [requests(noon, { perSecond: rate(ago), responseTimeMs: all(100) })],
      };
    });
  const reason = (rate: (secondsAgo: number) => number): string => {
    const learned = { ...viewOf().learned, bootSeconds: known(20) };
    return want(viewOf({ samples: walk(rate), processes: web(5), learned }), { slotsPerProcess: 5 }).reason;
  };
  expect(reason(() => 100)).not.toContain('planned');
  expect(reason((ago) => 200 - ago / 3)).toContain('200 requests/s (planned for 220)');
  // Ten seconds of twice the load: the mean of the window has risen by a sixth only.
  expect(reason((ago) => (ago < 10 ? 233 : 200))).toContain('233 requests/s (planned for 415)');
  expect(reason((ago) => (ago < 30 ? 50 : 100))).toContain('50 requests/s (planned for 100)');
  expect(reason((ago) => (ago < 120 ? 50 : 100))).not.toContain('planned');
});

test('more arrivals never want fewer, and what is busy stays', () => {
  const setting = fc.record({
    perSecond: fc.double({ min: 0, max: 2_000, noNaN: true }),
    more: fc.double({ min: 0, max: 500, noNaN: true }),
    serviceMs: fc.integer({ min: 1, max: 2_000 }),
    slotsPerProcess: fc.integer({ min: 1, max: 20 }),
    goalMs: fc.integer({ min: 1, max: 5_000 }),
    percentile: fc.constantFrom(50, 90, 95, 99),
    routing: fc.constantFrom('shared', 'random'),
    up: fc.integer({ min: 0, max: 30 }),
    busy: fc.integer({ min: 0, max: 30 }),
    given: fc.boolean(),
  });
  fc.assert(
    fc.property(setting, ({ perSecond, more, serviceMs, up, busy, given, ...options }) => {
      const processes = web(up).map((each, place) => ({ ...each, busy: place < busy }));
      const count = (rate: number): number => {
        const samples = steady({ perSecond: rate, ...(!given && { responseTimeMs: all(serviceMs) }) });
        return want(viewOf({ samples, processes }), { ...options, ...(given && { serviceMs }) }).count;
      };
      expect(count(perSecond + more)).toBeGreaterThanOrEqual(count(perSecond));
      expect(count(perSecond)).toBeGreaterThanOrEqual(Math.min(up, busy));
      const load = (perSecond * serviceMs) / 1000;
      expect(count(perSecond) * options.slotsPerProcess).toBeGreaterThanOrEqual(load);
    }),
    { numRuns: 300 },
  );
});
