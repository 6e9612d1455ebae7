import { expect, test } from 'vitest';
import { limitContract, managerOf, noon, processesOf, sampleOf, viewOf } from '../contract.ts';
import { decide } from '../decide.ts';
import type { Sample } from '../words.ts';
import { errorStorm } from './error-storm.ts';

const options = { failedPercent: 50, windowSeconds: 60, leastJobs: 20 };
limitContract({ test, expect }, errorStorm, options);

const limit = errorStorm.create(options);

/** A sample each ten seconds of the last minute, with so many jobs finished and failed between two. */
function minute(finished: number, failed: number | undefined): Sample[] {
  return [6, 5, 4, 3, 2, 1, 0].map((ago, place) =>
    sampleOf(noon - ago * 10_000, {
      waiting: 500,
      running: 3,
      finishedTotal: place * finished,
      ...(failed !== undefined && { failedTotal: place * failed }),
    }),
  );
}

function apply(count: number, samples: Sample[], current = 3) {
  return limit.apply(count, viewOf({ samples, processes: processesOf(current) }), noon);
}

test('while half of the jobs fail the count does not rise, and may fall', () => {
  expect(apply(9, minute(10, 5))).toEqual({
    count: 3,
    reason: '30 of 60 jobs failed in the last 60 s, and more workers would only fail faster',
  });
  expect(apply(1, minute(10, 5))).toEqual({ count: 1 });
  expect(apply(9, minute(10, 4))).toEqual({ count: 9 });
});

test('few jobs, or failures that nobody counts, are no storm', () => {
  expect(apply(9, minute(3, 3)).count).toBe(9);
  expect(apply(9, minute(10, undefined)).count).toBe(9);
  expect(apply(9, []).count).toBe(9);
});

test('counters that begin anew are no failures', () => {
  const samples = [...minute(10, 0), sampleOf(noon, { waiting: 500, finishedTotal: 3, failedTotal: 3 })];
  expect(apply(9, samples).count).toBe(9);
});

test('with nobody there one is started, to see whether it is over', () => {
  expect(apply(9, minute(10, 10), 0).count).toBe(1);
});

test('failing fast is no throughput: the story of a broken database', () => {
  const manager = managerOf({ limits: [{ use: 'error-storm', options: {} }] });
  const view = viewOf({ samples: minute(10, 10), processes: processesOf(3) });
  const decision = decide(manager, view, noon);
  expect(decision.reasons[0]?.to).toBeGreaterThan(3);
  expect(decision.desired).toBe(3);
});
