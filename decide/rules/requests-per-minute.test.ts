import { expect, test } from 'vitest';
import { noon, processesOf, ruleContract, viewOf } from '../contract.ts';
import type { Reading } from '../words.ts';
import { requestsPerMinute } from './requests-per-minute.ts';

ruleContract({ test, expect }, requestsPerMinute, { ratio: 600 });

const rule = requestsPerMinute.create({ ratio: 600 });

test.each<[string, Reading[], number | string]>([
  ['none', [{ kind: 'requests', at: noon, perSecond: 0 }], 0],
  ['exactly one process', [{ kind: 'requests', at: noon, perSecond: 10 }], 1],
  ['a little more', [{ kind: 'requests', at: noon, perSecond: 10.1 }], 2],
  ['of several meters', [10, 15].map((perSecond) => ({ kind: 'requests', at: noon, perSecond })), 3],
  ['as New Relic gives it', [{ kind: 'value', name: 'requests-per-minute', at: noon, value: 1_900 }], 4],
  [
    'no meter of requests',
    [{ kind: 'value', name: 'load1', at: noon, value: 3 }],
    'no meter gave a number of requests',
  ],
])('%s', (_, readings, expected) => {
  const wanted = rule.want(viewOf({ samples: [{ at: noon, readings }], processes: processesOf(2) }), noon);
  expect('unknown' in wanted ? wanted.unknown : wanted.count).toBe(expected);
});
