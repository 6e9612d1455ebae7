/**
 * The catalogue's database: one SQLite file that many worker processes write to, and one beside it for the API alone. SQLite
 * lets one process write at a time; with one file for all, an upload of a single track waited 40 ms in the middle for workers.
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

const uploadsSchema = `
CREATE TABLE IF NOT EXISTS uploads (
  number INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice: rows of the catalogue are known by it
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
CREATE TABLE IF NOT EXISTS malformed (
  upload INTEGER NOT NULL,
  line INTEGER NOT NULL,
  code TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (upload, line, code)
) WITHOUT ROWID;
`;

const catalogueSchema = `
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

/** How long a worker sleeps for the write lock: it has nothing else to do. The API must go on answering, see writeSoon. */
const workerWaitMs = 10_000;
const apiWaitMs = 3;
const writeLimitMs = 10_000;

/** What the workers write. @throws Problem STORE_UNREACHABLE, STORE_NEWER */
export function openCatalogue(file: string): CatalogueDatabase {
  return open(file, catalogueSchema, workerWaitMs);
}

/** What the API writes, in a file beside the catalogue. @throws Problem STORE_UNREACHABLE, STORE_NEWER */
export function openUploads(catalogueFile: string): CatalogueDatabase {
  return open(`${catalogueFile.replace(/\.db$/, '')}-uploads.db`, uploadsSchema, apiWaitMs);
}

function open(file: string, schema: string, waitMs: number): CatalogueDatabase {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const database = new Database(file, { timeout: workerWaitMs });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    migrate(database, file, schema);
    database.exec(`PRAGMA busy_timeout = ${waitMs};`);
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

/** The same without sleeping long, for the API: tries again from a timer. Rejects with SQLITE_BUSY when the lock cannot be had within ten seconds. */
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

function migrate(database: CatalogueDatabase, file: string, schema: string): void {
  const found = (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (found > version)
    throw new Problem(
      'STORE_NEWER',
      `The catalogue database ${file} is of version ${found}, and this program knows up to ${version}. Use the newer program.`,
    );
  if (found === version) return;
  inTransaction(database, () => database.exec(`${schema} PRAGMA user_version = ${version};`));
}
