import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyView, known, noon, processesOf, sampleOf, viewOf } from './contract.ts';
import { defaultLearned, learn } from './learn.ts';
import type { Decision, JobsReading, Learned, Process, View } from './words.ts';

const before = noon - 10_000;

function pair(from: Partial<JobsReading>, to: Partial<JobsReading>, change: Partial<View> = {}): View {
  return viewOf({
    samples: [sampleOf(before, from), sampleOf(noon, to)],
    learned: defaultLearned,
    ...change,
  });
}

function serviceAfter(view: View, learned: Learned = defaultLearned) {
  return learn(learned, view, noon).serviceSeconds;
}

test('it is a function of its input, stays finite and bounded, and never forgets an observation', () => {
  fc.assert(
    fc.property(anyView, (view) => {
      const learned = learn(view.learned, view, noon);
      expect(learn(structuredClone(view.learned), structuredClone(view), noon)).toEqual(learned);
      for (const key of ['serviceSeconds', 'bootSeconds', 'concurrency'] as const) {
        expect(learned[key].value).toBeGreaterThan(0);
        expect(learned[key].value).toBeLessThanOrEqual(604_800);
        expect(learned[key].observations).toBeGreaterThanOrEqual(view.learned[key].observations);
      }
    }),
  );
});

test('fewer than two samples, or two of the same moment, teach nothing', () => {
  const one = viewOf({ samples: [sampleOf(noon, { finishedTotal: 5, busySecondsTotal: 9 })] });
  const same = viewOf({
    samples: [sampleOf(noon, { finishedTotal: 0 }), sampleOf(noon, { finishedTotal: 9 })],
  });
  expect(learn(defaultLearned, one, noon)).toBe(defaultLearned);
  expect(learn(defaultLearned, same, noon)).toBe(defaultLearned);
});

describe('the service time', () => {
  test('from counted busy time: the first observation replaces the guess', () => {
    const view = pair(
      { finishedTotal: 10, busySecondsTotal: 30 },
      { finishedTotal: 60, busySecondsTotal: 55 },
    );
    expect(serviceAfter(view)).toEqual({ value: 0.5, observations: 50 });
  });

  test('later ones weigh by their jobs, against at most 200 remembered', () => {
    const learned = { ...defaultLearned, serviceSeconds: { value: 1, observations: 5_000 } };
    const view = pair(
      { finishedTotal: 0, busySecondsTotal: 0 },
      { finishedTotal: 200, busySecondsTotal: 600 },
    );
    expect(serviceAfter(view, learned)).toEqual({ value: 2, observations: 5_200 });
  });

  test('from running jobs, time and finished jobs', () => {
    const view = pair({ running: 3, finishedTotal: 0 }, { running: 5, finishedTotal: 20 });
    expect(serviceAfter(view)).toEqual({ value: 2, observations: 20 });
  });

  test('none seen running is no first observation, but it is a later one', () => {
    const view = pair({ running: 0, finishedTotal: 0 }, { running: 0, finishedTotal: 20 });
    expect(serviceAfter(view)).toEqual(defaultLearned.serviceSeconds);
    const learned = { ...defaultLearned, serviceSeconds: { value: 1, observations: 20 } };
    expect(serviceAfter(view, learned)).toEqual({ value: 0.5, observations: 40 });
  });

  test('jobs that run and do not end make the guess grow, and it stays a guess', () => {
    const view = pair({ running: 2, finishedTotal: 0 }, { running: 2, finishedTotal: 0 });
    expect(serviceAfter(view)).toEqual({ value: 11, observations: 0 });
    const learned = { ...defaultLearned, serviceSeconds: known(3) };
    expect(serviceAfter(view, learned)).toEqual(known(3));
  });

  test('from a shrinking queue alone: an upper bound, so a lower one is believed sooner than a higher one', () => {
    const view = pair({ waiting: 100, slots: 5 }, { waiting: 50, slots: 5 });
    expect(serviceAfter(view)).toEqual({ value: 1, observations: 1 });
    const slow = { ...defaultLearned, serviceSeconds: { value: 3, observations: 4 } };
    expect(serviceAfter(view, slow)).toEqual({ value: 2, observations: 5 });
    const quick = { ...defaultLearned, serviceSeconds: { value: 0.2, observations: 4 } };
    expect(serviceAfter(view, quick).value).toBeCloseTo(0.24, 9);
  });

  test('a queue that shrinks by a few jobs for many slots says nothing, nor does one that grows', () => {
    expect(serviceAfter(pair({ waiting: 100, slots: 50 }, { waiting: 90, slots: 50 })).observations).toBe(0);
    expect(serviceAfter(pair({ waiting: 100, slots: 5 }, { waiting: 120, slots: 5 })).observations).toBe(0);
  });

  test('a counter that began anew is left out', () => {
    const view = pair(
      { finishedTotal: 900, busySecondsTotal: 900 },
      { finishedTotal: 10, busySecondsTotal: 5 },
    );
    expect(serviceAfter(view)).toEqual(defaultLearned.serviceSeconds);
  });

  test('several queues are weighed by their jobs', () => {
    const samples = [
      sampleOf(before, ...['a', 'b'].map((queue) => ({ queue, finishedTotal: 0, busySecondsTotal: 0 }))),
      sampleOf(
        noon,
        { queue: 'a', finishedTotal: 90, busySecondsTotal: 9 },
        { queue: 'b', finishedTotal: 10, busySecondsTotal: 91 },
      ),
    ];
    expect(serviceAfter(viewOf({ samples }))).toEqual({ value: 1, observations: 100 });
  });
});

