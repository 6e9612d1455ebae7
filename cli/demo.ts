/**
 * `headcount demo`: the whole way once, on embedded defaults. A controller with its dashboard, the catalogue's ingest API under
 * the local fleet, no worker; then distributors upload bursts, and workers are hired and let go.
 *
 * Everything is real: the controller is the one that `headcount up` starts, configured by a file that is written for it; the
 * API, the workers and the distributors are processes of their own. The closing line is put together from what was
 * counted: lines that the distributors sent, rows that the catalogue holds, processes that the fleet saw.
 */
import { HeadcountError } from '../server/errors.ts';
import { type Controller, startController } from '../server/main.ts';
import { type Chaos, startChaos } from './demo/chaos.ts';
import { type LoadTotal, runLoad, type Tally } from './demo/load.ts';
import { prepareStage, type Stage } from './demo/stage.ts';
import { createTable } from './demo/table.ts';
import { readWorkerSeconds, type Verdict, verdictOf } from './demo/verdict.ts';
import { createWatch, type Watch } from './demo/watch.ts';
import { announce } from './running.ts';
import { listenForStop, type Stop } from './stop.ts';

export interface DemoOptions {
  readonly tracks: number;
  readonly catalogue?: string;
  readonly broker?: string;
  readonly workers: number;
  readonly goal: number;
  readonly seed: number;
  readonly chaos?: boolean;
  readonly exit?: boolean;
  readonly port?: number;
  readonly data?: string;
}

/** Work that does not end within this is a failure that wants to be looked at, not waited for. */
const settleLimitMs = 180_000;
const webLimitMs = 30_000;

export async function demo(options: DemoOptions): Promise<number> {
  const stop = listenForStop();
  const stage = await prepareStage(options);
  stop.onInsist(stage.remove);
  try {
    return await play(options, stage, stop);
  } finally {
    stage.remove();
    stop.release();
  }
}

async function play(options: DemoOptions, stage: Stage, stop: Stop): Promise<number> {
  const startedAt = Date.now();
  const controller = await startController({ config: stage.config, log: 'error' });
  const withdraw = announce(stage.config.data);
  stop.onInsist(withdraw);
  const watch = createWatch(controller);
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    withdraw();
    await controller.close();
  };
  try {
    greet(controller, options);
    await stage.untilWebAnswers(webLimitMs, stop.signal);
    const finished = await perform(options, stage, watch, stop);
    if (!finished) console.log('Stopping: processes get a moment to finish. Ctrl-C again to stop at once.');
    await close();
    return finished ? finish(stage, watch, finished, startedAt) : 0;
  } finally {
    await close();
  }
}

function greet(controller: Controller, { exit, chaos }: DemoOptions): void {
  console.log(`Dashboard     ${controller.url}`);
  if (controller.setUpLink) console.log(`First login   ${controller.setUpLink}`);
  console.log('In another terminal: npx headcount eval');
  if (chaos)
    console.log('Chaos: a random worker is killed with SIGKILL every second or two while work waits.');
  console.log(exit ? 'Ends when all is done and no worker is left.\n' : 'Stop with Ctrl-C.\n');
}

interface Finished {
  readonly total: LoadTotal;
  readonly killed?: number;
}

/** Undefined when somebody stopped it. */
async function perform(
  options: DemoOptions,
  stage: Stage,
  watch: Watch,
  stop: Stop,
): Promise<Finished | undefined> {
  let tally: Tally | undefined;
  const table = createTable(watch, () => tally);
  const chaos: Chaos | undefined = options.chaos
    ? startChaos(stage.fleetFolder, watch, stop.signal)
    : undefined;
  const load = (round: number): Promise<LoadTotal | undefined> =>
    runLoad(stage, { ...options, seed: options.seed + round }, stop.signal, (next) => {
      tally = next;
    });
  try {
    const total = await load(0);
    if (total && options.exit && (await settled(watch, stop)))
      return { total, ...(chaos && { killed: chaos.killed() }) };
    for (let round = 1; !stop.signal.aborted; round += 1) {
      await pause(20_000 + 20_000 * Math.random(), stop.signal);
      await load(round);
    }
    return undefined;
  } finally {
    table.end();
    chaos?.end();
  }
}

/** Until nothing waits or runs and the last worker is gone. */
async function settled(watch: Watch, stop: Stop): Promise<boolean> {
  const end = Date.now() + settleLimitMs;
  while (!watch.isQuiet()) {
    if (stop.signal.aborted) return false;
    if (Date.now() > end)
      throw new HeadcountError(
        'FLEET_FAILED',
        'The workers were not let go',
        `${watch.worker()?.current ?? 'an unknown number of'} workers were left ${settleLimitMs / 1000} s after the last line was stored`,
        'Run it again with --data FOLDER and look into the logs there.',
      );
    await pause(200, stop.signal);
  }
  return true;
}

async function finish(
  stage: Stage,
  watch: Watch,
  { total, killed }: Finished,
  startedAt: number,
): Promise<number> {
  const verdict: Verdict = verdictOf({
    total,
    peakWorkers: watch.peakWorkers(),
    finalWorkers: watch.worker()?.current ?? 0,
    workerSeconds: readWorkerSeconds(stage.fleetFolder),
    seconds: (Date.now() - startedAt) / 1000,
    ...(killed !== undefined && { killed }),
  });
  if (total.errors.length > 0) console.log('What lines were told, one example of each kind:');
  for (const { line, text, grade } of total.errors)
    console.log(`  ${grade.padEnd(8)}  line ${line}: ${text}`);
  console.log(`\n${JSON.stringify(verdict)}`);
  return verdict.lost === 0 && verdict.duplicates === 0 ? 0 : 1;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
