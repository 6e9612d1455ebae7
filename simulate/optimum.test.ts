import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { generate } from './generate.ts';
import { boundsOf, optimumOf } from './optimum.ts';
import { sorted, type Trace } from './traces.ts';

interface Job {
  readonly arrival: number;
  readonly service: number;
}

const traceOf = (jobs: readonly Job[]): Trace =>
  sorted(
    'small',
    Float64Array.from(jobs, ({ arrival }) => arrival),
    Float64Array.from(jobs, ({ service }) => service),
  );

/** Every way to start whole-second jobs within the goal; each priced with the best choice of whom to keep. */
function bruteForce(jobs: readonly Job[], goal: number, boot: number): number {
  let best = Number.POSITIVE_INFINITY;
  const starts: number[] = [];
  const choose = (place: number): void => {
    const job = jobs[place];
    if (!job) {
      best = Math.min(best, priceOf(jobs, starts, boot));
      return;
    }
    for (let wait = 0; wait <= goal; wait++) {
      starts[place] = job.arrival + wait;
      choose(place + 1);
    }
  };
  choose(0);
  return best;
}

/** Work, and for each level of the number running: a boot, or the gap since it was last needed, whichever is cheaper. */
function priceOf(jobs: readonly Job[], starts: readonly number[], boot: number): number {
  const end = Math.max(...jobs.map(({ service }, job) => (starts[job] ?? 0) + service));
  const lastUsed: number[] = [];
  let cost = 0;
  for (let second = 0; second < end; second++) {
    const running = jobs.filter(({ service }, job) => {
      const start = starts[job] ?? 0;
      return start <= second && second < start + service;
    }).length;
    cost += running;
    for (let level = 0; level < running; level++) {
      const gap = second - (lastUsed[level] ?? Number.NEGATIVE_INFINITY) - 1;
      cost += Math.min(boot, gap);
      lastUsed[level] = second;
    }
  }
  return cost;
}

const smallJobs = fc.array(
  fc.record({ arrival: fc.integer({ min: 0, max: 14 }), service: fc.integer({ min: 1, max: 5 }) }),
  { minLength: 1, maxLength: 4 },
);

test('the bounds bracket the best of all schedules, on small cases', () => {
  fc.assert(
    fc.property(
      smallJobs,
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 6 }),
      (jobs, goal, boot) => {
        const { lower, upper } = boundsOf(traceOf(jobs), goal, boot);
        const best = bruteForce(jobs, goal, boot);
        expect(lower).toBeLessThanOrEqual(best + 1e-9);
        expect(upper).toBeGreaterThanOrEqual(best - 1e-9);
        const work = jobs.reduce((sum, { service }) => sum + service, 0);
        expect(lower).toBeGreaterThanOrEqual(work - 1);
      },
    ),
    { numRuns: 150 },
  );
});

test.each(['poisson', 'onoff', 'ramp', 'flash'])('the gap is at most 7 %% on a generated %s', (name) => {
  const { lower, upper } = boundsOf(generate(name, { hours: 1, seed: 3 }), 30, 10);
  expect(upper / lower).toBeGreaterThanOrEqual(1);
  expect(upper / lower).toBeLessThanOrEqual(1.07);
});

test('it is computed once for a content, goal and boot, whatever the name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'optimum-'));
  try {
    const trace = generate('poisson', { hours: 0.2, perSecond: 0.5 });
    let shares: number[] = [];
    const options = { folder, progress: (share: number) => shares.push(share) };
    const first = await optimumOf(trace, 30, 10, options);
    expect(shares.length).toBeGreaterThan(0);
    expect(Math.max(...shares)).toBeLessThanOrEqual(1);
    shares = [];
    expect(await optimumOf({ ...trace, name: 'other' }, 30, 10, options)).toEqual(first);
    expect(shares).toEqual([]);
    await optimumOf(trace, 20, 10, options);
    const files = await readdir(folder);
    expect(files).toHaveLength(2);
    for (const file of files) await writeFile(join(folder, file), '{"lower": 1');
    expect(await optimumOf(trace, 30, 10, options)).toEqual(first);
  } finally {
    await rm(folder, { recursive: true });
  }
});
