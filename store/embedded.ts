/**
 * Opens PGlite in a folder, in little memory.
 *
 * Two things cost memory. PostgreSQL's cache of 128 MB is cut to 16: the files are in the cache of the operating system
 * anyway. And making a new database takes a second PGlite, after which the process would stay at 680 MB resident, so
 * a child process makes it, aside, and it is moved into place when it is whole: a start that dies half-way leaves no
 * half database. A worker thread was tried for that and left 160 MB more behind.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { PGlite } from '@electric-sql/pglite';
import { HeadcountError } from '../decide/errors.ts';
import { lockFolder } from './folder-lock.ts';
import { parsers } from './parsers.ts';

export interface Embedded {
  readonly pglite: PGlite;
  close(): Promise<void>;
}

const makingTakesAtMostMs = 120_000;

/** @throws HeadcountError STORE_IN_USE, STORE_UNREACHABLE */
export async function openEmbedded(folder: string): Promise<Embedded> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw cannotOpen(folder, error);
  });
  const unlock = await lockFolder(folder);
  try {
    const database = join(folder, 'database');
    await clearHalfMade(folder);
    if (!existsSync(database)) await make(folder, database);
    const pglite = await start(database);
    return {
      pglite,
      close: async () => {
        await pglite.close();
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error instanceof HeadcountError ? error : cannotOpen(folder, error);
  }
}

/** Work on the files of a store that nobody has open; `database` is where they stand, or would. @throws HeadcountError STORE_IN_USE */
export async function withFolder<T>(folder: string, work: (database: string) => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw cannotOpen(folder, error);
  });
  const unlock = await lockFolder(folder);
  try {
    return await work(join(folder, 'database'));
  } finally {
    await unlock();
  }
}

async function start(database: string): Promise<PGlite> {
  const { PGlite } = await import('@electric-sql/pglite');
  let complaint = '';
  const opening = PGlite.create({
    dataDir: database,
    parsers,
    onStderr: (line) => {
      if (/FATAL|PANIC/.test(line)) complaint = line.replace(/^.*(FATAL|PANIC): */, '');
      return false;
    },
    startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB', '-c', 'min_wal_size=32MB'],
  });
  return await opening.catch((error: unknown) => {
    throw complaint ? cannotOpen(dirname(database), complaint) : error;
  });
}

/** Left by a start that was killed; its child may still be at work there, so what cannot go now goes next time. */
async function clearHalfMade(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('database.new'));
  for (const name of names) await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
}

async function make(folder: string, database: string): Promise<void> {
  const aside = join(folder, `database.new-${process.pid}`);
  await mkdir(aside, { mode: 0o700 });
  const library = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const program = `require(${JSON.stringify(library)}).PGlite.create(${JSON.stringify(aside)}).then((made) => made.close())`;
  await runAside(program);
  await rename(aside, database);
}

/** In a session of its own: Ctrl-C asks the controller to stop, and must not reach what it waits for. */
async function runAside(program: string): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=commonjs', '-e', program], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: makingTakesAtMostMs,
    killSignal: 'SIGKILL',
    // Without NODE_OPTIONS: what the controller preloads has no business there.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let words = '';
  child.stderr.on('data', (piece) => {
    words = `${words}${String(piece)}`.slice(-2_000);
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new RangeError(words.trim() || `its maker ended with ${signal ?? `code ${code}`}`));
    });
  });
}

function cannotOpen(folder: string, error: unknown): HeadcountError {
  const why = error instanceof Error ? error.message : String(error);
  return new HeadcountError(
    'STORE_UNREACHABLE',
    `The store in ${folder} cannot be opened`,
    why,
    'Check that the folder is writable and has space, or give another one with --data.',
    { cause: error },
  );
}
