/**
 * The tables of a sqlite: broker. One row per job; partial indexes, so that each row stands in exactly one of them.
 * `queues` counts what would be dear to count: its numbers change in the same transactions as the rows.
 */
import type Libsql from 'libsql';
import { TasksError } from '../errors.ts';

/** Written to PRAGMA user_version. */
export const schemaVersion = 1;

/** jobs.state */
export const ready = 0;
export const later = 1;
export const taken = 2;

/** Consumers that take nothing new: an autoscaler writes and deletes their ids before it ends their processes. */
const resting = 'CREATE TABLE IF NOT EXISTS resting (consumer INTEGER PRIMARY KEY)';

const tables = `
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  queue TEXT NOT NULL,
  state INTEGER NOT NULL,            -- 0 ready, 1 later, 2 taken
  priority INTEGER NOT NULL,         -- 0 to 9, 0 is soonest
  due REAL NOT NULL,                 -- milliseconds: its publish time or its ETA
  consumer INTEGER,                  -- who has taken it
  deliveries INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL
);
CREATE INDEX jobs_ready ON jobs (queue, priority, due, id) WHERE state = 0;
CREATE INDEX jobs_later ON jobs (queue, due) WHERE state = 1;
CREATE INDEX jobs_taken ON jobs (consumer, queue, due) WHERE state = 2;

CREATE TABLE queues (
  queue TEXT PRIMARY KEY,
  ready INTEGER NOT NULL DEFAULT 0,  -- rows of state 0
  later INTEGER NOT NULL DEFAULT 0,  -- rows of state 1
  published_total INTEGER NOT NULL DEFAULT 0,
  started_total INTEGER NOT NULL DEFAULT 0,
  finished_total INTEGER NOT NULL DEFAULT 0,
  busy_seconds_total REAL NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE consumers (             -- one row per consumer and queue
  id INTEGER NOT NULL,
  queue TEXT NOT NULL,
  name TEXT NOT NULL,
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  born TEXT NOT NULL,                -- start time of the process, so that a reused pid is not taken for it
  slots INTEGER NOT NULL,
  running INTEGER NOT NULL DEFAULT 0,
  reserved INTEGER NOT NULL DEFAULT 0,   -- taken and not started
  reserved_since REAL,
  seen REAL NOT NULL,                -- milliseconds; renewed every second
  PRIMARY KEY (id, queue)
) WITHOUT ROWID;
CREATE TABLE consumer_ids (id INTEGER PRIMARY KEY AUTOINCREMENT);

${resting};

CREATE TABLE set_aside (
  id INTEGER PRIMARY KEY,
  queue TEXT NOT NULL,
  at REAL NOT NULL,
  error TEXT NOT NULL,
  deliveries INTEGER NOT NULL,
  message TEXT NOT NULL
);

CREATE TABLE results (
  id TEXT PRIMARY KEY,
  result TEXT NOT NULL,              -- JSON as in Celery's celery-task-meta-<id>
  expires REAL NOT NULL              -- milliseconds
) WITHOUT ROWID;
CREATE INDEX results_expires ON results (expires);
`;

/** Makes the tables in an empty file. Many processes may call it at once. */
export function migrate(db: Libsql.Database, path: string): void {
  if (versionOf(db) === schemaVersion && hasResting(db)) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    const version = versionOf(db);
    if (version > schemaVersion) throw newer(path, version);
    if (version === 0) db.exec(`${tables}; PRAGMA user_version = ${schemaVersion}`);
    db.exec(resting);
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(db: Libsql.Database): number {
  const [row] = db.pragma('user_version') as { user_version: number }[];
  return row?.user_version ?? 0;
}

/** Files of this version that were made before there was one. */
function hasResting(db: Libsql.Database): boolean {
  return db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'resting'").get() !== undefined;
}

function newer(path: string, version: number): TasksError {
  return new TasksError(
    'BROKER_NEWER',
    `The file ${path} has tables of version ${version}`,
    `this @headcount/tasks knows version ${schemaVersion} only`,
    'Update @headcount/tasks in every process that uses the file, or give a new file',
  );
}
