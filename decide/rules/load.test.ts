import { expect, test } from 'vitest';
import { noon, processesOf, ruleContract, viewOf } from '../contract.ts';
import type { Reading } from '../words.ts';
import { load } from './load.ts';

ruleContract({ test, expect }, load, { minimum: 0.4, maximum: 0.85 });

const rule = load.create({
  minimum: 0.4,
  maximum: 0.85,
  upBy: 1,
  downBy: 1,
  upAfterSeconds: 0,
  downAfterSeconds: 0,
});

test.each<[Partial<Reading>, number | string]>([
  [{ value: 0.9, unit: 'load' }, 5],
  [{ value: 0.85, unit: 'load' }, 4],
  [{ value: 0.39, unit: 'load' }, 3],
  [{ value: 90, unit: '%' }, 5],
  [{ value: 90, unit: 's' }, 'no meter gave a load'],
])('%j', (reading, expected) => {
  const readings = [{ kind: 'value', name: 'load1', at: noon, value: 0, ...reading } as Reading];
  const wanted = rule.want(viewOf({ samples: [{ at: noon, readings }], processes: processesOf(4) }), noon);
  expect('unknown' in wanted ? wanted.unknown : wanted.count).toBe(expected);
});
