/**
 * Entries of a beat in the file of a sqlite: broker, in two tables of their own, made when a beat first needs them. Each
 * change is one transaction; one that fires an entry adds its job in the same one.
 */
import type { BeatStore, Lease, Swap, SwapResult } from '../beat/store.ts';
import type { Database, SqliteFile } from './file.ts';
import type { Jobs } from './jobs.ts';
import { jobRow } from './row.ts';

const tables = `
CREATE TABLE IF NOT EXISTS beat_entries (
  beat TEXT NOT NULL,
  name TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (beat, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS beat_leases (
  beat TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  token INTEGER NOT NULL,
  until REAL NOT NULL                -- milliseconds; the file is on one machine, so its clock is everybody's
) WITHOUT ROWID;`;

export function sqliteBeatStore(file: SqliteFile, jobs: Jobs, beat: string): BeatStore {
  const { db } = file;
  let made = false;
  const write = <T>(work: () => T): Promise<T> =>
    file.write(() => {
      if (!made) db.exec(tables);
      const result = work();
      made = true;
      return result;
    });
  return {
    lease: (holder, leaseMs) => write(() => lease(db, beat, holder, leaseMs)),
    release: (holder) =>
      write(() => {
        db.prepare('UPDATE beat_leases SET until = 0 WHERE beat = ? AND holder = ?').run(beat, holder);
      }),
    read: async () => {
      if (!made) await write(() => {});
      const rows = db.prepare('SELECT name, record FROM beat_entries WHERE beat = ?').all(beat);
      return new Map((rows as { name: string; record: string }[]).map(({ name, record }) => [name, record]));
    },
    swap: (change) => write(() => swap(db, jobs, beat, change)),
  };
}

interface LeaseRow {
  readonly holder: string;
  readonly token: number;
  readonly until: number;
}

function leaseRow(db: Database, beat: string): LeaseRow | undefined {
  return db.prepare('SELECT holder, token, until FROM beat_leases WHERE beat = ?').get(beat) as
    | LeaseRow
    | undefined;
}

function lease(db: Database, beat: string, holder: string, leaseMs: number): Lease {
  const now = Date.now();
  const row = leaseRow(db, beat);
  const valid = row !== undefined && row.until > now;
  if (valid && row.holder !== holder) return { held: false, by: row.holder };
  const token = valid ? row.token : (row?.token ?? 0) + 1;
  db.prepare(`INSERT INTO beat_leases (beat, holder, token, until) VALUES (?, ?, ?, ?) ON CONFLICT (beat)
    DO UPDATE SET holder = excluded.holder, token = excluded.token, until = excluded.until`).run(
    beat,
    holder,
    token,
    now + leaseMs,
  );
  return { held: true, token };
}

function swap(db: Database, jobs: Jobs, beat: string, { name, from, to, token, send }: Swap): SwapResult {
  const now = Date.now();
  if (token !== undefined) {
    const row = leaseRow(db, beat);
    if (row?.token !== token || row.until <= now) return 'fenced';
  }
  const found = db.prepare('SELECT record FROM beat_entries WHERE beat = ? AND name = ?').get(beat, name);
  if ((found as { record: string } | undefined)?.record !== from) return 'changed';
  if (to === undefined) db.prepare('DELETE FROM beat_entries WHERE beat = ? AND name = ?').run(beat, name);
  else
    db.prepare(`INSERT INTO beat_entries (beat, name, record) VALUES (?, ?, ?)
      ON CONFLICT (beat, name) DO UPDATE SET record = excluded.record`).run(beat, name, to);
  if (send)
    jobs.add(
      send.queue,
      send.messages.map((message) => jobRow(message, now)),
      now,
    );
  return 'done';
}
