import { describe, expect, test } from 'vitest';
import { limitContract, noon, processesOf, sampleOf, viewOf } from '../contract.ts';
import type { Decision, JobsReading, Sample, View } from '../words.ts';
import { noGain } from './no-gain.ts';

const options = { windowSeconds: 60, gainPercent: 10, retrySeconds: 900, undo: true };
limitContract({ test, expect }, noGain, options);

const limit = noGain.create(options);

interface Story {
  readonly before?: number;
  readonly after?: number;
  readonly jobs?: Partial<JobsReading>;
  readonly raisedAgo?: number;
  readonly change?: Partial<View>;
}

/** Four workers finish `before` jobs a second; then there are eight, up since 70 s, and finish `after`. */
function story({ before = 10, after = 10, jobs = {}, raisedAgo = 80, change = {} }: Story = {}): View {
  const samples: Sample[] = [];
  let finishedTotal = 0;
  for (let ago = 300; ago >= 0; ago -= 10) {
    finishedTotal += 10 * (ago >= raisedAgo ? before : after);
    samples.push(sampleOf(noon - ago * 1000, { waiting: 400, running: 4, finishedTotal, ...jobs }));
  }
  const raise: Decision = {
    at: noon - raisedAgo * 1000,
    current: 4,
    desired: 8,
    reasons: [],
    unknown: false,
  };
  const processes = processesOf(8, 'up', noon - (raisedAgo - 10) * 1000);
  return viewOf({ samples, processes, decisions: [raise], ...change });
}

function apply(view: View, count = 12) {
  return limit.apply(count, view, noon);
}

test('a raise that did not raise the rate is undone', () => {
  expect(apply(story())).toEqual({
    count: 4,
    reason: '8 finish 10 jobs/s and 4 finished 10, so those that were added go',
  });
  expect(apply(story({ after: 10.9 })).count).toBe(4);
});

test('one that did is not, nor one of which too little is known', () => {
  expect(apply(story({ after: 11.1 })).count).toBe(12);
  expect(apply(story({ before: 0.4, after: 0.4 })).count).toBe(12);
  expect(apply(story({ jobs: { finishedTotal: undefined as never } })).count).toBe(12);
});

test('where no jobs waited more workers had nothing to gain', () => {
  expect(apply(story({ jobs: { waiting: 0 } })).count).toBe(12);
});

test('it waits until the new workers were up for the whole window', () => {
  expect(apply(story({ raisedAgo: 69 })).count).toBe(12);
  expect(apply(story({ raisedAgo: 70 })).count).toBe(4);
  expect(apply(story({ change: { processes: processesOf(8, 'starting', noon - 70_000) } })).count).toBe(12);
});

test('raises that follow each other closely count as one', () => {
  const first: Decision = { at: noon - 110_000, current: 2, desired: 4, reasons: [], unknown: false };
  const view = story();
  expect(apply({ ...view, decisions: [first, ...view.decisions] }).count).toBe(2);
  const cut = { ...first, current: 9 };
  expect(apply({ ...view, decisions: [cut, ...view.decisions] }).count).toBe(4);
});

test('while anything is unknown it is silent', () => {
  const view = story();
  const failed: Sample = { at: noon, readings: [{ kind: 'unknown', at: noon, why: 'Redis is down' }] };
  expect(apply({ ...view, samples: [...view.samples, failed] }).count).toBe(12);
});

test('without undo the workers stay, and no more are added', () => {
  const gentle = noGain.create({ ...options, undo: false });
  expect(gentle.apply(12, story(), noon)).toEqual({
    count: 8,
    reason: '8 finish 10 jobs/s and 4 finished 10, so no more are added',
  });
  expect(gentle.apply(7, story(), noon)).toEqual({ count: 7 });
});

describe('after that', () => {
  const told = (secondsAgo: number, from: number): Decision => ({
    at: noon - secondsAgo * 1000,
    current: 8,
    desired: 4,
    reasons: [{ by: 'no-gain', from, to: 4, text: 'so those that were added go' }],
    unknown: false,
  });
  const view = (...decisions: Decision[]) =>
    viewOf({ samples: [sampleOf(noon, { waiting: 400, running: 4 })], processes: processesOf(4), decisions });

  test('the count stays at most there until the next try, however often it was kept meanwhile', () => {
    expect(apply(view(told(600, 12)))).toEqual({
      count: 4,
      reason: 'more than 4 gained nothing, the next try in 5 min',
    });
    expect(apply(view(told(600, 12)), 3)).toEqual({ count: 3 });
    expect(apply(view(told(900, 12)))).toEqual({ count: 12 });
    expect(apply(view(told(900, 12), told(600, 12), told(10, 12)))).toEqual({ count: 12 });
  });
});
