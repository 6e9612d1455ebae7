import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  anySamples,
  anyView,
  limitContract,
  managerOf,
  noon,
  processesOf,
  sampleOf,
  viewOf,
} from '../contract.ts';
import { decide } from '../decide.ts';
import type { Decision, Sample } from '../words.ts';
import { unknownsIn } from '../work.ts';
import { fallback } from './fallback.ts';

limitContract({ test, expect }, fallback, { count: 4 });

const minute = 60_000;
const failed = (minutesAgo: number): Sample => {
  const at = noon - minutesAgo * minute;
  return { at, readings: [{ kind: 'unknown', at, why: 'Redis is down' }] };
};
const limits = [{ use: 'fallback', options: { count: 4, afterMinutes: 10 } }];

function desired(samples: Sample[], current: number, decisions: Decision[] = []): number {
  return decide(managerOf({ limits }), viewOf({ samples, decisions, processes: processesOf(current) }), noon)
    .desired;
}

test('until then the count is held, then it is the fallback, up or down', () => {
  const nine = [sampleOf(noon - 20 * minute, { waiting: 1 }), ...[9, 5, 0].map(failed)];
  const ten = [sampleOf(noon - 20 * minute, { waiting: 1 }), ...[10, 5, 0].map(failed)];
  expect(desired(nine, 20)).toBe(20);
  expect(desired(ten, 20)).toBe(4);
  expect(desired(ten, 1)).toBe(4);
});

test('one good reading begins the time anew', () => {
  const samples = [
    ...[14, 10].map(failed),
    sampleOf(noon - 3 * minute, { waiting: 0 }),
    failed(2),
    failed(0),
  ];
  expect(desired(samples, 20)).toBe(20);
});

test('decisions remember longer than samples, and a clock that was set back ends nothing early', () => {
  const unknown = { at: noon - 30 * minute, current: 20, desired: 20, reasons: [], unknown: true };
  expect(desired([failed(5), failed(0)], 20, [unknown])).toBe(4);
  expect(desired([failed(5), failed(0)], 20, [{ ...unknown, unknown: false }])).toBe(20);
  expect(desired([failed(-30), failed(0)], 20)).toBe(20);
});

test('the bounds hold for it too, and the reason tells', () => {
  const view = viewOf({ samples: [failed(12), failed(0)], processes: processesOf(9) });
  const decision = decide(managerOf({ limits, maximum: 3 }), view, noon);
  expect(decision).toMatchObject({ desired: 3, unknown: true });
  expect(decision.reasons.map(({ text }) => text)).toContain('unknown for 12 min, so the fallback of 4');
});

test('it counts from the first of the newest samples that could not tell, whatever they are', () => {
  const naive = (samples: readonly Sample[]): number => {
    let since = noon;
    for (let place = samples.length; place > 0; place--) {
      if (unknownsIn(samples.slice(0, place)).length === 0) break;
      since = samples[place - 1]?.at ?? noon;
    }
    return since;
  };
  const limit = fallback.create({ count: 4, afterMinutes: 1 });
  fc.assert(
    fc.property(anySamples, (samples) => {
      const long = noon - naive(samples) >= minute;
      const { reason } = limit.apply(99, viewOf({ samples }), noon);
      expect(reason === undefined).toBe(!long);
    }),
  );
});

test('while everything is known it is silent', () => {
  fc.assert(
    fc.property(anyView, fc.nat(60), (view, count) => {
      const samples = [sampleOf(noon, { waiting: 1, running: 0, queue: 'celery' })];
      expect(fallback.create({ count: 4, afterMinutes: 1 }).apply(count, { ...view, samples }, noon)).toEqual(
        {
          count,
        },
      );
    }),
  );
});
