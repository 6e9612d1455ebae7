/** Simulations as a person runs them, on loads that take no time, and a history read from a real controller. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { loadConfig } from '../server/config.ts';
import { startController } from '../server/main.ts';
import { generate } from '../simulate/generate.ts';
import { defaultWorld } from '../simulate/policy.ts';
import type { RecordedPoint } from '../simulate/recorded.ts';
import { headcount } from '../simulate/replay.ts';
import { runWorld } from '../simulate/world.ts';
import { historyOf, readHistory } from './simulate/history.ts';
import { optimumWhereCheap } from './simulate/optimum.ts';
import { createProgress } from './simulate/progress.ts';
import { queueSpecs } from './simulate/queues.ts';
import { kindsOf, policies, type SimulateOptions, simulate } from './simulate.ts';

let folder: { path: string; remove(): void };
beforeAll(() => {
  folder = temporaryFolder('simulate');
});
afterAll(() => folder.remove());

const usual: SimulateOptions = {
  goal: 30,
  boot: 10,
  slots: 4,
  service: 2,
  policy: 'headcount,keda',
  maximum: 100,
  seed: 1,
};

/** What it printed, and its exit code. */
async function run(change: Partial<SimulateOptions>): Promise<{ code: number; out: string }> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const err = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  try {
    const code = await simulate({ ...usual, ...change });
    return { code, out: [...log.mock.calls.flat(), ...err.mock.calls.map(([text]) => text)].join('\n') };
  } finally {
    log.mockRestore();
    err.mockRestore();
  }
}

const poisson = { generate: 'poisson', hours: 0.2 };

describe('a simulation', () => {
  test('prints no cost without its late share', async () => {
    const { code, out } = await run(poisson);
    expect(code).toBe(0);
    const lines = out.split('\n');
    const head = lines.find((line) => line.startsWith('policy')) ?? '';
    expect(head).toMatch(/late +worker hours +cost[/]work/);
    for (const name of ['headcount', 'keda'])
      expect(lines.some((line) => line.startsWith(name) && / \d+\.\d\d % +\d/.test(line))).toBe(true);
  });

  test('is the same for the same seed, and another for another', async () => {
    const [one, two, other] = [
      await run({ ...poisson, json: true }),
      await run({ ...poisson, json: true }),
      await run({ ...poisson, json: true, seed: 2 }),
    ];
    expect(two.out).toBe(one.out);
    expect(other.out).not.toBe(one.out);
  });

  test('as JSON says all that the table says', async () => {
    const { out } = await run({ ...poisson, json: true, policy: 'keda', period: 60, victims: 'free' });
    const {
      policies: played,
      world,
      trace,
    } = JSON.parse(out.slice(out.indexOf('{'), out.lastIndexOf('}') + 1));
    expect(world).toEqual({ goalSeconds: 30, bootSeconds: 10, slots: 4, maximum: 100, seed: 1 });
    expect(trace.jobs).toBeGreaterThan(1_000);
    expect(played).toHaveLength(1);
    expect(played[0]).toMatchObject({ name: 'keda', periodSeconds: 60, victims: 'free', undone: 0 });
    expect(played[0].costOverWork).toBeCloseTo((played[0].costSeconds * 4) / played[0].workSeconds, 9);
  });

  test('draws who played', async () => {
    const file = join(folder.path, 'out.svg');
    await run({ ...poisson, picture: file });
    const svg = readFileSync(file, 'utf8');
    expect(svg).toMatch(/^<svg [\s\S]*headcount[\s\S]*keda[\s\S]*<\/svg>\n$/);
  });

  test('draws a PNG that is not empty, twice as large', async () => {
    const file = join(folder.path, 'out.png');
    await run({ ...poisson, picture: file });
    const bytes = readFileSync(file);
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from('89504e470d0a1a0a', 'hex'));
    expect(bytes.readUInt32BE(16)).toBe(2_000);
  });

  test('plays a trace from a file', async () => {
    const file = join(folder.path, 'mine.csv');
    writeFileSync(file, 'arrival_s,service_s\n0,5\n1,5\n');
    expect((await run({ trace: file })).out).toContain('mine: 2 jobs');
  });
});

