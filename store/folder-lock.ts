/**
 * One process at a time in the folder of the embedded store: PGlite does not lock it, and two of them corrupt it.
 *
 * The lock is a file with the pid and the start time of its owner. A lock whose owner is gone (kill -9, power cut) is
 * taken over at once; since the start time is compared too, another process that got the same pid later does not pass
 * for the owner. Processes of another container or machine that share the folder cannot be looked up, so the owner
 * touches the file as well, and a foreign lock counts as abandoned only after a minute without a touch. A lock of the
 * operating system would need none of this, and Node offers none.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { HeadcountError } from '../decide/errors.ts';

interface Owner {
  readonly pid: number;
  /** When the process started, as the system tells it: only ever compared for equality. */
  readonly startedAt: string;
  /** Where that pid means something: machine, boot and pid namespace. */
  readonly where: string;
  readonly lock: string;
}

const touchEveryMs = 10_000;
const abandonedAfterMs = 60_000;
const attempts = 20;
const waitMs = 50;

/** @returns what releases it. @throws HeadcountError STORE_IN_USE, naming the pid */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock');
  const lock = randomBytes(8).toString('hex');
  const mine: Owner = { pid: process.pid, startedAt: startOf(process.pid), where: where(), lock };
  for (let attempt = 1; attempt <= attempts; attempt++) {
    if (await put(path, mine)) return hold(path, mine);
    const owner = await read(path);
    if (await lives(path, owner)) throw inUse(folder, owner);
    await takeAway(path, owner);
  }
  throw inUse(folder, await read(path));
}

async function put(path: string, owner: Owner): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(owner), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function hold(path: string, mine: Owner): () => Promise<void> {
  const timer = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, touchEveryMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    if ((await read(path))?.lock === mine.lock) await rm(path, { force: true });
  };
}

async function read(path: string): Promise<Owner | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

/** A lock that cannot be read is just being written, or its writer died at that: its age tells. */
async function lives(path: string, owner: Owner | undefined): Promise<boolean> {
  if (owner?.where === where()) return startOf(owner.pid) === owner.startedAt;
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs < abandonedAfterMs;
}

/**
 * Of several that found the same dead lock, one removes it. Without the guard, a slow one would remove the fresh lock of a
 * quick one.
 */
async function takeAway(path: string, dead: Owner | undefined): Promise<void> {
  const guard = `${path}.taking`;
  try {
    await mkdir(guard);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    const made = await stat(guard).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > abandonedAfterMs) await rmdir(guard).catch(() => {});
    return await setTimeout(waitMs);
  }
  try {
    if ((await read(path))?.lock === dead?.lock) await rm(path, { force: true });
  } finally {
    await rmdir(guard);
  }
}

/** Empty when there is no such process. */
function startOf(pid: number): string {
  try {
    if (process.platform === 'linux') return startTicks(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (process.platform !== 'win32')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    process.kill(pid, 0);
    return 'alive';
  } catch {
    return '';
  }
}

/** Field 22 of proc(5); the name in field 2 may itself hold spaces and parentheses. A zombie holds no files. */
function startTicks(line: string): string {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
}

function where(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

function inUse(folder: string, owner: Owner | undefined): HeadcountError {
  const who = owner ? `process ${owner.pid}` : 'another process';
  return new HeadcountError(
    'STORE_IN_USE',
    `The store in ${folder} is in use`,
    owner?.where === where() || !owner
      ? `${who} has it open`
      : `${who} of another machine or container had it open less than a minute ago`,
    'Stop that controller first, or give this one another folder with --data.',
  );
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
