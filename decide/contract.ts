/**
 * The suites that every rule and every limit passes, and the small makers of views that the tests of this folder share.
 * The test library comes as an argument, so that none reaches a user.
 */
import fc from 'fast-check';
import type { ExpectStatic, TestAPI } from 'vitest';
import { currentCount } from './formation.ts';
import type { LimitKind, RuleKind } from './kinds.ts';
import { defaultLearned } from './learn.ts';
import { checkOptions, type Options } from './options.ts';
import type {
  Decision,
  Estimate,
  JobsReading,
  Manager,
  Process,
  ProcessState,
  Reading,
  Sample,
  View,
} from './words.ts';

export const noon = 1_800_000_000_000;

export function managerOf(change: Partial<Manager> = {}): Manager {
  return {
    processType: 'worker',
    rules: [{ use: 'wait-goal', options: {} }],
    limits: [],
    minimum: 0,
    maximum: 100,
    paused: false,
    ...change,
  };
}

export function jobsAt(at: number, jobs: Partial<JobsReading>): JobsReading {
  return { kind: 'jobs', queue: 'celery', at, waiting: 0, ...jobs };
}

export function sampleOf(at: number, ...jobs: Partial<JobsReading>[]): Sample {
  return { at, readings: jobs.map((each) => jobsAt(at, each)) };
}

export function processesOf(count: number, state: ProcessState = 'up', since = noon - 3_600_000): Process[] {
  return Array.from({ length: count }, (_, index) => ({ name: `worker.${index + 1}`, state, since }));
}

export function known(value: number): Estimate {
  return { value, observations: 100 };
}

export function viewOf(change: Partial<View> = {}): View {
  return {
    samples: [],
    processes: [],
    decisions: [],
    learned: { serviceSeconds: known(1), bootSeconds: known(10), concurrency: known(1) },
    ...change,
  };
}

/** A view whose newest sample is of now. */
export function viewNow(jobs: Partial<JobsReading>, processes: readonly Process[] = []): View {
  return viewOf({ samples: [sampleOf(noon, jobs)], processes });
}

const count = fc.integer({ min: 0, max: 400_000 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const anyJobs = fc.record(
  {
    queue: fc.constantFrom('celery', 'mail'),
    waiting: count,
    running: count,
    later: count,
    oldestSeconds: fc.double({ min: 0, max: 100_000, noNaN: true }),
    slots: fc.integer({ min: 0, max: 1_000 }),
    startedTotal: count,
    finishedTotal: count,
    failedTotal: count,
    busySecondsTotal: fc.double({ min: 0, max: 1e6, noNaN: true }),
  },
  { requiredKeys: ['queue', 'waiting'] },
);

const anyTimes = fc.array(fc.tuple(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: 0, max: 5_000 })), {
  maxLength: 6,
});

const anyRequests = fc.record(
  {
    perSecond: fc.double({ min: 0, max: 5_000, noNaN: true }),
    queueTimeMs: anyTimes,
    responseTimeMs: anyTimes,
    busy: fc.double({ min: 0, max: 1, noNaN: true }),
  },
  { requiredKeys: ['perSecond'] },
);

