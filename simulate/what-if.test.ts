/** A what-if against a load that is known: what it says of the present settings is what they did, and changes go the right way. */
import { describe, expect, test } from 'vitest';
import { defaultLearned } from '../decide/learn.ts';
import type { Manager } from '../decide/words.ts';
import { generate } from './generate.ts';
import { createLedger } from './ledger.ts';
import { defaultWorld } from './policy.ts';
import { seeded } from './random.ts';
import type { RecordedPoint } from './recorded.ts';
import { replay } from './replay.ts';
import { sorted, type Trace } from './traces.ts';
import { type WhatIfAnswer, type WhatIfAsked, whatIf } from './what-if.ts';
import type { Pauses } from './what-if-play.ts';
import { openWorld, runWorld } from './world.ts';

const start = Date.UTC(2026, 2, 10);
const meanSeconds = 4;

function manager(goalSeconds: number, maximum = 40): Manager {
  const rules = [{ use: 'wait-goal', options: { goalSeconds } }];
  return { processType: 'worker', rules, limits: [], minimum: 0, maximum, paused: false };
}

const law = { meanSeconds, variation: 1 };
const diurnal = generate('diurnal', { hours: 6, perSecond: 0.5, law, seed: 3 });

/** What a controller records of a load under a goal, and what it really came to. */
function history(trace: Trace, goalSeconds = 30) {
  const points: RecordedPoint[] = [];
  const world = { ...defaultWorld, periodSeconds: 10, maximum: 40, bootSeconds: 13, bootJitter: 0.3 };
  let learned = defaultLearned;
  const policy = replay(world, {
    fidelity: 'counts',
    manager: manager(goalSeconds),
    onDecision: (_, view) => {
      learned = view.learned;
    },
  });
  const score = runWorld(
    trace,
    (seen) => {
      const { waiting, running, oldestSeconds, workers: current } = seen;
      points.push({ at: start + seen.now * 1000, waiting, running, oldestSeconds, current });
      return policy(seen);
    },
    world,
  ).score();
  return { points, score, learned };
}

const { points, score, learned } = history(diurnal);

function asked(change: Partial<WhatIfAsked> = {}): WhatIfAsked {
  return {
    points,
    present: manager(30),
    changed: manager(120),
    learned,
    tells: ['running', 'slots', 'startedTotal', 'finishedTotal', 'busySecondsTotal'],
    goalsSeconds: [30, 120],
    periodSeconds: 10,
    leaving: 'named',
    ...change,
  };
}

/** A clock that moves by a millisecond each time it is looked at. */
function pauses(change: Partial<Pauses> = {}): Pauses & { rests(): number } {
  let [now, rests] = [0, 0];
  return {
    rest: async () => {
      rests++;
    },
    nowMs: () => now++,
    pieceMs: 50,
    budgetMs: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    rests: () => rests,
    ...change,
  };
}

function played(answer: WhatIfAnswer): Extract<WhatIfAnswer, { kind: 'played' }> {
  if (answer.kind !== 'played') throw new Error(answer.why);
  return answer;
}

