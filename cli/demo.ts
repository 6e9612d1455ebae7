/**
 * `headcount demo`: the whole way once, on embedded defaults. A controller with its dashboard, the catalogue's ingest API under
 * the local fleet, no worker; then distributors upload bursts, and workers are hired and let go.
 *
 * With `--fleet heroku-fake` the same processes are dynos of a fake Heroku: the app is asked what waits at its info endpoint,
 * formation calls hire and let go, and who goes is drained through the broker.
 *
 * Everything is real: the controller is the one that `headcount up` starts, configured by a file that is written for it; the
 * API, the workers and the distributors are processes of their own. The closing line is put together from what was
 * counted: lines that the distributors sent, rows that the catalogue holds, processes that the fleet saw.
 */
import { HeadcountError } from '../server/errors.ts';
import { type Controller, startController } from '../server/main.ts';
import { whatIf } from '../simulate/what-if.ts';
import { type Chaos, startChaos } from './demo/chaos.ts';
import { type LoadTotal, runLoad, type Tally } from './demo/load.ts';
import { prepareStage, type Stage } from './demo/stage.ts';
import { createTable } from './demo/table.ts';
import { readWorkerSeconds, type Verdict, verdictOf } from './demo/verdict.ts';
import { createWatch, type Watch } from './demo/watch.ts';
import { announce } from './running.ts';
import { listenForStop, type Stop } from './stop.ts';

export interface DemoOptions {
  readonly fleet?: 'local' | 'heroku-fake';
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
  if (options.chaos && options.fleet === 'heroku-fake') throw noChaos();
  const stop = listenForStop();
  const stage = await prepareStage(options);
  stop.onInsist(stage.remove);
  try {
    return await play(options, stage, stop);
  } finally {
    await stage.close();
    stage.remove();
    stop.release();
  }
}

async function play(options: DemoOptions, stage: Stage, stop: Stop): Promise<number> {
  const startedAt = Date.now();
  const controller = await startController({ config: stage.config, log: 'error', whatIf });
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
    greet(controller, options, stage);
    await giveToken(controller, stage);
    await stage.untilWebAnswers(webLimitMs, stop.signal);
    const finished = await perform(options, stage, watch, stop);
    if (!finished) console.log('Stopping: processes get a moment to finish. Ctrl-C again to stop at once.');
    await close();
    return finished ? finish(stage, watch, finished, startedAt) : 0;
  } finally {
    await close();
  }
}

/** What `heroku config:set HIREFIRE_TOKEN=…` does in an app of one's own. */
async function giveToken({ store }: Controller, { heroku, config }: Stage): Promise<void> {
  const app = await store.apps.get(config.apps[0]?.name ?? '');
  if (heroku && app) await heroku.configure({ HIREFIRE_TOKEN: app.token });
}

function greet(controller: Controller, { exit, chaos }: DemoOptions, { heroku }: Stage): void {
  console.log(`Dashboard     ${controller.url}`);
  if (heroku) console.log(`Fake Heroku   ${heroku.url} (key: ${heroku.apiKey})`);
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
  const heroku = await stage.heroku?.stats();
  const verdict: Verdict = verdictOf({
    total,
    peakWorkers: watch.peakWorkers(),
    finalWorkers: watch.worker()?.current ?? 0,
    workerSeconds: heroku ? (heroku.dynoSeconds.worker ?? 0) : readWorkerSeconds(stage.fleetFolder),
    seconds: (Date.now() - startedAt) / 1000,
    ...(killed !== undefined && { killed }),
    ...(heroku && { scaleCalls: heroku.scaleCalls, killedRunning: heroku.killedRunning }),
  });
  if (total.errors.length > 0) console.log('What lines were told, one example of each kind:');
  for (const { line, text, grade } of total.errors)
    console.log(`  ${grade.padEnd(8)}  line ${line}: ${text}`);
  console.log(`\n${JSON.stringify(verdict)}`);
  return verdict.lost === 0 && verdict.duplicates === 0 ? 0 : 1;
}

function noChaos(): HeadcountError {
  return new HeadcountError(
    'OPTION_INVALID',
    '--chaos and --fleet heroku-fake do not go together',
    'chaos kills processes of the local fleet; a dyno that crashes twice is started again after 20 minutes only',
    'Leave one of them out.',
  );
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