export const anyReading: fc.Arbitrary<(at: number) => Reading> = fc.oneof(
  {
    weight: 8,
    arbitrary: anyJobs.map(
      (jobs) =>
        (at: number): Reading => ({ kind: 'jobs', at, ...jobs }),
    ),
  },
  {
    weight: 1,
    arbitrary: count.map(
      (value) =>
        (at: number): Reading => ({ kind: 'value', name: 'worker', at, value }),
    ),
  },
  {
    weight: 2,
    arbitrary: anyRequests.map(
      (requests) =>
        (at: number): Reading => ({ kind: 'requests', at, ...requests }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant((at: number): Reading => ({ kind: 'unknown', at, why: 'Redis is down' })),
  },
);

/** Mostly ten seconds apart, at times the same moment or backwards, as when a clock is set. */
export const anySamples: fc.Arbitrary<Sample[]> = fc
  .array(
    fc.record({
      step: fc.oneof(
        { weight: 6, arbitrary: fc.constant(10_000) },
        { weight: 1, arbitrary: fc.integer({ min: -3_600_000, max: 3_600_000 }) },
      ),
      readings: fc.array(anyReading, { minLength: 0, maxLength: 3 }),
    }),
    { maxLength: 8 },
  )
  .map((steps) => {
    let at = noon - 10_000 * steps.length;
    return steps.map(({ step, readings }) => {
      at += step;
      return { at, readings: readings.map((make) => make(at)) };
    });
  });

const anyProcess = fc
  .record({
    state: fc.constantFrom<ProcessState>('starting', 'up', 'up', 'up', 'stopping', 'crashed'),
    since: fc.integer({ min: noon - 600_000, max: noon + 60_000 }),
    busy: maybe(fc.boolean()),
  })
  .map(({ busy, ...rest }) => (busy === undefined ? rest : { ...rest, busy }));

const anyEstimate = (most: number) =>
  fc.record({
    value: fc.double({ min: 0.001, max: most, noNaN: true }),
    observations: fc.integer({ min: 0, max: 1_000 }),
  });

const anyDecision: fc.Arbitrary<Decision> = fc
  .record({
    ago: fc.integer({ min: -600_000, max: 3_600_000 }),
    current: fc.integer({ min: 0, max: 60 }),
    desired: fc.integer({ min: 0, max: 60 }),
  })
  .map(({ ago, ...rest }) => ({ at: noon - ago, ...rest, reasons: [], unknown: false }));

export const anyView: fc.Arbitrary<View> = fc
  .record({
    samples: anySamples,
    processes: fc.array(anyProcess, { maxLength: 40 }),
    decisions: fc.array(anyDecision, { maxLength: 6 }),
    learned: fc.oneof(
      fc.constant(defaultLearned),
      fc.record({
        serviceSeconds: anyEstimate(600),
        bootSeconds: anyEstimate(120),
        concurrency: anyEstimate(32),
      }),
    ),
    used: maybe(
      fc.record({
        since: fc.integer({ min: noon - 40 * 86_400_000, max: noon }),
        processSeconds: fc.double({ min: 0, max: 1e9, noNaN: true }),
      }),
    ),
  })
  .map(({ processes, decisions, used, ...rest }) => ({
    ...rest,
    ...(used && { used }),
    processes: processes.map((each, index) => ({ name: `worker.${index + 1}`, ...each })),
    decisions: decisions.toSorted((a, b) => a.at - b.at),
  }));

export interface Tools {
  readonly test: TestAPI;
  readonly expect: ExpectStatic;
}

function filledIn(kind: RuleKind | LimitKind, given: Options): Options {
  const checked = checkOptions(kind.options, given);
  return checked.ok ? checked.options : {};
}

export function ruleContract({ test, expect }: Tools, kind: RuleKind, given: Options = {}): void {
  const rule = kind.create(filledIn(kind, given));

  test(`${kind.use} wants a whole number with a reason, or says what it lacks`, () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const wanted = rule.want(view, noon);
        if ('unknown' in wanted) expect(wanted.unknown).not.toBe('');
        else {
          expect(isCount(wanted.count), `count ${wanted.count}`).toBe(true);
          expect(wanted.reason).not.toMatch(/^$|NaN|Infinity|undefined/);
        }
        expect(rule.want(structuredClone(view), noon)).toEqual(wanted);
      }),
    );
  });

  test(`${kind.use} refuses when nothing was measured, and takes no failure for zero`, () => {
    expect(rule.want(viewOf(), noon)).toHaveProperty('unknown');
    const failed: Sample = { at: noon, readings: [{ kind: 'unknown', at: noon, why: 'Redis is down' }] };
    expect(rule.want(viewOf({ samples: [failed] }), noon)).toHaveProperty('unknown');
  });

  describeOptions({ test, expect }, kind);
}

export function limitContract({ test, expect }: Tools, kind: LimitKind, given: Options = {}): void {
  const limit = kind.create(filledIn(kind, given));

  test(`${kind.use} gives a reason for every change, and the same one for the same view`, () => {
    fc.assert(
      fc.property(anyView, fc.integer({ min: 0, max: 500 }), (view, wanted) => {
        const limited = limit.apply(wanted, view, noon);
        expect(isCount(limited.count), `count ${limited.count}`).toBe(true);
        if (limited.count !== wanted) expect(limited.reason).toMatch(/\S/);
        expect(limited.reason ?? '').not.toMatch(/NaN|Infinity|undefined/);
        expect(limit.apply(wanted, structuredClone(view), noon)).toEqual(limited);
      }),
    );
  });

  const reach = kind.reach ?? 'slow';
  if (!kind.always && reach === 'cap')
    test(`${kind.use} never raises a count`, () => {
      fc.assert(
        fc.property(anyView, fc.integer({ min: 0, max: 500 }), (view, wanted) => {
          expect(limit.apply(wanted, view, noon).count).toBeLessThanOrEqual(wanted);
        }),
      );
    });

  if (!kind.always && reach === 'slow')
    test(`${kind.use} only slows a change: it never turns it round and never goes further`, () => {
      fc.assert(
        fc.property(anyView, fc.integer({ min: 0, max: 500 }), (view, wanted) => {
          const current = currentCount(view.processes);
          const { count: limited } = limit.apply(wanted, view, noon);
          expect(limited).toBeGreaterThanOrEqual(Math.min(current, wanted));
          expect(limited).toBeLessThanOrEqual(Math.max(current, wanted));
        }),
      );
    });

  describeOptions({ test, expect }, kind);
}

function isCount(count: number): boolean {
  return Number.isSafeInteger(count) && count >= 0 && !Object.is(count, -0);
}

function describeOptions({ test, expect }: Tools, kind: RuleKind | LimitKind): void {
  test(`${kind.use} suggests the option that was meant`, () => {
    for (const { name } of kind.options.filter((option) => option.name.length > 3)) {
      const checked = checkOptions(kind.options, { [`${name}x`]: 1 });
      expect(checked.ok ? '' : checked.problems.join()).toContain(`did you mean "${name}"?`);
    }
    for (const { label, help } of kind.options) expect(label && help).toMatch(/\.$/);
  });
}
