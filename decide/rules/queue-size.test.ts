import { describe, expect, test } from 'vitest';
import { noon, processesOf, ruleContract, sampleOf, viewNow, viewOf } from '../contract.ts';
import type { Process, ValueReading, View } from '../words.ts';
import { queueSize } from './queue-size.ts';

ruleContract({ test, expect }, queueSize, { ratio: 5 });

const byFive = queueSize.create({ ratio: 5, decrementable: true });
const upOnly = queueSize.create({ ratio: 5, decrementable: false });

function count(rule: typeof byFive, view: View): number | string {
  const wanted = rule.want(view, noon);
  return 'unknown' in wanted ? wanted.unknown : wanted.count;
}

test.each([
  [0, 0, 0],
  [1, 0, 1],
  [5, 0, 1],
  [6, 0, 2],
  [3, 3, 2],
  [300_000, 0, 60_000],
])('%i waiting and %i running want %i', (waiting, running, wanted) => {
  expect(count(byFive, viewNow({ waiting, running }))).toBe(wanted);
});

test('what is due later does not count, and several queues are summed', () => {
  const samples = [
    sampleOf(noon, { queue: 'a', waiting: 4, later: 900 }, { queue: 'b', waiting: 4, running: 3 }),
  ];
  expect(count(byFive, viewOf({ samples }))).toBe(3);
});

test('a ratio that is no whole number leaves no rounding behind', () => {
  expect(count(queueSize.create({ ratio: 0.1, decrementable: true }), viewNow({ waiting: 3 }))).toBe(30);
});

describe('going down', () => {
  const busy: Process[] = processesOf(6).map((each, index) => ({ ...each, busy: index < 4 }));

  test('it follows the ratio, but not below what is busy', () => {
    expect(count(byFive, viewNow({ waiting: 0, running: 4 }, busy))).toBe(4);
    expect(count(byFive, viewNow({ waiting: 0 }, busy))).toBe(4);
    expect(count(byFive, viewNow({ waiting: 0, running: 0 }, processesOf(6)))).toBe(0);
  });

  test('running jobs never raise the count, so an unlearned concurrency does no harm', () => {
    expect(count(byFive, viewNow({ waiting: 0, running: 10 }, processesOf(1)))).toBe(2);
    expect(count(byFive, viewNow({ waiting: 0, running: 3 }, processesOf(1)))).toBe(1);
  });

  test('not decrementable: it stays until all are done', () => {
    expect(count(upOnly, viewNow({ waiting: 1, running: 0 }, processesOf(6)))).toBe(6);
    expect(count(upOnly, viewNow({ waiting: 0, running: 0 }, processesOf(6)))).toBe(0);
    expect(count(upOnly, viewNow({ waiting: 50, running: 0 }, processesOf(6)))).toBe(10);
  });
});

describe("an info endpoint's bare number", () => {
  const value = (of: Partial<ValueReading>): View =>
    viewOf({
      samples: [{ at: noon, readings: [{ kind: 'value', name: 'worker', at: noon, value: 12, ...of }] }],
    });

  test('counts as jobs', () => {
    expect(count(byFive, value({}))).toBe(3);
    expect(count(byFive, value({ unit: 'jobs' }))).toBe(3);
  });

  test('is refused when it is a time', () => {
    expect(count(byFive, value({ unit: 's' }))).toBe('no meter gave a number of jobs');
  });
});
