/**
 * Keeps the log of a SQLite file short. SQLite copies the log into the file during some commit, with an fsync: 200 ms for
 * 64 MB, in which the process that happens to commit answers nobody. Here a thread of its own does it, beside others
 * who write on. Only when the log has grown very long, because somebody always writes, does it hold the lock for the
 * short rest, so that the log begins anew.
 */
import { openSync, readSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { Worker } from 'node:worker_threads';

/** So many pages of 4 KB that are not in the file yet are worth a copy. */
const pendingPages = 4_096;
/** A log of so many pages is made to begin anew: 64 MB. SQLite's own copying sets in far above (file.ts). */
const longLogPages = 16_384;
const lookEveryMs = 1_000;

/** Looks now and then until it is stopped; never keeps the process alive, never fails. */
export function keepLogShort(path: string): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const next = (): void => {
    if (stopped) return;
    // Many processes look at the same file; at random moments they seldom act at once.
    timer = setTimeout(() => void look().then(next), lookEveryMs * (0.5 + Math.random())).unref();
  };
  const look = async (): Promise<void> => {
    const log = logOf(path);
    if (log.pages - log.copied >= pendingPages) await checkpoint(path, log.pages >= longLogPages);
  };
  next();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** From the shared index of the log: sqlite.org/walformat.html, "The WAL-Index Header" and nBackfill. */
export function logOf(path: string): { pages: number; copied: number } {
  const header = Buffer.alloc(100);
  try {
    readSync(indexOf(path), header, 0, header.length, 0);
  } catch {
    return { pages: 0, copied: 0 };
  }
  const wordAt = (offset: number): number =>
    endianness() === 'LE' ? header.readUInt32LE(offset) : header.readUInt32BE(offset);
  return { pages: wordAt(16), copied: wordAt(96) };
}

/** By device and inode, which outlive a file that is replaced under its name. */
const indexes = new Map<string, number>();

/**
 * Opened once and never closed: closing any descriptor of a file drops every POSIX lock that this process holds on it,
 * those of SQLite too, and then another process takes the log's index for abandoned and empties it under our feet
 * (sqlite.org/howtocorrupt.html, "POSIX advisory locks canceled by a separate thread doing close()").
 */
function indexOf(path: string): number {
  const { dev, ino } = statSync(`${path}-shm`);
  const known = indexes.get(`${dev}:${ino}`);
  if (known !== undefined) return known;
  const index = openSync(`${path}-shm`, 'r');
  indexes.set(`${dev}:${ino}`, index);
  return index;
}

/** CommonJS as text, so that it runs from source and from the built package alike. */
const program = `
const { workerData } = require('node:worker_threads');
const Database = require(workerData.driver);
const db = new Database(workerData.path, { timeout: 50 });
try {
  db.pragma('wal_checkpoint(PASSIVE)');
  if (workerData.anew) db.pragma('wal_checkpoint(RESTART)');
} finally {
  db.close();
}`;

function checkpoint(path: string, anew: boolean): Promise<void> {
  return new Promise((resolve) => {
    const driver = createRequire(import.meta.url).resolve('libsql');
    const thread = new Worker(program, { eval: true, workerData: { path, driver, anew } });
    thread.unref();
    // A lock that is held, a file that is gone: the next look tries again.
    thread.once('error', () => resolve());
    thread.once('exit', () => resolve());
  });
}
