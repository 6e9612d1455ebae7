/**
 * Where the demo plays: a folder, a broker, free ports, and a headcount.yaml as a person would write it. The processes of the
 * fleet get the broker's address by the environment, as in any deployment.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { type Config, loadConfig } from '../../server/config.ts';
import { HeadcountError } from '../../server/errors.ts';
import { packageFolder } from '../place.ts';
import { type DemoHeroku, herokuApp, startDemoHeroku } from './heroku.ts';

export interface Stage {
  readonly config: Config;
  /** Where the local fleet keeps its records. */
  readonly fleetFolder: string;
  readonly webUrl: string;
  readonly run: string;
  /** Where the processes run with `--fleet heroku-fake`. */
  readonly heroku?: DemoHeroku;
  untilWebAnswers(limitMs: number, signal: AbortSignal): Promise<void>;
  /** Ends what it started. */
  close(): Promise<void>;
  /** Removes the folder, if it was made for this run. */
  remove(): void;
}

export interface StageOptions {
  readonly fleet?: 'local' | 'heroku-fake';
  readonly broker?: string;
  readonly workers: number;
  readonly goal: number;
  readonly port?: number;
  readonly data?: string;
}

const appName = 'catalogue';
const portsTried = 100;
const procfile = join(packageFolder, 'examples', 'catalogue', 'Procfile');

export async function prepareStage(options: StageOptions): Promise<Stage> {
  const broker = options.broker ?? 'sqlite:';
  if (!/^(sqlite:|rediss?:\/\/)/.test(broker)) throw brokerWrong(broker);
  if (broker.startsWith('redis')) await checkReachable(broker);
  const dashboard =
    options.port === undefined ? await claimPortFrom(4700) : { port: options.port, release: () => {} };
  const { port } = dashboard;
  const web = await claimPortFrom(5000);
  const webPort = web.port;
  const folder =
    options.data === undefined ? mkdtempSync(join(tmpdir(), 'headcount-demo-')) : resolve(options.data);
  mkdirSync(folder, { recursive: true });
  const run = `d${Date.now().toString(36)}${process.pid.toString(36)}`;
  const redis = broker.startsWith('redis');
  // A Redis is shared with others and with earlier runs; a file of our own is not.
  const queue = redis ? `catalogue-${run}` : 'catalogue';
  const file = broker === 'sqlite:' ? join(folder, 'broker.db') : resolve(broker.slice('sqlite:'.length));
  process.env.BROKER_URL = redis ? broker : `sqlite:${file}`;
  process.env.CATALOGUE_DB = join(folder, 'catalogue.db');
  process.env.CATALOGUE_QUEUE = queue;
  process.env.CATALOGUE_INSTANCE = run;
  const meter = redis ? { use: 'celery-redis', url: broker, queue } : { use: 'tasks-sqlite', file, queue };
  const configFile = join(folder, 'headcount.yaml');
  const heroku =
    options.fleet === 'heroku-fake'
      ? await startDemoHeroku(procfile, webPort, join(folder, 'heroku.log'))
      : undefined;
  const fleet = heroku ? herokuFleet(heroku) : localFleet(webPort);
  writeFileSync(
    configFile,
    stringify(configuration(options, port, webPort, fleet, metersFor(meter, heroku))),
  );
  const config = await loadConfig(configFile, { data: folder, env: {} });
  const webUrl = `http://127.0.0.1:${webPort}`;
  return {
    config,
    fleetFolder: join(config.data, 'fleets', appName),
    webUrl,
    run,
    ...(heroku && { heroku }),
    close: async () => heroku?.close(),
    untilWebAnswers: (limitMs, signal) => untilAnswers(`${webUrl}/health`, run, limitMs, signal),
    remove: () => {
      dashboard.release();
      web.release();
      if (options.data === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function configuration(
  { workers, goal }: StageOptions,
  port: number,
  webPort: number,
  fleet: object,
  meters: readonly object[],
): object {
  return {
    port,
    intervalSeconds: 1,
    apps: {
      [appName]: {
        url: `http://127.0.0.1:${webPort}`,
        fleet,
        managers: {
          web: { minimum: 1, maximum: 1 },
          worker: {
            minimum: 0,
            maximum: workers,
            meters,
            // Told, not learned: when chaos kills booting workers there is little to learn from.
            rules: [{ use: 'wait-goal', goalSeconds: goal, bootSeconds: 1 }],
            limits: [{ use: 'cooldown', downSeconds: 5 }, { use: 'drain-first' }],
          },
        },
      },
    },
  };
}

function localFleet(port: number): object {
  return { use: 'local', procfile, folder: packageFolder, port, graceSeconds: 10 };
}

function herokuFleet({ url, apiKey }: DemoHeroku): object {
  return { use: 'heroku', app: herokuApp, baseUrl: url, apiKey };
}

/** On Heroku the app tells what waits, as with HireFire; the broker is only needed to speak with the workers. */
function metersFor(meter: object, heroku: DemoHeroku | undefined): object[] {
  return heroku ? [{ use: 'http-info' }, { ...meter, counts: false }] : [meter];
}

/** Until our own process answers: another program may have taken the port since it was found free. */
async function untilAnswers(url: string, run: string, limitMs: number, signal: AbortSignal): Promise<void> {
  const end = Date.now() + limitMs;
  while (!signal.aborted) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) })
      .then((response) => response.json() as Promise<{ instance?: unknown }>)
      .catch(() => undefined);
    if (answer?.instance === run) return;
    if (Date.now() > end)
      throw new HeadcountError(
        'FLEET_FAILED',
        'The ingest API did not come up',
        answer ? `another program answers at ${url}` : `${url} did not answer within ${limitMs / 1000} s`,
        'Run it again; with --data FOLDER its logs stay in fleets/catalogue/logs there.',
      );
    await new Promise((done) => setTimeout(done, 100));
  }
}

