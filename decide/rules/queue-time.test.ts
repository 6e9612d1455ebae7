import { expect, test } from 'vitest';
import { noon, processesOf, ruleContract, viewOf } from '../contract.ts';
import { checkOptions } from '../options.ts';
import type { Reading, RequestsReading } from '../words.ts';
import { queueTime } from './queue-time.ts';

ruleContract({ test, expect }, queueTime);

function count(readings: Reading[], options: Record<string, unknown> = {}): number | string {
  const checked = checkOptions(queueTime.options, options);
  if (!checked.ok) return checked.problems.join();
  const view = viewOf({ samples: [{ at: noon, readings }], processes: processesOf(4) });
  const wanted = queueTime.create(checked.options).want(view, noon);
  return 'unknown' in wanted ? wanted.unknown : wanted.count;
}

function requests(...queueTimeMs: [number, number][]): RequestsReading {
  return { kind: 'requests', at: noon, perSecond: queueTimeMs.length, queueTimeMs };
}

test.each([
  ['quick ones', requests([5, 100]), 3],
  ['six of a hundred slow', requests([60, 94], [400, 6]), 5],
  ['five of a hundred slow', requests([60, 95], [400, 5]), 4],
  ['no request at all: nobody waits', requests(), 3],
])('by the 95th percentile: %s', (_, reading, wanted) => {
  expect(count([reading])).toBe(wanted);
});

test('by the mean, and by another percentile', () => {
  const reading = requests([60, 98], [9_000, 2]);
  expect(count([reading], { aggregation: 'average' })).toBe(5);
  expect(count([reading])).toBe(4);
  expect(count([reading], { percentile: 99, upBy: 5 })).toBe(9);
});

test('what several meters saw is one crowd', () => {
  expect(count([requests([60, 900]), requests([400, 100])])).toBe(5);
  expect(count([requests([60, 900]), requests([400, 10])])).toBe(4);
});

test('requests without a time, and no meter of them, are unknown', () => {
  expect(count([{ kind: 'requests', at: noon, perSecond: 5 }])).toBe('no meter gave request queue times');
  expect(count([{ kind: 'requests', at: noon, perSecond: 5, queueTimeMs: [] }])).toContain('no meter');
  expect(count([])).toContain('no meter');
});

test('a value of that name is taken as it is', () => {
  expect(count([{ kind: 'value', name: 'queue-time', at: noon, value: 250, unit: 'ms' }])).toBe(5);
});