describe('what is wrong is told', () => {
  test.each([
    [{ ...poisson, policy: 'headcuont' }, 'did you mean "headcount"?'],
    [{ generate: 'poison' }, 'did you mean "poisson"?'],
    [{}, 'none is given'],
    [{ ...poisson, trace: 'x.csv' }, '2 are given'],
    [{ ...poisson, maximum: 1_000, slots: 64 }, 'Lower --maximum or --slots.'],
    [{ ...poisson, picture: 'out.pdf' }, 'Name it out.svg or .png.'],
    [{ ...poisson, picture: '/no/such/folder/out.svg' }, 'Name another file with --picture.'],
  ])('%j', async (change, expected) => {
    await expect(run(change)).rejects.toThrow(expected);
  });

  test('a trace that is none', async () => {
    const { code, out } = await run({ trace: '/no/such.csv' });
    expect(code).toBe(2);
    expect(out).toContain('headcount: cannot read the trace /no/such.csv');
  });

  test('every policy has a name of its own', () => {
    const names = policies.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(kindsOf(names.join(', '))).toHaveLength(names.length);
  });
});

describe('the optimum', () => {
  const options = { goal: 30, boot: 10, slots: 1 };

  test('stands beside the table where it is quick, and is between its bounds', async () => {
    const trace = generate('poisson', { hours: 0.1 });
    const { optimum } = await optimumWhereCheap(
      trace,
      options,
      createProgress({ write: () => {} }),
      folder.path,
    );
    expect(optimum?.lower).toBeGreaterThan(0);
    expect(optimum?.upper).toBeGreaterThanOrEqual(optimum?.lower ?? 0);
  });

  test('is left out with its reason where it is not', async () => {
    const trace = generate('bulk', { hours: 4 });
    const silent = createProgress({ write: () => {} });
    expect((await optimumWhereCheap(trace, { ...options, optimum: true }, silent)).note).toContain(
      'too many jobs',
    );
    expect((await optimumWhereCheap(trace, { ...options, slots: 4 }, silent)).note).toContain(
      'one job at a time',
    );
  });
});

describe('circumstances', () => {
  const json = async (change: Partial<SimulateOptions>) => {
    const { out } = await run({ ...poisson, policy: 'headcount', slots: 1, json: true, ...change });
    return JSON.parse(out.slice(out.indexOf('{'), out.lastIndexOf('}') + 1)).policies[0];
  };

  test('what is begun is paid: minutes and hours cost more than seconds', async () => {
    const [second, minute, hour] = [
      await json({}),
      await json({ billing: 60 }),
      await json({ billing: 3_600 }),
    ];
    expect(minute.costSeconds % 60).toBe(0);
    expect(hour.costSeconds % 3_600).toBe(0);
    expect(hour.costSeconds).toBeGreaterThan(minute.costSeconds);
    expect(minute.costSeconds).toBeGreaterThan(second.costSeconds);
    expect(hour.lateShare).toBe(second.lateShare);
  });

  test('queues are told apart, and workers of their own for each cost more', async () => {
    const queues = queueSpecs('mail:30%:1s, import:70%:3s');
    const together = await json({ queues });
    expect(together.queues.map(({ name }: { name: string }) => name)).toEqual(['mail', 'import']);
    const [mail, imports] = together.queues;
    expect(mail.jobs + imports.jobs).toBe(together.jobs);
    expect(mail.jobs / together.jobs).toBeCloseTo(0.3, 1);
    const apart = await json({ queues, apart: true });
    expect(apart.jobs).toBe(together.jobs);
    expect(apart.undone).toBe(0);
    expect(apart.costSeconds).toBeGreaterThan(together.costSeconds);
  });

  test('late, lost and refused are survived, and said', async () => {
    const bad = { readingDelay: 5, missing: 0.1, refused: 0.1, bootJitter: 0.5 };
    expect((await json(bad)).undone).toBe(0);
    const { out } = await run({ ...poisson, policy: 'headcount,keda', ...bad });
    expect(out).toContain(
      'boots differ by 50.00 %, readings are 5 s late, 10.00 % of the readings are lost, 10.00 % of the scale calls are refused',
    );
  });

  test.each([
    ['mail', 'is no queue'],
    ['mail:50%', 'come to 50 %'],
    ['mail:50%, mail:50%', 'named twice'],
    ['mail:100%:0s', 'take no time'],
  ])('--queues "%s": %s', (text, expected) => {
    expect(() => queueSpecs(text)).toThrow(expected);
  });

  test('--apart needs queues', async () => {
    await expect(run({ ...poisson, apart: true })).rejects.toThrow('Give --queues as well.');
  });
});