describe('the concurrency', () => {
  const concurrencyAfter = (processes: Process[], slots: number, learned = defaultLearned) =>
    learn(learned, pair({ slots }, { slots }, { processes }), noon).concurrency;

  test('is slots per process', () => {
    expect(concurrencyAfter(processesOf(3), 12)).toEqual({ value: 4, observations: 1 });
  });

  test('is not read while somebody comes or goes', () => {
    const coming = [...processesOf(2), ...processesOf(1, 'starting', noon)];
    const going = [...processesOf(2), ...processesOf(1, 'stopping', noon)];
    expect(concurrencyAfter(coming, 12)).toEqual(defaultLearned.concurrency);
    expect(concurrencyAfter(going, 12)).toEqual(defaultLearned.concurrency);
    const learned = { ...defaultLearned, concurrency: known(4) };
    expect(concurrencyAfter(processesOf(2, 'up', noon - 1_000), 2, learned)).toEqual(known(4));
  });

  test('no slots at all are workers that are gone, not a concurrency of zero', () => {
    expect(concurrencyAfter(processesOf(3), 0)).toEqual(defaultLearned.concurrency);
  });
});

describe('the boot time', () => {
  const asked = (secondsAgo: number, current: number, desired: number): Decision => ({
    at: noon - secondsAgo * 1000,
    current,
    desired,
    reasons: [],
    unknown: false,
  });
  const bootAfter = (processes: Process[], decisions: Decision[], learned = defaultLearned) =>
    learn(learned, pair({}, {}, { processes, decisions }), noon).bootSeconds;

  test('is the time from the decision to being up', () => {
    const processes = processesOf(2, 'up', noon - 4_000);
    expect(bootAfter(processes, [asked(12, 0, 2)])).toEqual({ value: 8, observations: 2 });
  });

  test('each process is matched with the decision that asked for it', () => {
    const processes = [...processesOf(2, 'up', noon - 60_000), ...processesOf(2, 'up', noon - 2_000)];
    expect(bootAfter(processes, [asked(70, 0, 2), asked(14, 2, 4), asked(3, 4, 5)])).toEqual({
      value: 12,
      observations: 2,
    });
  });

  test('one that boots longer than was thought raises it at once', () => {
    const processes = processesOf(1, 'starting', noon - 45_000);
    expect(bootAfter(processes, [asked(45, 0, 1)])).toEqual({ value: 45, observations: 1 });
  });

  test('a restart long after the decision is no boot', () => {
    expect(bootAfter(processesOf(1, 'up', noon - 1_000), [asked(600, 0, 1)])).toEqual(
      defaultLearned.bootSeconds,
    );
  });

  test('one that came up before the last sample was learned from then', () => {
    expect(bootAfter(processesOf(1, 'up', noon - 11_000), [asked(15, 0, 1)])).toEqual(
      defaultLearned.bootSeconds,
    );
  });
});

