/**
 * `npm run bench -- agreement [--minutes 4] [--seed 1] [--json] [--keep]`: does the simulator tell the truth? The same small load
 * once in reality (controller, local fleet, worker processes, a file as broker) and once in the simulator, with the moments at
 * which jobs were really sent, the times that they really took and the time that a worker really needed to boot. Printed are
 * cost and late share of both and by how much they differ.
 *
 * Jobs sleep, so that the machine has nothing to do and workers do not take time from each other; for the same reason a worker boots
 * in a fixed time, that of an app with some weight. The load has a burst that the most workers cannot serve in time: where
 * nobody is late there is nothing to compare.
 */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createApp } from '@headcount/tasks';
import { stringify } from 'yaml';
import { loadConfig } from '../../server/config.ts';
import { startController } from '../../server/main.ts';
import { defaultWorld } from '../../simulate/policy.ts';
import { seeded } from '../../simulate/random.ts';
import { replay } from '../../simulate/replay.ts';
import { percent, table } from '../../simulate/tables.ts';
import { sorted, type Trace, workSeconds } from '../../simulate/traces.ts';
import { runWorld } from '../../simulate/world.ts';
import { readWorkerSeconds } from '../demo/verdict.ts';

const { values } = parseArgs({
  options: {
    role: { type: 'string' },
    minutes: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

/** Far from half of the goal, or chance would decide between two manners of planning. */
const goalSeconds = 45;
const bootMs = 8_000;
const periodSeconds = 2;
const mostWorkers = 6;
const settleMs = 240_000;
const phases = 20;

/** One line of what a worker did. Milliseconds since the Unix epoch. */
type Done =
  | { readonly is: 'boot'; readonly bornAt: number; readonly readyAt: number }
  /** From the order to stop to the exit, of a worker that had nothing to do. */
  | { readonly is: 'stop'; readonly seconds: number }
  | { readonly is: 'job'; readonly sentAt: number; readonly startedAt: number; readonly endedAt: number };

if (values.role === 'worker') await work();
else await main();

async function work(): Promise<void> {
  const bornAt = Date.now() - performance.now();
  const log = join(process.env.AGREEMENT_FOLDER ?? '.', `done-${process.pid}.jsonl`);
  const note = (done: Done): Promise<void> => appendFile(log, `${JSON.stringify(done)}\n`);
  const app = createApp({ broker: process.env.BROKER_URL ?? '', results: false, ignoreResult: true });
  app.task('agreement.sleep', async (_context, sentAt: number, seconds: number) => {
    const startedAt = Date.now();
    running++;
    await pause(seconds * 1_000);
    running--;
    await note({ is: 'job', sentAt, startedAt, endedAt: Date.now() });
  });
  let running = 0;
  process.once('SIGTERM', () => {
    const [from, idle] = [Date.now(), running === 0];
    process.once('exit', () => {
      if (idle)
        appendFileSync(log, `${JSON.stringify({ is: 'stop', seconds: (Date.now() - from) / 1_000 })}\n`);
    });
  });
  await pause(Math.max(0, bornAt + bootMs - Date.now()));
  await note({ is: 'boot', bornAt, readyAt: Date.now() });
  await app.worker({ concurrency: 1, prefetch: 1, graceSeconds: 20 }).run({ handleSignals: true });
  await app.close();
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-agreement-'));
  try {
    const real = await runReally(folder);
    report(real);
  } finally {
    if (!values.keep) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    else process.stderr.write(`What was written stays in ${folder}.\n`);
  }
}

/** A quiet stream, and two bursts, of which the second is too much. */
function loadOf(minutes: number, seed: number): { at: number; seconds: number }[] {
  const random = seeded(seed);
  const end = minutes * 60;
  const jobs: { at: number; seconds: number }[] = [];
  for (let at = random.exponential(); at < end; at += random.exponential() / 0.4)
    jobs.push({ at, seconds: random.lognormal(2.5, 0.6) });
  for (const [share, count] of [
    [0.2, 25],
    [0.5, 130],
  ] as const)
    for (let job = 0; job < count; job++)
      jobs.push({ at: share * end + 3 * random.next(), seconds: random.lognormal(2.5, 0.6) });
  return jobs.sort((a, b) => a.at - b.at);
}

interface Real {
  readonly costSeconds: number;
  readonly jobs: readonly Extract<Done, { is: 'job' }>[];
  readonly boots: readonly number[];
  readonly stops: readonly number[];
  readonly sent: number;
}

async function runReally(folder: string): Promise<Real> {
  const broker = `sqlite:${join(folder, 'broker.db')}`;
  process.env.BROKER_URL = broker;
  process.env.AGREEMENT_FOLDER = folder;
  const config = await loadConfig(configure(folder), { env: {} });
  const app = createApp({ broker, results: false, ignoreResult: true });
  const sleep = app.task('agreement.sleep', async (_context, _sentAt: number, _seconds: number) => {});
  const controller = await startController({ config, log: 'error' });
  let quietSince: number | undefined;
  const stopListening = controller.onCheckup(({ point }) => {
    const busy = (point.waiting ?? 1) + (point.running ?? 1) + point.current > 0;
    quietSince = busy ? undefined : (quietSince ?? Date.now());
  });
  const jobs = loadOf(Number(values.minutes), Number(values.seed));
  try {
    // A few checkups of nothing, so that both begin at rest.
    await pause(3 * periodSeconds * 1_000);
    const startedAt = Date.now();
    for (const [place, { at, seconds }] of jobs.entries()) {
      await pause(Math.max(0, startedAt + at * 1_000 - Date.now()));
      await sleep.delay(Date.now(), seconds);
      if (place % 50 === 0) process.stderr.write(`sent ${place} of ${jobs.length}\n`);
    }
    const end = Date.now() + settleMs;
    while ((quietSince === undefined || Date.now() - quietSince < 5_000) && Date.now() < end)
      await pause(200);
  } finally {
    stopListening();
    await controller.close();
    await app.close();
  }
  const done = readDone(folder);
  return {
    costSeconds: readWorkerSeconds(join(config.data, 'fleets', 'agreement')),
    jobs: done.filter((one) => one.is === 'job'),
    boots: done.flatMap((one) => (one.is === 'boot' ? [(one.readyAt - one.bornAt) / 1_000] : [])),
    stops: done.flatMap((one) => (one.is === 'stop' ? [one.seconds] : [])),
    sent: jobs.length,
  };
}

function configure(folder: string): string {
  const procfile = join(folder, 'Procfile');
  writeFileSync(procfile, `worker: node ${[...process.execArgv, process.argv[1]].join(' ')} --role worker\n`);
  const manager = {
    minimum: 0,
    maximum: mostWorkers,
    meters: [{ use: 'tasks-sqlite', file: join(folder, 'broker.db'), queue: 'celery' }],
    rules: [{ use: 'wait-goal', goalSeconds }],
  };
  const fleet = { use: 'local', procfile, folder, graceSeconds: 25 };
  const file = join(folder, 'headcount.yaml');
  const data = join(folder, 'data');
  mkdirSync(data);
  const apps = { agreement: { fleet, managers: { worker: manager } } };
  writeFileSync(file, stringify({ port: 0, data, intervalSeconds: periodSeconds, apps }));
  return file;
}

function readDone(folder: string): Done[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('done-'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Done);
}

interface Side {
  readonly costSeconds: number;
  readonly lateShare: number;
  readonly p50: number;
  readonly p95: number;
}

function report({ jobs, costSeconds, boots, stops, sent }: Real): void {
  const waits = jobs.map(({ sentAt, startedAt }) => (startedAt - sentAt) / 1_000).sort((a, b) => a - b);
  const at = (share: number): number => waits[Math.floor(share * waits.length)] ?? 0;
  const real: Side = {
    costSeconds,
    lateShare: waits.filter((wait) => wait > goalSeconds).length / Math.max(1, waits.length),
    p50: at(0.5),
    p95: at(0.95),
  };
  const trace = traceOf(jobs);
  const simulated = simulate(jobs, mean(boots), mean(stops));
  const differences = {
    cost: simulated.costSeconds / real.costSeconds - 1,
    late: real.lateShare > 0 ? simulated.lateShare / real.lateShare - 1 : simulated.lateShare,
  };
  console.log(
    `\n${sent} jobs of ${(workSeconds(trace) / jobs.length).toFixed(2)} s in ${values.minutes} min (${jobs.length} done), goal ${goalSeconds} s, ` +
      `a boot takes ${mean(boots).toFixed(2)} s (${boots.length} of them) and a stop ${mean(stops).toFixed(2)} s, a look every ${periodSeconds} s, at most ${mostWorkers} workers\n`,
  );
  const row = (name: string, side: Side): string[] => [
    name,
    `${side.costSeconds.toFixed(0)} s`,
    percent(side.lateShare),
    `${side.p50.toFixed(1)} s`,
    `${side.p95.toFixed(1)} s`,
  ];
  console.log(
    table(
      ['', 'worker-seconds', 'late', 'p50', 'p95'],
      [
        row('reality', real),
        row('simulated', simulated),
        ['difference', signed(differences.cost), signed(differences.late), '', ''],
      ],
    ),
  );
  if (values.json) console.log(JSON.stringify({ real, simulated, differences }));
}

/** With the moments and the times of the real run. @param phaseSeconds between the last look at nothing and the first job */
function traceOf(jobs: Real['jobs'], phaseSeconds = 0): Trace {
  const first = Math.min(...jobs.map(({ sentAt }) => sentAt));
  // The real run began with some looks at nothing.
  const shift = first / 1_000 - 3 * periodSeconds - phaseSeconds;
  return sorted(
    'agreement',
    Float64Array.from(jobs, ({ sentAt }) => sentAt / 1_000 - shift),
    Float64Array.from(jobs, ({ startedAt, endedAt }) => (endedAt - startedAt) / 1_000),
  );
}

/**
 * Nobody knows how the looks of the real controller lay between the jobs, and a look half a period sooner decides about some late
 * jobs more or fewer. So it is simulated with looks at twenty moments of the period; the means stand for all.
 */
function simulate(jobs: Real['jobs'], bootSeconds: number, stopSeconds: number): Side {
  const world = {
    ...defaultWorld,
    goalSeconds,
    bootSeconds,
    stopSeconds,
    periodSeconds,
    maximum: mostWorkers,
  };
  const scores = Array.from({ length: phases }, (_, phase) =>
    runWorld(traceOf(jobs, (phase * periodSeconds) / phases), replay(world), world).score(),
  );
  const lates = scores.map(({ lateShare }) => lateShare);
  process.stderr.write(
    `simulated late shares, by the moment of the looks: ${percent(Math.min(...lates))} to ${percent(Math.max(...lates))}\n`,
  );
  return {
    costSeconds: mean(scores.map(({ costSeconds }) => costSeconds)),
    lateShare: mean(lates),
    p50: mean(scores.map(({ p50 }) => p50)),
    p95: mean(scores.map(({ p95 }) => p95)),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function signed(share: number): string {
  return `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)} %`;
}