test('progress is drawn in place on a terminal, at most ten times a second, and a line per policy elsewhere', () => {
  for (const isTTY of [true, false]) {
    let [text, now] = ['', 0];
    const progress = createProgress(
      {
        isTTY,
        write: (part) => {
          text += part;
        },
      },
      () => now,
    );
    for (let step = 0; step <= 1_000; step++, now += 1) progress.at('keda', step / 1_000);
    progress.end();
    if (isTTY) expect(text.match(/%/g)?.length).toBe(11);
    else expect(text).toBe('keda ...\n');
  }
});

describe('a history', () => {
  /** What a controller would have recorded of this load every ten seconds. */
  function pointsOf(trace: ReturnType<typeof generate>): RecordedPoint[] {
    const points: RecordedPoint[] = [];
    const world = { ...defaultWorld, periodSeconds: 10 };
    const policy = headcount.create({}, world);
    runWorld(
      trace,
      (seen) => {
        const { now, waiting, running, workers: current } = seen;
        points.push({ at: now * 1000, waiting, running, current });
        return policy(seen);
      },
      world,
    );
    return points;
  }

  test('gives back about as many jobs as came, at about the same time', () => {
    const trace = generate('poisson', { hours: 1, perSecond: 5 });
    const {
      trace: { arrivals, services },
      unknownCount,
    } = historyOf(pointsOf(trace), 1, 2, 1);
    expect(unknownCount).toBe(0);
    expect(arrivals.length / trace.arrivals.length).toBeGreaterThan(0.95);
    expect(arrivals.length / trace.arrivals.length).toBeLessThan(1.05);
    const half = (list: Float64Array) => list.filter((at) => at < 1_800).length / list.length;
    expect(Math.abs(half(arrivals) - half(trace.arrivals))).toBeLessThan(0.03);
    expect(services).toHaveLength(arrivals.length);
    expect(arrivals.every((at, job) => job === 0 || at >= (arrivals[job - 1] ?? 0))).toBe(true);
  });

  test('leaves out what was unknown, and begins with the jobs that were there', () => {
    const known = { running: 0, current: 1 };
    const points = [
      { at: 0, waiting: 5, ...known },
      { at: 10_000, current: 1 },
      { at: 20_000, waiting: 9, ...known },
    ];
    const { trace, unknownCount } = historyOf(points, 1, 1, 1);
    expect(unknownCount).toBe(1);
    expect(trace.arrivals.filter((at) => at === 0)).toHaveLength(5);
    expect(trace.arrivals).toHaveLength(9);
    expect(historyOf([], 1, 1, 1).trace.arrivals).toHaveLength(0);
  });

  test('where nobody told what runs, processes are taken for busy while jobs wait', () => {
    const points = [0, 1, 2].map((place) => ({ at: place * 10_000, waiting: 3, current: 2 }));
    // Three that wait and eight in hand at the start; then eight slots for twenty seconds.
    expect(historyOf(points, 4, 2, 1).trace.arrivals).toHaveLength(11 + 80);
  });

  test('is read from the running controller', async () => {
    const data = join(folder.path, 'controller');
    mkdirSync(data);
    const yaml = join(data, 'headcount.yaml');
    writeFileSync(yaml, `port: 0\ndata: .\napps:\n  shop:\n    managers:\n      worker: { maximum: 5 }\n`);
    const controller = await startController({ config: await loadConfig(yaml, { env: {} }), log: 'silent' });
    try {
      const app = await controller.store.apps.get('shop');
      const [manager] = await controller.store.managers.list(app?.id ?? '');
      const end = Date.now() - 1_000;
      for (let place = 0; place < 60; place++) {
        const point = {
          at: end - (60 - place) * 10_000,
          waiting: place,
          running: 0,
          current: 1,
          desired: 1,
          unknown: 0,
        };
        await controller.store.readings.record(manager?.id ?? '', point, []);
      }
      const { trace, notes } = await readHistory('shop/worker', { ...usual, data });
      expect(trace.arrivals.length).toBeGreaterThanOrEqual(59);
      expect(notes.join(' ')).toContain('as --service says');
      await expect(readHistory('shop/wroker', { ...usual, data })).rejects.toThrow(
        'did you mean "shop/worker"?',
      );
    } finally {
      await controller.close();
    }
  });
});
