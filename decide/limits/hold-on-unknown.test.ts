import { expect, test } from 'vitest';
import { limitContract, noon, processesOf, viewOf } from '../contract.ts';
import { holdOnUnknown } from './hold-on-unknown.ts';

limitContract({ test, expect }, holdOnUnknown, { why: 'Redis is down' });

const view = viewOf({ processes: processesOf(4) });

test('the count does not fall, may rise, and what is unknown is told either way', () => {
  const limit = holdOnUnknown.create({ why: 'Redis is down' });
  const reason = 'unknown, so the count does not fall: Redis is down';
  expect(limit.apply(0, view, noon)).toEqual({ count: 4, reason });
  expect(limit.apply(4, view, noon)).toEqual({ count: 4, reason });
  expect(limit.apply(9, view, noon)).toEqual({ count: 9, reason });
});

test('with nothing unknown it is silent', () => {
  expect(holdOnUnknown.create({}).apply(0, view, noon)).toEqual({ count: 0 });
});
