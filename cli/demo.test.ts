/** The whole way once, small: the built demo with a controller, an ingest API, workers and distributors of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { createTable } from './demo/table.ts';
import { verdictOf } from './demo/verdict.ts';
import { createWatch } from './demo/watch.ts';
import { packageFolder } from './place.ts';

const program = join(packageFolder, 'dist', 'cli', 'main.js');
const limitMs = 240_000;

let folder: { path: string; remove(): void };
beforeAll(() => {
  folder = temporaryFolder('demo-test');
});
afterAll(() => folder.remove());

interface Run {
  readonly child: ReturnType<typeof spawn>;
  readonly temporary: string;
  out(): string;
  ended(): Promise<number | null>;
}

let runs = 0;
function start(command: string, ...args: string[]): Run {
  runs += 1;
  // Temporary folders of its own, so that what is left behind can be seen.
  const temporary = join(folder.path, `run-${runs}`);
  mkdirSync(temporary);
  const env = { ...process.env, TMPDIR: temporary, DATABASE_URL: '' };
  const child = spawn(process.execPath, [program, command, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.on('data', (piece) => {
    out += String(piece);
  });
  child.stderr.on('data', (piece) => {
    out += String(piece);
  });
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  return { child, temporary, out: () => out, ended: () => exit };
}

const lastLine = (out: string): Record<string, number> => JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
const leftBehind = (temporary: string): string[] =>
  readdirSync(temporary).filter((name) => name.startsWith('headcount-demo-'));

describe.skipIf(!existsSync(program))('the demo', () => {
  test(
    'sends 2,000 tracks, hires workers, lets them go, and proves it in its last line',
    async () => {
      const run = start('demo', '--exit', '--tracks', '2000', '--seed', '3');
      expect([await run.ended(), run.out().slice(-2_000)]).toEqual([0, expect.stringContaining('"lost":0')]);
      const verdict = lastLine(run.out());
      expect(verdict).toMatchObject({
        tracks: 2_000,
        stored: 2_000,
        lost: 0,
        duplicates: 0,
        finalWorkers: 0,
        rejected: 0,
      });
      expect(Object.keys(verdict).slice(0, 10)).toEqual(
        'tracks stored lost duplicates peakWorkers finalWorkers waitP95Seconds apiP99Ms workerSeconds seconds'.split(
          ' ',
        ),
      );
      expect(verdict.peakWorkers).toBeGreaterThan(0);
      expect(verdict.workerSeconds).toBeGreaterThan(0);
      expect(leftBehind(run.temporary)).toEqual([]);
    },
    limitMs,
  );

  test(
    'loses and doubles nothing while workers are killed',
    async () => {
      const run = start('demo', '--exit', '--tracks', '10000', '--chaos', '--workers', '2');
      expect([await run.ended(), run.out().slice(-2_000)]).toEqual([0, expect.stringContaining('"lost":0')]);
      const verdict = lastLine(run.out());
      expect(verdict).toMatchObject({ stored: 10_000, lost: 0, duplicates: 0, finalWorkers: 0 });
      expect(verdict.killed).toBeGreaterThan(0);
    },
    limitMs,
  );

  test(
    'plays over the fake Heroku: dynos are hired by formation calls, drained, and let go, and nothing is left behind',
    async () => {
      const run = start('demo', '--fleet', 'heroku-fake', '--exit', '--tracks', '1000', '--workers', '2');
      expect([await run.ended(), run.out().slice(-2_000)]).toEqual([0, expect.stringContaining('"lost":0')]);
      const verdict = lastLine(run.out());
      expect(verdict).toMatchObject({
        tracks: 1_000,
        stored: 1_000,
        lost: 0,
        duplicates: 0,
        finalWorkers: 0,
        killedRunning: 0,
      });
      expect(verdict.scaleCalls).toBeGreaterThanOrEqual(3);
      expect(verdict.workerSeconds).toBeGreaterThan(0);
      expect(leftBehind(run.temporary)).toEqual([]);
    },
    limitMs,
  );

  test(
    'over the fake Heroku it leaves no dyno behind when it is interrupted',
    async () => {
      const run = start('demo', '--fleet', 'heroku-fake', '--tracks', '20000');
      await until(() => /worker: \d+ instead of/.test(run.out()), 'a decision', 120_000).catch(
        (error: unknown) => expect.unreachable(`${String(error)}: ${run.out().slice(-2_000)}`),
      );
      run.child.kill('SIGINT');
      expect(await run.ended()).toBe(0);
      const mine = execFileSync('ps', ['-eo', 'args', 'e', 'ww'], { encoding: 'utf8', maxBuffer: 2 ** 26 });
      const left = mine.split('\n').filter((line) => line.includes(`TMPDIR=${run.temporary}`));
      expect(left).toEqual([]);
      expect(leftBehind(run.temporary)).toEqual([]);
    },
    limitMs,
  );

  test.skipIf(!has('redisServer'))(
    'runs on Redis as well, and over the fake Heroku',
    async () => {
      const redis = await startRedis();
      for (const fleet of ['local', 'heroku-fake']) {
        const broker = ['--broker', `${redis.url}/0`];
        const run = start('demo', '--fleet', fleet, '--exit', '--tracks', '500', ...broker);
        expect([await run.ended(), run.out().slice(-2_000)]).toEqual([
          0,
          expect.stringContaining('"lost":0'),
        ]);
        expect(lastLine(run.out())).toMatchObject({ stored: 500, lost: 0, duplicates: 0, finalWorkers: 0 });
      }
      await redis.stop();
    },
    limitMs,
  );

  test(
    'can be asked why while it runs, and leaves nothing behind when it is interrupted',
    async () => {
      const run = start('demo', '--tracks', '20000');
      await until(() => /worker: \d+ instead of/.test(run.out()), 'a decision', 120_000).catch(
        (error: unknown) => expect.unreachable(`${String(error)}: ${run.out().slice(-2_000)}`),
      );
      const asking = spawn(process.execPath, [program, 'eval', 'catalogue', 'worker'], {
        env: { ...process.env, TMPDIR: run.temporary },
      });
      let answer = '';
      asking.stdout.on('data', (piece) => {
        answer += String(piece);
      });
      const [code] = await once(asking, 'exit');
      expect([code, answer]).toEqual([0, expect.stringContaining('Nothing was changed.')]);
      expect(answer).toMatch(/^catalogue worker: \d+ -> \d+\n/);
      expect(answer).toContain('wait-goal');
      const processes = join(
        run.temporary,
        leftBehind(run.temporary)[0] ?? '',
        'fleets/catalogue/processes.json',
      );
      expect(existsSync(processes)).toBe(true);
      run.child.kill('SIGINT');
      expect(await run.ended()).toBe(0);
      expect(leftBehind(run.temporary)).toEqual([]);
    },
    limitMs,
  );
});

describe('the last line', () => {
  const total = {
    uploads: 3,
    tracks: 10,
    collections: 2,
    stored: 10,
    rejected: 2,
    requests: 5,
    apiP99Ms: 7,
    errors: [],
    summary: { tracks: 8, collections: 2, duplicates: 0, redelivered: 1, matched: 0, waitP95Seconds: 1.234 },
  };
  const counted = { peakWorkers: 3, finalWorkers: 0, workerSeconds: 12.34, seconds: 5.67 };

  test('loses nothing when all that was sent was stored or rejected', () => {
    expect(verdictOf({ total, ...counted })).toMatchObject({ tracks: 10, stored: 8, lost: 0, duplicates: 0 });
  });

  test('tells a lost line, and does not let a line stored twice make up for it', () => {
    const summary = { ...total.summary, tracks: 8, duplicates: 1 };
    expect(verdictOf({ total: { ...total, summary }, ...counted })).toMatchObject({ lost: 1, duplicates: 1 });
  });
});

describe('the table', () => {
  const point = {
    at: 1,
    waiting: 1_234,
    running: 2,
    oldestSeconds: 3.25,
    current: 2,
    desired: 5,
    unknown: 0,
  };
  const draw = (isTTY: boolean, shown: Partial<typeof point> | undefined): string => {
    let text = '';
    const watch = createWatch({
      onCheckup: (listener) => {
        if (shown) listener({ app: 'a', processType: 'worker', point: { ...point, ...shown } });
        return () => {};
      },
    });
    createTable(watch, () => undefined, { isTTY, columns: 80, write: (piece) => (text += piece) }).end();
    return text;
  };

  test('shows what is unknown as unknown', () => {
    expect(draw(false, undefined)).toMatch(/\?\s+\?\s+\?\s+\?/);
    expect(draw(false, {})).toMatch(/1,234\s+2\s+2 -> 5\s+3\.3 s/);
  });

  test('is drawn in place on a terminal only, within its width', () => {
    expect(draw(true, {})).toContain('\u001b[3A');
    expect(draw(false, {})).not.toContain('\u001b');
    const lines = draw(true, {})
      .split('\n')
      .map((line) => line.replaceAll('\u001b[3A', '').replaceAll('\u001b[2K', ''));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
  });
});
