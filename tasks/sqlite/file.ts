/**
 * One SQLite file, shared by many processes: opened in WAL mode, with writes that never hold the event loop for long.
 *
 * SQLite lets one connection write at a time. Its own way to wait for the lock (busy_timeout) sleeps inside the
 * process, so here it may sleep a few milliseconds only; then the write is tried again from a timer, with a random
 * pause so that no process starves, up to a limit. A thread per connection was rejected: a call to another thread
 * costs more than a write of 64 jobs.
 *
 * synchronous=NORMAL: a commit survives kill -9 of every process; a power cut may undo the last commits, never
 * corrupt the file (sqlite.org/pragma.html#pragma_synchronous). WAL needs all processes on one machine.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type Libsql from 'libsql';
import { packageMissing, TasksError, textOf } from '../errors.ts';
import { migrate } from './schema.ts';

export type Database = Libsql.Database;
export type Statement = Libsql.Statement<unknown[]>;

export interface SqliteFile {
  readonly path: string;
  readonly db: Database;
  /** Runs `work` in one write transaction; rejects with BROKER_BUSY when the lock cannot be had within the limit. */
  write<T>(work: () => T): Promise<T>;
  close(): void;
}

/** Who opens the file. A publisher may serve requests meanwhile; a consumer has jobs in reserve, and so lets others first. */
export type Role = 'publisher' | 'consumer';

interface Manners {
  /** How long the process may sleep inside SQLite at a time. */
  readonly lockWaitMs: number;
  /** The longest pause between two tries. */
  readonly pauseMs: number;
}

const mannersOf: Readonly<Record<Role, Manners>> = {
  publisher: { lockWaitMs: 3, pauseMs: 2 },
  consumer: { lockWaitMs: 1, pauseMs: 15 },
};

/** Pages of 4 KB in the log before a commit copies them into the file, were checkpoint.ts not to: 256 MB. */
const mostLogPages = 65_536;
/** How long a write is tried in all. */
const writeLimitMs = 15_000;
export async function openFile(path: string, role: Role): Promise<SqliteFile> {
  const Driver = await driver();
  const manners = mannersOf[role];
  const db = await retried(path, manners, () => open(Driver, path, manners));
  const commit = db.prepare('COMMIT') as Statement;
  return {
    path,
    db,
    write: (work) => retried(path, manners, () => transaction(db, commit, work)),
    close: () => {
      if (db.open) db.close();
    },
  };
}

async function driver(): Promise<typeof Libsql> {
  try {
    return (await import('libsql')).default;
  } catch (error) {
    throw packageMissing('libsql', 'A sqlite: broker or result store', error);
  }
}

function open(Driver: typeof Libsql, path: string, manners: Manners): Database {
  mkdirSync(dirname(path), { recursive: true });
  const db = new Driver(path, { timeout: manners.lockWaitMs });
  try {
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = ${mostLogPages}; PRAGMA temp_store = MEMORY`);
    migrate(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * BEGIN is not a prepared statement: one that finds the lock held stays half-way until it is reset, which this driver does
 * only when it runs again, and until then no other transaction of the connection can end.
 */
function transaction<T>(db: Database, commit: Statement, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    commit.run();
    return result;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Tries until it is done, fails for another reason than the lock, or the limit is over. */
async function retried<T>(path: string, { pauseMs }: Manners, attempt: () => T): Promise<T> {
  const end = Date.now() + writeLimitMs;
  for (let tries = 1; ; tries++) {
    try {
      return attempt();
    } catch (error) {
      if (error instanceof TasksError) throw error;
      if (!isBusy(error)) throw unusable(path, error);
      if (Date.now() > end) throw busy(path, error);
    }
    await pause(1 + Math.random() * Math.min(pauseMs, 2 * tries));
  }
}

function isBusy(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return (
    (typeof code === 'string' && /^SQLITE_(BUSY|LOCKED)/.test(code)) ||
    /database is locked/.test(textOf(error))
  );
}

function busy(path: string, cause: unknown): TasksError {
  return new TasksError(
    'BROKER_BUSY',
    `The file ${path} could not be written`,
    `other processes held its lock for ${writeLimitMs / 1000} s`,
    'Look for a process that keeps a transaction open, or use Redis for this load',
    { cause },
  );
}

function unusable(path: string, cause: unknown): TasksError {
  return new TasksError(
    'BROKER_UNREACHABLE',
    `The file ${path} cannot be used`,
    textOf(cause),
    'Check that the folder exists, that it can be written and that the disk is not full',
    { cause },
  );
}
