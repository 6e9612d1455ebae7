/**
 * The controller's end of its keeper: hires one, passes orders and news, hires another when it dies.
 *
 * Before each hiring it ends what is left of the one before (remains.ts), so two keepers never write the same files and
 * no process runs twice. A keeper that cannot be hired again is tried with growing pauses of at most 30 seconds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { HeadcountError } from '../../decide/errors.ts';
import type { News, Order } from './protocol.ts';
import { endRemains } from './remains.ts';

export interface Keeper {
  /** Resolves when a keeper is there and nothing of an earlier one is left. Rejects after `end`. */
  ready(): Promise<void>;
  /** An order to a keeper that is gone is dropped; `onLost` has then been called. */
  send(order: Order): void;
  /** Returns when the keeper has ended, with everything that it kept. */
  end(): Promise<void>;
}

export interface EmployOptions {
  readonly folder: string;
  readonly graceMs: number;
  /** Whether a first hiring that fails is tried again, as later ones are, instead of making `ready` reject. */
  readonly patient: boolean;
  onNews(news: News): void;
  /** The keeper died. What it kept is being ended; `ready` waits for that. */
  onLost(): void;
  /** Nothing is left of what an earlier keeper kept. */
  onClear(): void;
}

const longestPauseMs = 30_000;
const bootLimitMs = 15_000;

export function employKeeper(options: EmployOptions): Keeper {
  let program: ChildProcess | undefined;
  let ended = false;
  let failures = 0;
  let ready = options.patient ? hireAgain() : hire();

  async function hire(): Promise<void> {
    await endRemains(options.folder, options.graceMs);
    options.onClear();
    if (ended) throw closed();
    const hired = startKeeper(options);
    program = hired;
    await firstNews(hired, options.folder);
    failures = 0;
    hired.on('message', (news: News) => options.onNews(news));
    if (hired.exitCode !== null || hired.signalCode !== null) lost();
    else hired.once('exit', lost);
  }

  function lost(): void {
    program = undefined;
    if (ended) return;
    options.onLost();
    ready = hireAgain();
    ready.catch(() => {});
  }

  async function hireAgain(): Promise<void> {
    for (;;) {
      try {
        return await hire();
      } catch (error) {
        if (ended) throw error;
        await delay(Math.min(longestPauseMs, 500 * 2 ** failures++));
      }
    }
  }

  ready.catch(() => {});
  return {
    ready: () => ready,
    send: (order) => void (program?.connected && program.send(order, () => {})),
    async end() {
      ended = true;
      await ready.catch(() => {});
      if (program?.connected) program.send({ do: 'end' } satisfies Order, () => {});
      await exitOf(program, options.graceMs + longestPauseMs);
      await endRemains(options.folder, options.graceMs);
    },
  };
}

function startKeeper({ folder, graceMs }: EmployOptions): ChildProcess {
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const errors = openSync(join(folder, 'logs', 'keeper.log'), 'w');
  const args = ['--max-old-space-size=64', ...keeperProgram(), folder, String(graceMs), String(process.pid)];
  const program = spawn(process.execPath, args, {
    detached: true,
    stdio: ['ignore', 'ignore', errors, 'ipc'],
  });
  closeSync(errors);
  program.on('error', () => {});
  return program;
}

/** The built program beside this file. Tests run the sources as they are, so that they never meet an older build. */
function keeperProgram(): string[] {
  const built = fileURLToPath(new URL('./keeper.js', import.meta.url));
  if (existsSync(built)) return [built];
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return ['--import', loader, fileURLToPath(new URL('./keeper.ts', import.meta.url))];
}

async function firstNews(program: ChildProcess, folder: string): Promise<void> {
  const limit = new AbortController();
  const ready = new Promise<boolean>((resolve) => {
    program.once('message', () => resolve(true));
    program.once('exit', () => resolve(false));
    program.once('error', () => resolve(false));
  });
  const tooLate = delay(bootLimitMs, false, { signal: limit.signal }).catch(() => false);
  const isReady = await Promise.race([ready, tooLate]);
  limit.abort();
  if (isReady) return;
  program.kill('SIGKILL');
  throw new HeadcountError(
    'FLEET_FAILED',
    'The keeper of the local processes did not start',
    lastWords(folder) || `it gave no sign within ${bootLimitMs / 1000} s`,
    `Check that ${folder} can be written to.`,
  );
}

function lastWords(folder: string): string {
  const text = readFileSync(join(folder, 'logs', 'keeper.log'), 'utf8');
  return /^\w*Error.*$/m.exec(text)?.[0] ?? text.slice(-300).trim();
}

async function exitOf(program: ChildProcess | undefined, mostMs: number): Promise<void> {
  if (!program || program.exitCode !== null || program.signalCode !== null) return;
  const timer = setTimeout(() => program.kill('SIGKILL'), mostMs);
  await new Promise((resolve) => program.once('exit', resolve));
  clearTimeout(timer);
}

export function closed(): HeadcountError {
  return new HeadcountError(
    'FLEET_FAILED',
    'The local fleet is closed',
    'the controller is stopping',
    'Start the controller again.',
  );
}
