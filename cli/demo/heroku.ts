/**
 * The fake Heroku of `--fleet heroku-fake`, as a program of its own: its dynos are real processes of the catalogue's Procfile.
 * It runs in a session of its own, so Ctrl-C does not reach it, and ends its dynos when we end, however we ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { HeadcountError } from '../../server/errors.ts';
import { packageFolder } from '../place.ts';

export interface DemoHeroku {
  /** Of the Platform API. */
  readonly url: string;
  /** Of the router, which passes requests to the web dynos. */
  readonly routerUrl: string;
  readonly apiKey: string;
  /** As `heroku config:set`; the dynos restart with it. */
  configure(config: Readonly<Record<string, string>>): Promise<void>;
  stats(): Promise<HerokuStats>;
  /** Ends its dynos, with their grace time, then itself. */
  close(): Promise<void>;
}

export interface HerokuStats {
  /** Formation changes that were accepted. */
  readonly scaleCalls: number;
  /** Jobs that processes were working on when they were killed. */
  readonly killedRunning: number;
  /** Seconds that dynos lived, by process type. */
  readonly dynoSeconds: Readonly<Record<string, number>>;
}

const closeLimitMs = 45_000;
const callLimitMs = 10_000;
export const herokuApp = 'catalogue';

/** @throws HeadcountError FLEET_FAILED */
export async function startDemoHeroku(
  procfile: string,
  routerPort: number,
  logFile: string,
): Promise<DemoHeroku> {
  const program = join(packageFolder, 'dist', 'examples', 'heroku-fake', 'main.js');
  const flags = [
    '--app',
    herokuApp,
    '--procfile',
    procfile,
    '--folder',
    packageFolder,
    '--boot-seconds',
    '0.5',
  ];
  const args = [
    '--enable-source-maps',
    program,
    ...flags,
    '--port',
    '0',
    '--router-port',
    String(routerPort),
  ];
  const log = openSync(logFile, 'w');
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', log, 'ipc'] });
  const gone = new Promise<void>((resolve) =>
    child.once('exit', () => resolve()).once('error', () => resolve()),
  );
  const { url, routerUrl, apiKey } = await firstLine(child, gone, logFile);
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const headers = {
      accept: 'application/vnd.heroku+json; version=3',
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
    };
    const signal = AbortSignal.timeout(callLimitMs);
    const asked = { method, headers, signal, ...(body && { body: JSON.stringify(body) }) };
    return await (await fetch(`${url}${path}`, asked)).json();
  };
  return {
    url,
    routerUrl,
    apiKey,
    configure: async (config) => void (await call('PATCH', `/apps/${herokuApp}/config-vars`, config)),
    stats: async () => (await call('GET', '/fake/stats')) as HerokuStats,
    close: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), closeLimitMs);
      await gone;
      clearTimeout(timer);
    },
  };
}

interface FirstLine {
  readonly url: string;
  readonly routerUrl: string;
  readonly apiKey: string;
}

async function firstLine(child: ChildProcess, gone: Promise<void>, logFile: string): Promise<FirstLine> {
  const lines = child.stdout && createInterface({ input: child.stdout });
  const line = new Promise<string>((resolve) => lines?.once('line', resolve));
  const text = await Promise.race([line, gone]);
  if (typeof text === 'string') return JSON.parse(text) as FirstLine;
  throw new HeadcountError(
    'FLEET_FAILED',
    'The fake Heroku did not start',
    `it ended at once; its words stand in ${logFile}`,
    'Build the project with npm run build, and run it again with --data FOLDER to keep the file.',
  );
}