describe('a what-if', () => {
  test('comes to what really was under the settings that really were', async () => {
    const rested = pauses();
    const { present, recorded, unknownSeconds, trust, notes } = played(await whatIf(asked(), rested));
    expect(Math.abs(recorded.processHours / (score.costSeconds / 3_600) - 1)).toBeLessThan(0.03);
    expect(Math.abs(present.processHours / (score.costSeconds / 3_600) - 1)).toBeLessThan(0.15);
    expect(Math.abs(present.jobs / score.jobs - 1)).toBeLessThan(0.1);
    expect(present.withinGoals[0]).toBeGreaterThan(0.97);
    expect(unknownSeconds).toBe(0);
    expect(trust).toBe('good');
    expect(notes.join(' ')).toContain('as learned from');
    expect(rested.rests()).toBeGreaterThan(10);
  });

  test('a budget is left out, and that is said', async () => {
    const limits = [{ use: 'budget', options: { perMonth: 0.01, pricePerHour: 1 } }];
    const changed = { ...manager(30), limits };
    const answer = played(await whatIf(asked({ changed }), pauses()));
    expect(answer.changed).toEqual(answer.present);
    expect(answer.notes.join(' ')).toContain('The budget is left out');
    expect(answer.trust).not.toBe('good');
  });

  test('a longer goal costs less and keeps people waiting longer, a shorter one the other way round', async () => {
    const longer = played(await whatIf(asked(), pauses()));
    expect(longer.changed.processHours).toBeLessThan(longer.present.processHours);
    expect(longer.changed.p95Seconds).toBeGreaterThan(longer.present.p95Seconds);
    expect(longer.changed.withinGoals[1]).toBeGreaterThan(0.97);
    const fewer = played(await whatIf(asked({ changed: manager(30, 1) }), pauses()));
    expect(fewer.changed.mostProcesses).toBeLessThanOrEqual(1);
    expect(fewer.changed.withinGoals[0]).toBeLessThan(fewer.present.withinGoals[0] ?? 0);
    expect(fewer.steps.every(({ changed }) => changed <= 1)).toBe(true);
  });

  test('the same settings come to the same, however it is cut into pieces', async () => {
    const once = played(await whatIf(asked({ changed: manager(30) }), pauses({ pieceMs: 1e9 })));
    const often = played(await whatIf(asked({ changed: manager(30) }), pauses({ pieceMs: 1 })));
    expect(once.changed).toEqual(once.present);
    expect(often).toEqual(once);
  });

  test('an unknown stretch is in no figure, and drawn by nobody', async () => {
    const [from, to] = [start + 2 * 3_600_000, start + 4 * 3_600_000];
    const holed = points.map(({ at, current, ...rest }) =>
      at >= from && at < to ? { at, current } : { at, current, ...rest },
    );
    const whole = played(await whatIf(asked(), pauses()));
    const answer = played(await whatIf(asked({ points: holed }), pauses()));
    expect(Math.abs(answer.unknownSeconds - 7_200)).toBeLessThanOrEqual(20);
    expect(whole.playedSeconds - answer.playedSeconds).toBeCloseTo(answer.unknownSeconds);
    expect(answer.present.jobs).toBeLessThan(whole.present.jobs);
    expect(answer.steps.some(({ at }) => at > from + 60_000 && at < to - 60_000)).toBe(false);
    expect(answer.notes.join(' ')).toContain('2 stretches');
  });
});

/** So many jobs at each full hour, within a second. */
function hourly(jobs: number, hours: number): Trace {
  const random = seeded(1);
  const arrivals = Array.from({ length: hours - 1 }, (_, hour) =>
    Array.from({ length: jobs }, () => (hour + 1) * 3_600 + random.next()),
  ).flat();
  const services = arrivals.map(() => random.lognormal(law.meanSeconds, law.variation));
  return sorted('hourly', Float64Array.from(arrivals), Float64Array.from(services));
}

/** A checkup in six, with the means of the six, as readings are kept after some hours. */
function byMinutes(all: readonly RecordedPoint[]): RecordedPoint[] {
  return Array.from({ length: Math.floor(all.length / 6) }, (_, minute) => {
    const six = all.slice(minute * 6, minute * 6 + 6);
    const mean = (of: (point: RecordedPoint) => number) => six.reduce((sum, point) => sum + of(point), 0) / 6;
    return {
      at: six[5]?.at ?? 0,
      waiting: mean(({ waiting = 0 }) => waiting),
      running: mean(({ running = 0 }) => running),
      current: mean(({ current }) => current),
    };
  });
}

describe('when all came at once, within the time between two readings', () => {
  const { points: uploads, learned: taught, score: truth } = history(hourly(300, 5));
  const circumstances = { points: uploads, learned: taught };

  test('the answer calls itself rough, since what is made of it is', async () => {
    const { trust, notes, present } = played(await whatIf(asked(circumstances), pauses()));
    // Six of forty late jobs that were are not found again.
    expect(Math.abs(1 - (present.withinGoals[0] ?? 0) - truth.lateShare)).toBeGreaterThan(0.02);
    expect(trust).toBe('fair');
    expect(notes.join(' ')).toMatch(/(9\d|100) % of the jobs came many at once, .* up to 10 s apart/);
  });

  test('and from minutes, and with work beside it', async () => {
    const minutes = played(await whatIf(asked({ ...circumstances, points: byMinutes(uploads) }), pauses()));
    expect(minutes.trust).not.toBe('good');
    expect(minutes.notes.join(' ')).toContain('up to 60 s apart');
    const cron = history(generate('cron', { hours: 4, perSecond: 0.3, law, seed: 3 }));
    const beside = played(await whatIf(asked({ points: cron.points, learned: cron.learned }), pauses()));
    expect(beside.trust).toBe('fair');
  });

  test('where ten seconds are nothing beside the goal it fits', async () => {
    const patient = history(hourly(300, 5), 600);
    const { trust, notes } = played(
      await whatIf(
        asked({
          points: patient.points,
          learned: patient.learned,
          present: manager(600),
          changed: manager(900),
          goalsSeconds: [600, 900],
        }),
        pauses(),
      ),
    );
    expect(notes.join(' ')).not.toContain('at once');
    expect(trust).toBe('good');
  });
});