interface Claim {
  readonly port: number;
  release(): void;
}

/**
 * The first free port that no other demo has claimed. Between finding it free and listening on it seconds pass, so a claim is
 * held meanwhile: a listener on the port ten thousand above, which only one process can have.
 */
async function claimPortFrom(first: number): Promise<Claim> {
  for (let port = first; port < first + portsTried; port += 1) {
    const guard = await listen(port + 10_000);
    if (guard && (await isFree(port))) return { port, release: () => void guard.close() };
    guard?.close();
  }
  throw new HeadcountError(
    'PORT_IN_USE',
    'No port is free',
    `something listens on each from ${first} to ${first + portsTried - 1}`,
    'Stop what is not needed.',
  );
}

async function isFree(port: number): Promise<boolean> {
  const probe = await listen(port);
  if (!probe) return false;
  await new Promise((closed) => probe.close(closed));
  return true;
}

async function listen(port: number): Promise<Server | undefined> {
  return await new Promise((answer) => {
    const server = createServer().once('error', () => answer(undefined));
    server.unref().listen({ port, host: '127.0.0.1', exclusive: true }, () => answer(server));
  });
}

async function checkReachable(broker: string): Promise<void> {
  const { hostname, port } = new URL(broker);
  await new Promise<void>((done, fail) => {
    const socket = connect(Number(port || 6379), hostname.replace(/^\[|\]$/g, ''));
    socket.setTimeout(3_000, () => socket.destroy(new RangeError('it did not answer within 3 s')));
    socket.once('connect', () => socket.end(() => done()));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        new HeadcountError(
          'BROKER_UNREACHABLE',
          `The broker ${hostname}:${port || 6379} cannot be reached`,
          error.code === 'ECONNREFUSED' ? 'nothing listens there' : error.message,
          'Start a Redis there, or leave --broker out: the demo then uses a file.',
        ),
      ),
    );
  });
}

function brokerWrong(broker: string): HeadcountError {
  return new HeadcountError(
    'OPTION_INVALID',
    `--broker ${broker} is no broker`,
    'jobs travel through Redis or a file',
    'Give redis://host:port/db or sqlite:file.',
  );
}
