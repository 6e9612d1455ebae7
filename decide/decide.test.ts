import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  anyReading,
  anyView,
  jobsAt,
  managerOf,
  noon,
  processesOf,
  sampleOf,
  viewNow,
  viewOf,
} from './contract.ts';
import { decide } from './decide.ts';
import { currentCount } from './formation.ts';
import { limits as kinds } from './registry.ts';
import type { Choice, Hold, Manager, View } from './words.ts';

const bounded = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }))
  .map(([a, b]) => ({ minimum: Math.min(a, b), maximum: Math.max(a, b) }));

const someRules: fc.Arbitrary<Choice[]> = fc.subarray([
  { use: 'wait-goal', options: { goalSeconds: 30 } },
  { use: 'queue-size', options: { ratio: 5 } },
  { use: 'queue-size', options: { ratio: 100, decrementable: false } },
]);

const someLimits: fc.Arbitrary<Choice[]> = fc.shuffledSubarray([
  { use: 'step', options: { maxUp: 3, maxDown: 2 } },
  { use: 'cooldown', options: { upSeconds: 30, downSeconds: 300 } },
  { use: 'error-storm', options: { leastJobs: 1 } },
  { use: 'no-gain', options: {} },
  { use: 'flap', options: { turns: 2 } },
  { use: 'stabilise', options: { downSeconds: 300, upSeconds: 60 } },
]);

const someHold: fc.Arbitrary<Hold> = fc.record(
  { count: fc.integer({ min: 0, max: 80 }), until: fc.constantFrom(noon - 1, noon, noon + 60_000) },
  { requiredKeys: ['count'] },
);

const anyManager: fc.Arbitrary<Manager> = fc
  .record({
    bounds: bounded,
    rules: someRules,
    limits: someLimits,
    paused: fc.boolean(),
    hold: fc.option(someHold, { nil: undefined }),
  })
  .map(({ bounds, hold, ...rest }) => managerOf({ ...bounds, ...rest, ...(hold && { hold }) }));

function inForce({ hold }: Manager): boolean {
  return hold !== undefined && (hold.until === undefined || hold.until > noon);
}

describe('for every manager and every view', () => {
  test('the desired count is within the bounds, unless a person holds or paused it', () => {
    fc.assert(
      fc.property(anyManager, anyView, (manager, view) => {
        const { desired, current } = decide(manager, view, noon);
        if (manager.paused) expect(desired).toBe(current);
        else if (inForce(manager)) expect(desired).toBe(manager.hold?.count);
        else {
          expect(desired).toBeGreaterThanOrEqual(manager.minimum);
          expect(desired).toBeLessThanOrEqual(manager.maximum);
        }
      }),
    );
  });

  test('it never falls while anything is unknown; only a maximum or a person may lower it', () => {
    fc.assert(
      fc.property(anyManager, anyView, fc.array(anyReading, { maxLength: 3 }), (manager, view, others) => {
        fc.pre(!inForce(manager));
        const readings = [
          ...others.map((make) => make(noon)),
          { kind: 'unknown', at: noon, why: 'down' } as const,
        ];
        const seen = { ...view, samples: [...view.samples, { at: noon, readings }] };
        const decision = decide(manager, seen, noon);
        expect(decision.unknown).toBe(true);
        const floor = manager.paused ? decision.current : Math.min(decision.current, manager.maximum);
        expect(decision.desired).toBeGreaterThanOrEqual(floor);
      }),
    );
  });

  test('a refusing rule holds the count as an unknown reading does', () => {
    fc.assert(
      fc.property(anyManager, anyView, (manager, view) => {
        fc.pre(manager.rules.length > 0 && !inForce(manager) && !manager.paused);
        const seen = { ...view, samples: [{ at: noon, readings: [] }] };
        const decision = decide(manager, seen, noon);
        expect(decision.unknown).toBe(true);
        expect(decision.desired).toBeGreaterThanOrEqual(Math.min(decision.current, manager.maximum));
      }),
    );
  });

  test('more backlog never wants fewer workers', () => {
    fc.assert(
      fc.property(anyManager, anyView, fc.nat(10_000), fc.nat(300_000), (manager, view, less, more) => {
        const last = view.samples.at(-1)?.at ?? noon;
        const with_ = (waiting: number): View => ({
          ...view,
          samples: [
            ...view.samples,
            { at: last + 10_000, readings: [jobsAt(noon, { waiting, running: 2 })] },
          ],
        });
        const fewer = decide(manager, with_(less), noon).desired;
        expect(decide(manager, with_(less + more), noon).desired).toBeGreaterThanOrEqual(fewer);
      }),
      { numRuns: 300 },
    );
  });

  test('an older backlog never wants fewer workers', () => {
    fc.assert(
      fc.property(anyView, fc.nat(5_000), fc.nat(60), fc.nat(600), (view, waiting, age, older) => {
        const with_ = (oldestSeconds: number): View => ({
          ...view,
          samples: [sampleOf(noon, { waiting, oldestSeconds, running: 2 })],
        });
        const fewer = decide(managerOf({ maximum: 10_000 }), with_(age), noon).desired;
        const other = decide(managerOf({ maximum: 10_000 }), with_(age + older), noon).desired;
        expect(other).toBeGreaterThanOrEqual(fewer);
      }),
    );
  });

  test('the same goes in, the same comes out, and nothing is changed on the way', () => {
    fc.assert(
      fc.property(anyManager, anyView, (manager, view) => {
        const before = structuredClone({ manager, view });
        expect(decide(structuredClone(manager), structuredClone(view), noon)).toEqual(
          decide(manager, view, noon),
        );
        expect({ manager, view }).toEqual(before);
      }),
    );
  });

  test('reasons lead from current to desired without a gap, each with its words', () => {
    fc.assert(
      fc.property(anyManager, anyView, (manager, view) => {
        const { current, desired, reasons } = decide(manager, view, noon);
        expect(current).toBe(currentCount(view.processes));
        expect(reasons.length).toBeGreaterThan(0);
        let at = current;
        for (const { from, to, by, text } of reasons) {
          expect(from).toBe(at);
          expect(by && text).toMatch(/\S/);
          at = to;
        }
        expect(at).toBe(desired);
      }),
    );
  });

  test('what the rules want differs from the outcome only where a limit says so', () => {
    fc.assert(
      fc.property(anyManager, anyView, (manager, view) => {
        fc.pre(!manager.paused);
        const { desired, reasons } = decide(manager, view, noon);
        const wanted = reasons[0]?.to;
        const limits = kinds.map(({ use }) => use);
        if (wanted !== desired)
          expect(reasons.slice(1).some(({ by, from, to }) => from !== to && limits.includes(by))).toBe(true);
      }),
    );
  });
});