test.each(['diurnal', 'poisson', 'onoff', 'ramp', 'flash'])(
  'a load that moves no quicker than it is read is no burst: %s',
  async (name) => {
    const trace = generate(name, { hours: 4, perSecond: 0.7, law, seed: 5 });
    const steady = history(trace);
    for (const some of [steady.points, byMinutes(steady.points)]) {
      const { trust, notes } = played(
        await whatIf(asked({ points: some, learned: steady.learned }), pauses()),
      );
      expect(notes.join(' ')).not.toContain('at once');
      expect(trust).toBe('good');
    }
  },
);

describe('what it does not answer', () => {
  test('too few readings', async () => {
    const few = asked({ points: points.slice(0, 100) });
    expect(await whatIf(few, pauses())).toMatchObject({
      why: expect.stringMatching(/^there are 16 minutes/),
    });
    expect(await whatIf(asked({ points: [] }), pauses())).toMatchObject({ kind: 'nothing' });
  });

  test('a time per job that nobody knows, unless a rule says it', async () => {
    const unlearned = asked({ learned: defaultLearned });
    expect(await whatIf(unlearned, pauses())).toMatchObject({
      why: expect.stringContaining('how long a job'),
    });
    const options = { goalSeconds: 30, serviceSeconds: meanSeconds };
    const present = { ...manager(30), rules: [{ use: 'wait-goal', options }] };
    const { notes } = played(await whatIf({ ...unlearned, present }, pauses()));
    expect(notes.join(' ')).toContain('as the rule says');
  });

  test('rules that look at what is not recorded', async () => {
    const changed = { ...manager(30), rules: [{ use: 'response-time', options: {} }] };
    expect(await whatIf(asked({ changed }), pauses())).toMatchObject({
      why: expect.stringContaining('the rules cannot decide'),
    });
  });

  test('more than there is time for: then the newest days, whole, and it says so', async () => {
    const week = Array.from({ length: 3 * 24 * 60 }, (_, place) => ({
      at: start + place * 60_000,
      waiting: place % 60 < 5 ? 20 : 0,
      running: place % 60 < 5 ? 4 : 1,
      current: 4,
    }));
    const all = played(await whatIf(asked({ points: week, periodSeconds: 60 }), pauses()));
    expect(all.from).toBe(start);
    // Each checkup and each interval looks at the clock once: a day and a half of both.
    const looks = 1.5 * 24 * 60 * 3;
    const some = played(
      await whatIf(asked({ points: week, periodSeconds: 60 }), pauses({ budgetMs: looks })),
    );
    expect(some.to).toBe(all.to);
    expect(some.from).toBeGreaterThan(start);
    expect(some.playedSeconds).toBeGreaterThanOrEqual(86_000);
    expect(some.notes.join(' ')).toContain('there was no time');
    const none = await whatIf(asked({ points: week }), pauses({ budgetMs: 10, pieceMs: 1 }));
    expect(none).toMatchObject({ kind: 'nothing', why: expect.stringContaining('too much') });
  });

  test('nobody who went away', async () => {
    const gone = new AbortController();
    gone.abort(new Error('the reader left'));
    await expect(whatIf(asked(), pauses({ signal: gone.signal, pieceMs: 1 }))).rejects.toThrow(
      'the reader left',
    );
  });
});

test('a run that ends at a moment counts everybody once: who is done, who works and who waits', () => {
  const trace = generate('poisson', { hours: 1, perSecond: 2 });
  const seen = new Uint8Array(trace.arrivals.length);
  const count = (job: number): void => {
    seen[job] = (seen[job] ?? 0) + 1;
  };
  const ledger = createLedger(trace, 30);
  const come = trace.arrivals.filter((at) => at < 600).length;
  const cut = { ...trace, arrivals: trace.arrivals.slice(0, come), services: trace.services.slice(0, come) };
  const run = openWorld(
    cut,
    () => 2,
    { endsAt: 600, initialWorkers: 3, minimum: 2 },
    { ...ledger, finished: count, undone: count },
  );
  expect(run.advance(() => true)).toBe(false);
  expect(run.advance(() => false)).toBe(true);
  run.close();
  expect(seen.slice(0, come).every((times) => times === 1)).toBe(true);
  // Two for ten minutes; the third left at the first checkup at which it was idle.
  expect(ledger.score().costSeconds).toBeGreaterThanOrEqual(1_200);
  expect(ledger.score().starts).toBe(0);
});
