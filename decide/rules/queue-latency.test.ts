import { describe, expect, test } from 'vitest';
import { noon, processesOf, ruleContract, sampleOf, viewOf } from '../contract.ts';
import { checkManager } from '../registry.ts';
import type { JobsReading, Sample, View } from '../words.ts';
import { queueLatency } from './queue-latency.ts';

const given = { minimumSeconds: 10, maximumSeconds: 30, startOnFirstJob: true };
const steps = { upBy: 2, downBy: 1, upAfterSeconds: 0, downAfterSeconds: 60 };

ruleContract({ test, expect }, queueLatency, given);

const rule = queueLatency.create({ ...given, ...steps });

function count(view: View, from = rule): number | string {
  const wanted = from.want(view, noon);
  return 'unknown' in wanted ? wanted.unknown : wanted.count;
}

/** One sample every ten seconds; the last one is of now. */
function lately(...ages: (number | Partial<JobsReading> | 'unknown')[]): Sample[] {
  return ages.map((age, place) => {
    const at = noon - (ages.length - 1 - place) * 10_000;
    if (age === 'unknown') return { at, readings: [{ kind: 'unknown', at, why: 'Redis is down' }] };
    return sampleOf(at, typeof age === 'number' ? { waiting: age > 0 ? 5 : 0, oldestSeconds: age } : age);
  });
}

describe('between the thresholds', () => {
  test.each([
    ['above', 31, 6],
    ['at the upper one', 30, 4],
    ['in between', 20, 4],
    ['at the lower one', 10, 4],
  ])('%s', (_, age, wanted) => {
    expect(count(viewOf({ samples: lately(age), processes: processesOf(4) }))).toBe(wanted);
  });

  test('the reason names the numbers', () => {
    const view = viewOf({ samples: lately(31), processes: processesOf(4) });
    expect(rule.want(view, noon)).toEqual({
      count: 6,
      reason: 'the oldest job has waited 31 s, above 30 s: 2 more',
    });
  });
});

describe('going down', () => {
  const quiet = { waiting: 0, running: 0 };
  const at = (samples: Sample[], processes = processesOf(4)): number | string =>
    count(viewOf({ samples, processes }));

  test('waits until it has been quiet for long enough, at every reading', () => {
    expect(at(lately(20, ...Array(6).fill(quiet)))).toBe(4);
    expect(at(lately(20, ...Array(7).fill(quiet)))).toBe(3);
    expect(at(lately(...Array(4).fill(quiet), 'unknown', ...Array(3).fill(quiet)))).toBe(4);
    expect(at(lately(...Array(4).fill(quiet), 15, ...Array(3).fill(quiet)))).toBe(4);
  });

  test('nobody who is busy is cut', () => {
    const busy = processesOf(4).map((each) => ({ ...each, busy: true }));
    expect(at(lately(...Array(7).fill(quiet)), busy)).toBe(4);
    expect(at(lately(...Array(7).fill({ waiting: 0, running: 4 })))).toBe(4);
  });
});

test('a step up that must last looks back too, and a gap does not end it', () => {
  const patient = queueLatency.create({ ...given, ...steps, upAfterSeconds: 20 });
  const at = (...ages: Parameters<typeof lately>) =>
    count(viewOf({ samples: lately(...ages), processes: processesOf(4) }), patient);
  expect(at(40, 50)).toBe(4);
  expect(at(40, 50, 60)).toBe(6);
  expect(at(40, 'unknown', 60)).toBe(6);
  expect(at(40, 5, 60)).toBe(4);
});

test('the first job starts a process at once, unless that is off', () => {
  const samples = lately(1);
  expect(count(viewOf({ samples }))).toBe(1);
  const late = queueLatency.create({ ...given, ...steps, startOnFirstJob: false });
  expect(count(viewOf({ samples }), late)).toBe(0);
  expect(count(viewOf({ samples: lately({ waiting: 0 }) }))).toBe(0);
});

test("an info endpoint's number of seconds is a latency; jobs without an age are refused", () => {
  const value = { kind: 'value', name: 'latency', at: noon, value: 45, unit: 's' } as const;
  const samples = [{ at: noon, readings: [value] }];
  expect(count(viewOf({ samples, processes: processesOf(1) }))).toBe(3);
  expect(count(viewOf({ samples: lately({ waiting: 3 }), processes: processesOf(1) }))).toContain('no meter');
});

test('thresholds the wrong way round are told when the manager is saved', () => {
  const options = { minimumSeconds: 30, maximumSeconds: 10 };
  const manager = { processType: 'worker', limits: [], minimum: 0, maximum: 5, paused: false };
  expect(checkManager({ ...manager, rules: [{ use: 'queue-latency', options }] })).toEqual([
    'rule "queue-latency": option "minimumSeconds" (30) is above "maximumSeconds" (10)',
  ]);
});
