/** What makes a world less kind: queues with ranks, readings that are late or lost, bills that are rounded up. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runApart } from './apart.ts';
import { generate } from './generate.ts';
import { rivals } from './policies/registry.ts';
import { defaultWorld, type Observation, type Policy } from './policy.ts';
import { headcount, replay } from './replay.ts';
import { sorted, type Trace } from './traces.ts';
import { runWorld } from './world.ts';

function rows(...jobs: [at: number, seconds: number, queue: number][]): Trace {
  return {
    ...sorted(
      'rows',
      Float64Array.from(jobs, ([at]) => at),
      Float64Array.from(jobs, ([, seconds]) => seconds),
    ),
    queues: {
      names: ['urgent', 'usual', 'bulk'],
      ranks: [0, 1, 1],
      of: Uint8Array.from(jobs, ([, , queue]) => queue),
    },
  };
}

const always =
  (count: number): Policy =>
  () =>
    count;

describe('queues', () => {
  test('a higher rank is served first, queues of one rank by age', () => {
    // One worker, up at second 1, with one job of ten seconds each: the last to come is the first of its rank.
    const trace = rows([0, 10, 2], [2, 10, 1], [3, 10, 2], [4, 10, 0]);
    const { queues = [], longest } = runWorld(trace, always(1), { bootSeconds: 1, minimum: 1 }).score();
    const p95 = Object.fromEntries(queues.map(({ name, p95 }) => [name, p95]));
    expect(p95).toEqual({ urgent: 7, usual: 19, bulk: 28 });
    expect(longest).toBe(28);
  });

  test('each queue is counted, and together they are all', () => {
    const trace = rows([0, 4, 0], [0, 30, 1], [0, 30, 2], [0.5, 30, 2], [0.6, 1, 0]);
    const seen: Observation[] = [];
    const policy: Policy = (now) => {
      seen.push(
        structuredClone({
          ...now,
          eachWaiting: 0,
          eachRunning: 0,
          eachWorker: 0,
          queues: now.queues?.map((q) => ({ ...q, eachWaiting: 0, eachRunning: 0 })),
        }) as never,
      );
      return 2;
    };
    runWorld(trace, policy, { bootSeconds: 1, minimum: 2 });
    const at10 = seen.find(({ now }) => now === 10);
    const brief = at10?.queues?.map((queue) => [
      queue.waiting,
      queue.running,
      queue.startedTotal,
      queue.finishedTotal,
    ]);
    expect(brief).toEqual([
      [0, 0, 2, 2],
      [0, 1, 1, 0],
      [1, 1, 1, 0],
    ]);
    expect(at10).toMatchObject({ waiting: 1, running: 2, startedTotal: 4, finishedTotal: 2 });
  });

  test('a rank costs nobody a job, also under kills', () => {
    const setting = fc.record({
      policy: fc.constantFrom(headcount, ...rivals),
      victims: fc.constantFrom('kill' as const, 'free' as const),
      ranks: fc.constantFrom([0, 1, 2], [0, 0, 0], [1, 0, 1]),
      seed: fc.integer({ min: 1, max: 500 }),
    });
    fc.assert(
      fc.property(setting, ({ policy, victims, ranks, seed }) => {
        const plain = generate('onoff', { hours: 0.4, seed });
        const of = Uint8Array.from(plain.arrivals, (_, job) => job % 3);
        const trace = { ...plain, queues: { names: ['a', 'b', 'c'], ranks, of } };
        const world = {
          ...defaultWorld,
          victims,
          graceSeconds: 1,
          periodSeconds: policy.periodSeconds,
          maximum: 20,
        };
        const create = () => policy.create(policy.settings, world);
        const both = [runWorld(trace, create(), world), runApart(trace, create, world)];
        for (const score of both.map((ledger) => ledger.score())) {
          expect(score.jobs).toBe(plain.arrivals.length);
          expect(score.undone).toBe(0);
          expect(score.queues?.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(score.jobs);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('one rank for all is one queue', () => {
    const plain = generate('poisson', { hours: 0.5, seed: 3 });
    const of = Uint8Array.from(plain.arrivals, (_, job) => job % 2);
    const ranked = { ...plain, queues: { names: ['a', 'b'], ranks: [0, 0], of } };
    const { queues: _, ...two } = runWorld(ranked, always(6), { minimum: 6 }).score();
    expect(two).toEqual(runWorld(plain, always(6), { minimum: 6 }).score());
  });
});

describe('readings', () => {
  const trace = generate('onoff', { hours: 1, seed: 2 });

  test('late ones tell what was, and by when', () => {
    const truth = new Map<number, number>();
    const told: [number, number, number][] = [];
    const watch =
      (note: (seen: Observation) => void): Policy =>
      (seen) => {
        note(seen);
        return 5;
      };
    runWorld(
      trace,
      watch((seen) => truth.set(seen.now, seen.startedTotal)),
      { minimum: 5 },
    );
    const late = watch((seen) => {
      if (!seen.missing) told.push([seen.now, seen.readAt, seen.startedTotal]);
    });
    runWorld(trace, late, { minimum: 5, readingDelaySeconds: 12 });
    expect(told.length).toBeGreaterThan(600);
    for (const [now, readAt, started] of told) {
      expect(now - readAt).toBe(15);
      expect(started).toBe(truth.get(readAt));
    }
  });

  test('a lost one is unknown to ours, which then lets nobody go', () => {
    const world = { ...defaultWorld, missingShare: 0.2 };
    let unknown = 0;
    const policy = replay(world, {
      onDecision: (decision) => {
        if (!decision.unknown) return;
        unknown++;
        expect(decision.desired).toBeGreaterThanOrEqual(decision.current);
      },
    });
    const score = runWorld(trace, policy, world).score();
    expect(unknown).toBeGreaterThan(50);
    expect(score.undone).toBe(0);
    expect(score.lateShare).toBeLessThan(0.03);
  });
});

test('what is begun is paid', () => {
  const trace = rows([0, 100, 0]);
  const until =
    (end: number): Policy =>
    (seen) =>
      seen.now < end ? 1 : 0;
  const ledger = runWorld(trace, until(120), { bootSeconds: 5, stopSeconds: 2 });
  expect(ledger.score().costSeconds).toBe(122);
  expect(ledger.score({ unitSeconds: 60 }).costSeconds).toBe(180);
  expect(ledger.score({ unitSeconds: 3_600 }).costSeconds).toBe(3_600);
  expect(ledger.score({ minimumSeconds: 300 }).costSeconds).toBe(300);
});
