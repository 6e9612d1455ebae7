/**
 * The catalogue's database: one SQLite file that many worker processes write to.
 *
 * Exactly once is a property of the tables, not of the queue, which delivers at least once: a line is known by its upload and
 * number, and every table that a line leads to has that pair as a unique key. A job that comes again finds its row.
 * Progress is counted in the same transaction as the row, because counting 300,000 rows at every look is slow.
 *
 * WAL, so that readers never wait. `synchronous = NORMAL` survives kill -9 of any process; a power cut may take back the last
 * commits, which a catalogue in production would not accept (`FULL`, or PostgreSQL).
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { Problem } from './problem.ts';

export type CatalogueDatabase = Database.Database;

const version = 1;

const schema = `
CREATE TABLE IF NOT EXISTS uploads (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,              -- receiving, enqueued
  taken INTEGER NOT NULL,           -- the last line that is safe: enqueued, or written down as malformed
  digest TEXT NOT NULL,             -- of every entry up to that line
  accepted INTEGER NOT NULL,
  malformed INTEGER NOT NULL,
  lease_by TEXT,
  lease_until INTEGER NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS progress (
  upload INTEGER PRIMARY KEY,
  stored INTEGER NOT NULL DEFAULT 0,
  rejected INTEGER NOT NULL DEFAULT 0,
  matched INTEGER NOT NULL DEFAULT 0,
  noted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS tracks (
  id INTEGER PRIMARY KEY,
  upload INTEGER NOT NULL,
  line INTEGER NOT NULL,
  reference TEXT,
  title TEXT NOT NULL,
  artist TEXT NOT NULL,
  album TEXT,
  label TEXT,
  isrc TEXT,
  duration_seconds REAL,
  released TEXT,
  sort_key TEXT NOT NULL,
  title_key TEXT NOT NULL,
  artist_key TEXT NOT NULL,
  same_as INTEGER,                  -- the track that this one repeats
  similarity REAL,
  waited_ms INTEGER,
  stored_at INTEGER NOT NULL,
  UNIQUE (upload, line)
);
CREATE TABLE IF NOT EXISTS collections (
  id INTEGER PRIMARY KEY,
  upload INTEGER NOT NULL,
  line INTEGER NOT NULL,
  kind TEXT NOT NULL,
  reference TEXT,
  title TEXT NOT NULL,
  by TEXT NOT NULL,
  released TEXT,
  sort_key TEXT NOT NULL,
  members TEXT NOT NULL,
  stored_at INTEGER NOT NULL,
  UNIQUE (upload, line)
);
CREATE TABLE IF NOT EXISTS bands (
  band INTEGER NOT NULL,
  track INTEGER NOT NULL,
  PRIMARY KEY (band, track)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS line_notes (
  upload INTEGER NOT NULL,
  line INTEGER NOT NULL,
  code TEXT NOT NULL,
  grade TEXT NOT NULL,              -- rejected, noted
  text TEXT NOT NULL,
  PRIMARY KEY (upload, line, code)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS redeliveries (
  upload INTEGER NOT NULL,
  line INTEGER NOT NULL,
  found INTEGER NOT NULL,           -- 1 when the row of an earlier delivery was there
  at INTEGER NOT NULL
);
`;

/**
 * How a process waits for the write lock. A worker sleeps inside SQLite: it has nothing else to do. The API must go on
 * answering: it gives up after a moment and tries again from a timer, and leaves copying the log into the file,
 * with its fsync, to the workers.
 */
export type Manner = 'worker' | 'api';

const lockWaitMs: Readonly<Record<Manner, number>> = { worker: 10_000, api: 3 };
const writeLimitMs = 10_000;

/** @throws Problem STORE_UNREACHABLE, STORE_NEWER */
export function openDatabase(file: string, manner: Manner = 'worker'): CatalogueDatabase {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const database = new Database(file, { timeout: 10_000 });
    database.exec('PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    migrate(database, file);
    database.exec(`PRAGMA busy_timeout = ${lockWaitMs[manner]};`);
    if (manner === 'api') database.exec('PRAGMA wal_autocheckpoint = 0;');
    return database;
  } catch (error) {
    if (error instanceof Problem) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem(
      'STORE_UNREACHABLE',
      `The catalogue database ${file} cannot be opened: ${why}. Set CATALOGUE_DB to a file that can be written.`,
    );
  }
}

/** Runs `work` in one transaction that has the write lock from the start, so it never fails half-way for the lock. */
export function inTransaction<T>(database: CatalogueDatabase, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

/** The same for the API: never sleeps long. Rejects with SQLITE_BUSY when the lock cannot be had within ten seconds. */
export async function writeSoon<T>(database: CatalogueDatabase, work: () => T): Promise<T> {
  const end = Date.now() + writeLimitMs;
  for (;;) {
    try {
      return inTransaction(database, work);
    } catch (error) {
      const code = String((error as { code?: unknown } | null)?.code);
      if (!/^SQLITE_(BUSY|LOCKED)/.test(code) || Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 1 + 2 * Math.random()));
  }
}

function migrate(database: CatalogueDatabase, file: string): void {
  const found = (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (found > version)
    throw new Problem(
      'STORE_NEWER',
      `The catalogue database ${file} is of version ${found}, and this program knows up to ${version}. Use the newer program.`,
    );
  if (found === version) return;
  inTransaction(database, () => database.exec(`${schema} PRAGMA user_version = ${version};`));
}
