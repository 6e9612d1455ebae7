import { describe, expect, test } from 'vitest';
import { known, noon, processesOf, ruleContract, sampleOf, viewNow, viewOf } from '../contract.ts';
import { defaultLearned } from '../learn.ts';
import type { Process, View } from '../words.ts';
import { waitGoal } from './wait-goal.ts';

ruleContract({ test, expect }, waitGoal, { goalSeconds: 30 });

const rule = waitGoal.create({ goalSeconds: 30 });

function want(view: View, from = rule): { count: number; reason: string } {
  const wanted = from.want({ ...view, learned: { trust: 1, ...view.learned } }, noon);
  return 'unknown' in wanted ? { count: Number.NaN, reason: wanted.unknown } : wanted;
}

const idle = (count: number): Process[] => processesOf(count).map((each) => ({ ...each, busy: false }));

describe('a backlog', () => {
  // Learned: a job takes 1 s, a boot 10 s, and that the plan can be trusted. Those of 15 s and more cannot wait for later.
  test.each([
    ['one job that has time', { waiting: 1, running: 0, oldestSeconds: 0 }, 0],
    ['one job, when it is time', { waiting: 1, running: 0, oldestSeconds: 11 }, 1],
    ['as many as one new worker starts after its boot', { waiting: 8, oldestSeconds: 12 }, 1],
    ['one more', { waiting: 9, oldestSeconds: 12 }, 2],
    [
      'a few young ones, which one worker still starts at the next checkup',
      { waiting: 10, oldestSeconds: 0 },
      0,
    ],
    ['a large one', { waiting: 300_000, oldestSeconds: 0 }, 15_000],
    ['the same number, older', { waiting: 1_000, oldestSeconds: 10 }, 100],
    [
      'one that is late is planned over a boot and a twentieth of the goal',
      { waiting: 750, oldestSeconds: 90 },
      390,
    ],
    ['nothing', { waiting: 0, running: 0 }, 0],
  ])('%s', (_, jobs, wanted) => {
    expect(want(viewNow(jobs)).count).toBe(wanted);
  });

  test('workers at hand count: idle ones from now on, booting ones from when they are up', () => {
    const jobs = { waiting: 45, oldestSeconds: 15 };
    expect(want(viewNow(jobs, idle(3))).count).toBe(3);
    expect(want(viewNow({ ...jobs, waiting: 46 }, idle(3))).count).toBe(4);
    const booting = processesOf(3, 'starting', noon - 5_000);
    expect(want(viewNow({ ...jobs, waiting: 30 }, booting)).count).toBe(3);
    expect(want(viewNow({ ...jobs, waiting: 31 }, booting)).count).toBe(4);
  });

  test('long jobs get a worker each: a busy one is no help in time', () => {
    const learned = { ...viewOf().learned, serviceSeconds: known(600) };
    const view = viewNow({ waiting: 10, running: 5, oldestSeconds: 15 }, processesOf(5));
    expect(want({ ...view, learned }).count).toBe(15);
  });

  test('several slots in a worker start several jobs', () => {
    const learned = { ...viewOf().learned, concurrency: known(8) };
    expect(want({ ...viewNow({ waiting: 1_600, oldestSeconds: 0 }), learned }).count).toBe(10);
  });

  test('under a steady load only the oldest are in a hurry, not all that wait', () => {
    const samples = Array.from({ length: 4 }, (_, index) =>
      sampleOf(noon - (3 - index) * 10_000, {
        waiting: 240,
        running: 10,
        startedTotal: index * 100,
        ...(index === 3 && { oldestSeconds: 24 }),
      }),
    );
    // 240 wait, the oldest 24 s: ten workers, which arrivals of 10/s keep busy, serve them oldest first.
    const { count } = want(viewOf({ samples, processes: processesOf(10) }));
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count).toBeLessThan(30);
  });

  test('a goal that is not longer than the time between two checkups is told, with what to set', () => {
    const told = (goalSeconds: number, everySeconds: number): string => {
      const jobs = { waiting: 3, running: 0, oldestSeconds: 1 };
      const samples = [sampleOf(noon - everySeconds * 1000, jobs), sampleOf(noon, jobs)];
      return want(viewOf({ samples }), waitGoal.create({ goalSeconds })).reason;
    };
    expect(told(5, 10)).toContain(
      'the goal of 5 s is not longer than the time between two checkups (10 s): set intervalSeconds to 1',
    );
    expect(told(30, 60)).toContain('set intervalSeconds to 6');
    for (const [goal, every] of [
      [30, 10],
      [5, 2],
      [0.5, 1],
    ] as const)
      expect(told(goal, every)).not.toContain('intervalSeconds');
  });

  test('several queues are one line: summed, and as old as the oldest', () => {
    const samples = [
      sampleOf(
        noon,
        { queue: 'a', waiting: 100, oldestSeconds: 2 },
        { queue: 'b', waiting: 100, oldestSeconds: 10 },
      ),
    ];
    expect(want(viewOf({ samples }))).toEqual({
      count: 20,
      reason: expect.stringContaining('200 wait, the oldest 10 s of a goal of 30 s'),
    });
  });
});

