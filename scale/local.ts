/**
 * Runs the processes of a Procfile on this machine.
 *
 * Three parts share the work: `local/supervisor.ts`, in the controller, decides about each process; the keeper
 * (`local/keeper.ts`), a small program of its own, starts and ends them, and ends them all when the controller dies;
 * `local/remains.ts` ends what is left when both died. Running the processes as children of the controller itself was
 * the other way: simpler, and `kill -9` would leave every one of them behind.
 */
import { mkdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HeadcountError } from '../decide/errors.ts';
import type { OptionSpec, Options } from '../decide/options.ts';
import { checkDesired, type Fleet, type FleetKind, type FleetSurroundings } from './fleet.ts';
import { closed, employKeeper } from './local/employ.ts';
import { defaultTimings, type Timings } from './local/life.ts';
import { accepts } from './local/port.ts';
import { isNodeCommand, type Procfile, readProcfile, shellLine } from './local/procfile.ts';
import type { Order } from './local/protocol.ts';
import { findRemains } from './local/remains.ts';
import { supervise } from './local/supervisor.ts';

const options: readonly OptionSpec[] = [
  {
    name: 'procfile',
    label: 'Procfile',
    help: 'The file that names the process types and their commands.',
    type: 'text',
    default: 'Procfile',
  },
  {
    name: 'folder',
    label: 'Folder',
    help: 'Where the commands run. Absent: where the controller was started.',
    type: 'text',
    optional: true,
  },
  {
    name: 'port',
    label: 'First port',
    help: 'PORT of web.1; web.2 gets the next one. Other process types get their own hundred.',
    type: 'number',
    default: 5000,
    minimum: 1,
    maximum: 60_000,
  },
  {
    name: 'graceSeconds',
    label: 'Grace time',
    help: 'How long a process may take to finish its work after SIGTERM, before SIGKILL.',
    type: 'number',
    unit: 'seconds',
    default: 30,
    minimum: 0,
    maximum: 3_600,
  },
];

export const local: FleetKind = {
  use: 'local',
  title: 'This machine',
  help: 'Starts and stops the processes of a Procfile on the machine where the controller runs.',
  options,
  create: (given, surroundings) => createLocal(given, surroundings),
};

/** @throws HeadcountError PROCFILE_UNREADABLE, OPTION_INVALID, FLEET_FAILED */
export async function createLocal(
  given: Options,
  surroundings: FleetSurroundings,
  timings: Timings = defaultTimings,
): Promise<Fleet> {
  const plan = await readPlan(given, surroundings);
  const { folder, now, log } = surroundings;
  await prepareFolder(folder);
  const processTypes = [...plan.procfile.keys()];
  const remains = findRemains(folder);
  const supervisor = supervise(processTypes, {
    timings,
    now,
    log,
    accepts,
    ready: () => keeper.ready(),
    send: (order) => keeper.send(order),
    order: (type, index) => startOrder(plan, type, index),
    port: (type, index) => (type === 'web' ? portOf(plan, type, index) : undefined),
  });
  supervisor.inherit(remains.map((record) => record.name));
  const keeper = employKeeper({
    folder,
    graceMs: Number(given.graceSeconds) * 1000,
    patient: remains.length > 0,
    onNews: supervisor.hear,
    onLost: supervisor.lose,
    onClear: supervisor.clear,
  });
  if (remains.length === 0) await keeper.ready();
  let isClosed = false;
  return {
    name: 'local',
    leaving: 'named',
    async count(signal) {
      signal.throwIfAborted();
      return supervisor.formation();
    },
    async scaleTo(desired, signal, first = []) {
      signal.throwIfAborted();
      if (isClosed) throw closed();
      checkDesired('local', desired, processTypes);
      supervisor.scaleTo(desired, first);
    },
    async drain(quiet, signal) {
      signal.throwIfAborted();
      checkDesired('local', countsOf(quiet), processTypes);
      supervisor.drain(quiet);
    },
    async close() {
      isClosed = true;
      supervisor.stopAll();
      await keeper.end();
      supervisor.clear();
    },
  };
}

function countsOf(quiet: Readonly<Record<string, readonly string[]>>): Record<string, number> {
  return Object.fromEntries(Object.entries(quiet).map(([type, names]) => [type, names.length]));
}

interface Plan {
  readonly procfile: Procfile;
  readonly folder: string;
  readonly firstPort: number;
  readonly token: string;
}

async function readPlan(given: Options, { appToken }: FleetSurroundings): Promise<Plan> {
  if (process.platform === 'win32')
    throw new HeadcountError(
      'FLEET_FAILED',
      'The local fleet cannot run here',
      'Windows has no process groups and no SIGTERM',
      'Use WSL, or another fleet.',
    );
  const folder = resolve(String(given.folder ?? '.'));
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw new HeadcountError(
      'OPTION_INVALID',
      `The local fleet cannot run its commands in ${folder}`,
      'there is no such folder',
      'Check the option "folder".',
    );
  const procfile = await readProcfile(resolve(String(given.procfile)));
  return { procfile, folder, firstPort: Number(given.port), token: appToken };
}

async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: Error) => {
    throw new HeadcountError(
      'FLEET_FAILED',
      `The local fleet cannot write to ${folder}`,
      error.message,
      'Give the controller a data folder that it may write to.',
      { cause: error },
    );
  });
}

function startOrder(plan: Plan, type: string, index: number): Order & { do: 'start' } {
  const name = `${type}.${index}`;
  const command = plan.procfile.get(type) ?? '';
  const env = {
    PORT: String(portOf(plan, type, index)),
    HEADCOUNT_PROCESS: name,
    HEADCOUNT_TOKEN: plan.token,
    HIREFIRE_TOKEN: plan.token,
  };
  return {
    do: 'start',
    name,
    shell: shellLine(command),
    folder: plan.folder,
    env,
    ipc: isNodeCommand(command),
  };
}

/** As foreman counts: a hundred ports per process type in the order of the Procfile; web always has the first. */
function portOf({ procfile, firstPort }: Plan, type: string, index: number): number {
  const others = [...procfile.keys()].filter((name) => name !== 'web');
  const hundred = type === 'web' ? 0 : others.indexOf(type) + 1;
  return firstPort + 100 * hundred + index - 1;
}