describe('the pipeline', () => {
  const small = { use: 'queue-size', options: { ratio: 10 } };
  const large = { use: 'queue-size', options: { ratio: 2 } };

  test('the largest need leads, and the others are told', () => {
    const { desired, reasons } = decide(managerOf({ rules: [small, large] }), viewNow({ waiting: 20 }), noon);
    expect(desired).toBe(10);
    expect(reasons).toEqual([
      { by: 'queue-size', from: 0, to: 10, text: '20 jobs wait or run, one process for 2' },
      { by: 'queue-size', from: 10, to: 10, text: 'wants 2: 20 jobs wait or run, one process for 10' },
    ]);
  });

  test('limits apply in the order of the registry, however the manager lists them', () => {
    const cooldown = { use: 'cooldown', options: { upSeconds: 60 } };
    const step = { use: 'step', options: { maxUp: 4 } };
    const raised = { at: noon - 10_000, current: 0, desired: 2, reasons: [], unknown: false };
    const view = { ...viewNow({ waiting: 100 }, processesOf(1)), decisions: [raised] };
    const listed = [step, cooldown, { use: 'step', options: { maxUp: 3 } }];
    const decided = [listed, listed.toReversed()].map((limits) =>
      decide(managerOf({ rules: [large], limits, minimum: 3 }), view, noon),
    );
    for (const { desired, reasons } of decided) {
      expect(desired).toBe(3);
      expect(reasons.map(({ by }) => by).filter((by, place, all) => all[place - 1] !== by)).toEqual([
        'queue-size',
        'step',
        'cooldown',
        'bounds',
      ]);
    }
  });

  test('a person has the last word, above the bounds and while all is unknown', () => {
    const manager = managerOf({ maximum: 5, hold: { count: 9, by: 'ada' } });
    const { desired, unknown, reasons } = decide(manager, viewOf({ processes: processesOf(12) }), noon);
    expect({ desired, unknown }).toEqual({ desired: 9, unknown: true });
    expect(reasons.at(-1)).toEqual({ by: 'hold', from: 5, to: 9, text: 'held by ada until it is ended' });
  });

  test('paused changes nothing, not even against a hold or a bound, and still sees the unknown', () => {
    const manager = managerOf({ paused: true, maximum: 1, hold: { count: 7 } });
    const decision = decide(manager, viewOf({ processes: processesOf(3) }), noon);
    expect(decision).toMatchObject({ current: 3, desired: 3, unknown: true });
    expect(decision.reasons).toEqual([{ by: 'paused', from: 3, to: 3, text: 'the manager is paused' }]);
  });

  test('without a rule the count stays, within bounds', () => {
    const measured = viewOf({ samples: [{ at: noon, readings: [] }] });
    const web = managerOf({ rules: [], minimum: 1, maximum: 1 });
    expect(decide(web, measured, noon)).toMatchObject({ current: 0, desired: 1, unknown: false });
    expect(decide(web, { ...measured, processes: processesOf(1) }, noon).desired).toBe(1);
    expect(decide(web, { ...measured, processes: processesOf(3) }, noon).desired).toBe(1);
  });

  test('where workers can be told, nobody is let go unasked, listed or not; a patience of 0 is a word against it', () => {
    const busy = processesOf(2).map((process) => ({ ...process, jobs: 1, quietSince: noon - 60_000 }));
    const view = { ...viewOf({}), processes: busy, leaving: 'highest' as const };
    const manager = managerOf({ minimum: 0, maximum: 5, hold: { count: 0 } });
    const patient = { use: 'drain-first', options: {} };
    expect(decide(manager, view, noon)).toMatchObject({ current: 2, desired: 2 });
    expect(decide(manager, view, noon).reasons.at(-1)).toMatchObject({
      by: 'drain-first',
      text: expect.stringContaining('1 running'),
    });
    expect(decide({ ...manager, limits: [patient] }, view, noon)).toEqual(decide(manager, view, noon));
    const impatient = { ...patient, options: { patienceSeconds: 0 } };
    expect(decide({ ...manager, limits: [impatient] }, view, noon).desired).toBe(0);
    const { leaving: _, ...nobodyCanBeTold } = view;
    expect(decide(manager, nobodyCanBeTold, noon).desired).toBe(0);
  });

  test('one that starts or crashed counts as current, one that stops does not', () => {
    const processes = [
      ...processesOf(1, 'starting'),
      ...processesOf(2, 'crashed'),
      ...processesOf(4, 'stopping'),
    ];
    expect(decide(managerOf(), viewOf({ processes }), noon)).toMatchObject({ current: 3, desired: 3 });
  });

  test('one queue unknown: what the other needs is started, and nobody is let go', () => {
    const readings = [
      jobsAt(noon, { waiting: 40 }),
      { kind: 'unknown', at: noon, why: 'no answer' } as const,
    ];
    const look = (count: number) =>
      decide(
        managerOf({ rules: [large] }),
        viewOf({ samples: [{ at: noon, readings }], processes: processesOf(count) }),
        noon,
      );
    expect(look(3)).toMatchObject({ desired: 20, unknown: true });
    const held = look(30);
    expect(held).toMatchObject({ desired: 30, unknown: true });
    expect(held.reasons.at(-1)?.text).toBe('unknown, so the count does not fall: no answer');
  });

  test('a queue that told what runs and now does not is unknown: its workers may be too busy to answer', () => {
    const samples = [sampleOf(noon - 10_000, { waiting: 1, running: 2 }), sampleOf(noon, { waiting: 0 })];
    const silent = decide(managerOf(), viewOf({ samples, processes: processesOf(3) }), noon);
    expect(silent).toMatchObject({ desired: 3, unknown: true });
    expect(silent.reasons.at(-1)?.text).toContain('queue "celery" tells no longer how many jobs run');
    const never = [sampleOf(noon - 10_000, { waiting: 1 }), sampleOf(noon, { waiting: 0 })];
    const mute = decide(managerOf(), viewOf({ samples: never, processes: processesOf(3) }), noon);
    expect(mute).toMatchObject({ desired: 0, unknown: false });
  });

  test('a rule or a limit that cannot be used holds the count and says what was meant', () => {
    const view = viewNow({ waiting: 0, running: 0 }, processesOf(4));
    const rule = decide(managerOf({ rules: [{ use: 'wait-gaol', options: {} }] }), view, noon);
    expect(rule).toMatchObject({ desired: 4, unknown: true });
    expect(rule.reasons[0]?.text).toContain('did you mean "wait-goal"?');
    const limit = decide(managerOf({ limits: [{ use: 'step', options: { maxUpp: 1 } }] }), view, noon);
    expect(limit).toMatchObject({ desired: 4, unknown: true });
    expect(limit.reasons.at(-1)?.text).toContain('did you mean "maxUp"?');
  });

  test('100,000 waiting jobs and 15 minutes of samples are one quick walk', () => {
    const samples = Array.from({ length: 900 }, (_, second) =>
      sampleOf(noon - (900 - second) * 1000, {
        waiting: second * 111,
        startedTotal: second * 50,
        running: 40,
      }),
    );
    const view = viewOf({ samples, processes: processesOf(500) });
    const { desired } = decide(managerOf({ maximum: 10_000 }), view, noon);
    expect(desired).toBeGreaterThan(500);
  });
});