describe('going down', () => {
  test('busy workers stay, idle ones go at once', () => {
    expect(want(viewNow({ waiting: 0, running: 3 }, processesOf(8))).count).toBe(3);
    expect(want(viewNow({ waiting: 0, running: 0 }, idle(8))).count).toBe(0);
    const two = processesOf(8).map((each, index) => ({ ...each, busy: index < 2 }));
    expect(want(viewNow({ waiting: 0 }, two)).count).toBe(2);
  });

  test('a worker with several slots stays as long as one is busy', () => {
    const learned = { ...viewOf().learned, concurrency: known(8) };
    expect(want({ ...viewNow({ waiting: 0, running: 9 }, processesOf(4)), learned }).count).toBe(2);
  });

  test('one that the fleet takes for starting and that works already is busy', () => {
    expect(want(viewNow({ waiting: 0, running: 2 }, processesOf(3, 'starting', noon - 9_000))).count).toBe(2);
  });

  test('whoever boots stays while jobs wait, and is sent home when none do', () => {
    const booting = processesOf(6, 'starting', noon - 1_000);
    expect(want(viewNow({ waiting: 5, running: 0, oldestSeconds: 1 }, booting)).count).toBe(6);
    expect(want(viewNow({ waiting: 0, running: 0 }, booting)).count).toBe(0);
  });

  test('jobs that keep coming keep whole workers, also when none is seen at this moment', () => {
    const steady = [0, 1, 2, 3].map((index) =>
      sampleOf(noon - (3 - index) * 10_000, { waiting: 0, running: 0, startedTotal: index * 45 }),
    );
    const view = viewOf({ samples: steady, processes: idle(8) });
    expect(want(view)).toEqual({ count: 4, reason: 'nothing waits; nothing runs; 4.5 jobs/s keep 4 busy' });
    const stopped = [...steady, sampleOf(noon + 10_000, { waiting: 0, running: 0, startedTotal: 135 })];
    expect(want({ ...view, samples: stopped }).count).toBe(0);
  });
});

describe('the cold start', () => {
  const cold = (jobs: Parameters<typeof viewNow>[0], processes: readonly Process[] = []): View => ({
    ...viewNow(jobs, processes),
    learned: defaultLearned,
  });

  test('a guessed service time starts few, and says that it is a guess', () => {
    expect(want(cold({ waiting: 900, oldestSeconds: 1 }))).toEqual({
      count: 40,
      reason: expect.stringContaining('the time per job is a guess, so not'),
    });
    expect(want(cold({ waiting: 1, oldestSeconds: 1 })).count).toBe(1);
    expect(want(cold({ waiting: 300_000, oldestSeconds: 1 })).count).toBe(100);
  });

  test('the less of the goal a boot takes, the fewer: there is time to double them', () => {
    const quick = waitGoal.create({ goalSeconds: 30, bootSeconds: 1 });
    expect(want(cold({ waiting: 300_000, oldestSeconds: 1 }), quick).count).toBe(8);
    expect(want(cold({ waiting: 900, oldestSeconds: 1 }), quick).count).toBe(4);
  });

  test('then it doubles what is up, not what boots', () => {
    expect(want(cold({ waiting: 300_000 }, processesOf(4))).count).toBe(8);
    expect(want(cold({ waiting: 4 }, processesOf(4, 'starting', noon))).count).toBe(4);
  });

  test('a service time that a person gave is no guess', () => {
    const given = waitGoal.create({ goalSeconds: 30, serviceSeconds: 0.1, bootSeconds: 0 });
    expect(want(cold({ waiting: 300_000, oldestSeconds: 0 }), given).count).toBe(1_000);
  });
});

test('readings of other kinds are refused', () => {
  const samples = [
    { at: noon, readings: [{ kind: 'value', name: 'latency', at: noon, value: 9, unit: 's' } as const] },
  ];
  expect(rule.want(viewOf({ samples }), noon)).toEqual({ unknown: 'no meter gave a number of jobs' });
});
