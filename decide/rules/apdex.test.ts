import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noon, processesOf, ruleContract, viewOf } from '../contract.ts';
import { apdexOf } from '../histogram.ts';
import type { Histogram, Reading } from '../words.ts';
import { apdex } from './apdex.ts';

ruleContract({ test, expect }, apdex);

const rule = apdex.create({
  satisfiedMs: 500,
  minimum: 0.85,
  maximum: 0.95,
  upBy: 2,
  downBy: 1,
  upAfterSeconds: 0,
  downAfterSeconds: 0,
});
const times = (responseTimeMs: Histogram): Reading => ({
  kind: 'requests',
  at: noon,
  perSecond: responseTimeMs.length,
  responseTimeMs,
});

test.each<[string, Reading, number]>([
  ['all good: 1', times([[500, 10]]), 3],
  [
    'good and tolerated: 0.9',
    times([
      [500, 80],
      [2_000, 20],
    ]),
    4,
  ],
  [
    'at the lower edge: 0.85',
    times([
      [500, 70],
      [2_000, 30],
    ]),
    4,
  ],
  [
    'a frustrated one is worth nothing: 0.8',
    times([
      [500, 80],
      [2_001, 20],
    ]),
    6,
  ],
  [
    'errors are frustrated however quick, also those without a time: 0.8',
    {
      kind: 'requests',
      at: noon,
      perSecond: 1,
      responseTimeMs: [[500, 90]],
      answeredWellMs: [[500, 80]],
      failedCount: 20,
    },
    6,
  ],
  ['nobody asks', times([]), 3],
  ['as New Relic gives it', { kind: 'value', name: 'apdex', at: noon, value: 0.5 }, 6],
])('%s', (_, reading, count) => {
  const view = viewOf({ samples: [{ at: noon, readings: [reading] }], processes: processesOf(4) });
  expect(rule.want(view, noon)).toMatchObject({ count });
});

test('the reason names the edge that was crossed', () => {
  const view = (value: number) =>
    viewOf({
      samples: [{ at: noon, readings: [{ kind: 'value', name: 'apdex', at: noon, value }] }],
      processes: processesOf(4),
    });
  expect(rule.want(view(0.5), noon)).toMatchObject({ reason: 'the Apdex is 0.5, below 0.85: 2 more' });
  expect(rule.want(view(0.99), noon)).toMatchObject({ reason: 'the Apdex is 0.99, above 0.95: 1 fewer' });
});

test('a score lies between 0 and 1, and slower answers never raise it', () => {
  const histogram = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: 1, max: 1_000 })),
    {
      minLength: 1,
    },
  );
  fc.assert(
    fc.property(histogram, fc.integer({ min: 1, max: 10_000 }), (pairs, good) => {
      const score = apdexOf(pairs, good) ?? -1;
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1);
      const slower = pairs.map(([ms, count]) => [ms * 2, count] as const);
      expect(apdexOf(slower, good) ?? 2).toBeLessThanOrEqual(score + 1e-12);
    }),
  );
});
