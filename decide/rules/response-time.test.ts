import { expect, test } from 'vitest';
import { noon, processesOf, ruleContract, viewOf } from '../contract.ts';
import type { Reading } from '../words.ts';
import { responseTime } from './response-time.ts';

const given = { minimumMs: 200, maximumMs: 800 };
const filled = {
  ...given,
  aggregation: 'average',
  percentile: 95,
  upBy: 1,
  downBy: 1,
  upAfterSeconds: 0,
  downAfterSeconds: 0,
};
ruleContract({ test, expect }, responseTime, given);

test.each<[string, Reading, number | string]>([
  ['slow', { kind: 'requests', at: noon, perSecond: 1, responseTimeMs: [[900, 3]] }, 5],
  ['quick', { kind: 'requests', at: noon, perSecond: 1, responseTimeMs: [[100, 3]] }, 3],
  [
    'mean',
    {
      kind: 'requests',
      at: noon,
      perSecond: 1,
      responseTimeMs: [
        [100, 1],
        [900, 1],
      ],
    },
    4,
  ],
  ['from New Relic', { kind: 'value', name: 'response-time', at: noon, value: 900, unit: 'ms' }, 5],
  [
    'queue times are none',
    { kind: 'requests', at: noon, perSecond: 1, queueTimeMs: [[900, 3]] },
    'no meter gave response times',
  ],
])('%s', (_, reading, expected) => {
  const view = viewOf({ samples: [{ at: noon, readings: [reading] }], processes: processesOf(4) });
  const wanted = responseTime.create(filled).want(view, noon);
  expect('unknown' in wanted ? wanted.unknown : wanted.count).toBe(expected);
});
