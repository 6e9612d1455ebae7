/**
 * A folder with a Procfile and a real program for tests of the local fleet. The program behaves as its flags say:
 *
 *   --silent        never reports over IPC                 --crash       prints a line and ends with code 3
 *   --busy=1,3      worker.1 and worker.3 report a job     --stubborn    ignores SIGTERM
 *   --finish=<f>    on SIGTERM waits until the file is there
 *   --child         starts a child that ignores SIGTERM and prints "child <pid>"
 *   --listen=<f>    listens on $PORT as soon as the file is there
 *   --environment   prints what it was given
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Process } from '../decide/words.ts';
import type { Fleet, FleetSurroundings } from '../scale/fleet.ts';
import type { Timings } from '../scale/local/life.ts';
import { defaultTimings } from '../scale/local/life.ts';
import type { ProcessRecord } from '../scale/local/records.ts';
import { createLocal } from '../scale/local.ts';
import { temporaryFolder } from './fixtures.ts';
import { until } from './servers.ts';

const actor = `
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
const flags = new Map(process.argv.slice(2).map((flag) => flag.replace(/^--/, '').split('=')));
const name = process.env.HEADCOUNT_PROCESS ?? '';
const soon = (condition, act) => { const timer = setInterval(() => condition() && (clearInterval(timer), act()), 10); };
const busy = (flags.get('busy') ?? '').split(',').includes(name.split('.')[1]);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {
  console.log('got ' + signal);
  if (flags.has('stubborn')) return;
  const file = flags.get('finish');
  soon(() => file === undefined || existsSync(file), () => process.exit(0));
});
process.on('message', (message) => {
  console.log('told ' + JSON.stringify(message));
  if (!flags.has('silent')) process.send({ headcount: { running: busy ? 1 : 0, slots: 1, quiet: message.headcount === 'drain' } });
});
if (flags.has('crash')) { console.error('out of luck'); process.exit(3); }
if (flags.has('child')) {
  const code = 'process.on("SIGTERM", () => {}); console.log("child " + process.pid); setInterval(() => {}, 1000)';
  spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'inherit', 'inherit'] });
}
if (flags.has('environment')) {
  const { HEADCOUNT_TOKEN, HIREFIRE_TOKEN, PORT, NODE_CHANNEL_FD } = process.env;
  console.log('given ' + JSON.stringify({ name, HEADCOUNT_TOKEN, HIREFIRE_TOKEN, PORT, NODE_CHANNEL_FD, cwd: process.cwd() }));
}
if (flags.has('listen')) soon(() => existsSync(flags.get('listen')), () => createServer().listen(Number(process.env.PORT), '127.0.0.1'));
if (!flags.has('silent')) process.send?.({ headcount: { running: busy ? 1 : 0, slots: 2 } });
console.log('ready');
setInterval(() => {}, 1000);
`;

export interface Stage {
  /** What commands run in; `actor.mjs` stands there. */
  readonly path: string;
  /** The fleet's own folder. */
  readonly folder: string;
  readonly lines: readonly string[];
  procfile(text: string): string;
  /** Opens a fleet; all of them are closed by `clear`. */
  open(options?: Record<string, string | number>, timings?: Partial<Timings>): Promise<Fleet>;
  records(): ProcessRecord[];
  history(): { name: string; pid: number; code: number | null; signal: string | null }[];
  surroundings(): FleetSurroundings;
  /** Closes the fleets and empties the folder, for the next test. */
  clear(): Promise<void>;
  remove(): void;
}

export function setStage(): Stage {
  const { path, remove } = temporaryFolder('local');
  const folder = join(path, 'fleet');
  const lines: string[] = [];
  const opened: Fleet[] = [];
  writeFileSync(join(path, 'actor.mjs'), actor);
  const surroundings = (): FleetSurroundings => ({
    appName: 'shop',
    appToken: 'secret-token',
    folder,
    now: Date.now,
    log: (name, line) => void lines.push(`${name} | ${line}`),
  });
  return {
    path,
    folder,
    lines,
    remove,
    surroundings,
    procfile(text) {
      writeFileSync(join(path, 'Procfile'), text);
      return join(path, 'Procfile');
    },
    async open(options = {}, timings = {}) {
      const given = {
        procfile: join(path, 'Procfile'),
        folder: path,
        port: 5000,
        graceSeconds: 5,
        ...options,
      };
      const fleet = await createLocal(given, surroundings(), { ...defaultTimings, ...timings });
      opened.push(fleet);
      return fleet;
    },
    records: () => JSON.parse(read(join(folder, 'processes.json')) || '[]'),
    history: () =>
      read(join(folder, 'history.jsonl'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    async clear() {
      await Promise.all(opened.splice(0).map((fleet) => fleet.close?.()));
      lines.length = 0;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until the processes of a type look as described: `worker.1 up, worker.2 stopping`. */
export async function looks(fleet: Fleet, type: string, wanted: string): Promise<readonly Process[]> {
  let processes: readonly Process[] = [];
  let seen = '';
  await until(async () => {
    processes = (await fleet.count(new AbortController().signal))[type] ?? [];
    seen = processes.map(({ name, state }) => `${name} ${state}`).join(', ');
    return seen === wanted;
  }, `"${wanted}"`).catch((error: Error) => {
    throw new Error(`${error.message}; it is "${seen}"`);
  });
  return processes;
}

/** True while the process does anything; a zombie does not. */
export function lives(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  if (existsSync('/proc/self/stat')) return stat !== '' && !/^.*\) [ZX] /.test(stat);
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