describe('boots that are no boots, and how they vary', () => {
  const settled: Learned = {
    ...defaultLearned,
    bootSeconds: { value: 10, observations: 20 },
    bootSpread: { value: 1, observations: 20 },
  };
  const asked = (secondsAgo: number): Decision => ({
    at: noon - secondsAgo * 1000,
    current: 0,
    desired: 1,
    reasons: [],
    unknown: false,
  });
  const taught = (processes: Process[], decisions: Decision[], learned = settled) =>
    learn(learned, pair({}, {}, { processes, decisions, learned }), noon);

  test('a process that was stopped while it booted, and began anew, counts as one boot that was long', () => {
    const { bootSeconds } = taught(processesOf(1, 'up', noon - 1_000), [asked(30)]);
    expect(bootSeconds.value).toBeLessThan(10.6);
    expect(bootSeconds.value).toBeGreaterThan(10);
  });

  test('one that hangs while others came up after it does not raise the boot time', () => {
    const stuck = { name: 'worker.1', state: 'starting' as const, since: noon - 300_000 };
    const others = processesOf(3, 'up', noon - 60_000).map((each, index) => ({
      ...each,
      name: `worker.${index + 2}`,
    }));
    expect(taught([stuck, ...others], []).bootSeconds).toEqual(settled.bootSeconds);
    const { bootSeconds, bootSpread } = taught([stuck], []);
    expect(bootSeconds.value + (bootSpread?.value ?? 0)).toBe(300);
  });

  test('one that boots longer than the mean and within the spread is no news', () => {
    const booting = { name: 'worker.1', state: 'starting' as const, since: noon - 10_900 };
    expect(taught([booting], []).bootSeconds).toEqual(settled.bootSeconds);
  });

  test('boots that vary are learned with their mean, though checkups see the longest ones while they boot', () => {
    let learned: Learned = { ...defaultLearned, bootSeconds: { value: 30, observations: 0 } };
    let total = 0;
    for (let boot = 0; boot < 400; boot++) {
      const took = 24 + 12 * ((boot * 0.618_034) % 1);
      for (let seconds = 24; seconds < took; seconds++) {
        const booting = { name: 'worker.1', state: 'starting' as const, since: noon - seconds * 1000 };
        learned = taught([booting], [], learned);
      }
      learned = taught(processesOf(1, 'up', noon), [asked(took)], learned);
      if (boot >= 100) total += learned.bootSeconds.value / 300;
    }
    expect(total).toBeGreaterThan(29.5);
    expect(total).toBeLessThan(31);
  });

  test('nine of ten boots take at most the mean and the spread, and equal boots leave none', () => {
    const share = (seconds: (boot: number) => number): { spread: number; within: number } => {
      let learned: Learned = { ...defaultLearned, bootSeconds: { value: 10, observations: 0 } };
      let within = 0;
      for (let boot = 0; boot < 300; boot++) {
        const took = seconds(boot);
        const plan = learned.bootSeconds.value + (learned.bootSpread?.value ?? 0);
        if (boot >= 100 && took <= plan + 1e-9) within++;
        learned = taught(processesOf(1, 'up', noon), [asked(took)], learned);
      }
      return { spread: learned.bootSpread?.value ?? 0, within: within / 200 };
    };
    expect(share(() => 12).spread).toBeLessThan(0.01);
    const even = share((boot) => 6 + 8 * ((boot * 0.618_034) % 1));
    expect(even.within).toBeGreaterThan(0.8);
    expect(even.within).toBeLessThan(1);
  });
});
