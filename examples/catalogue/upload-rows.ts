/**
 * Uploads as rows: who receives one (a lease, so that a broken connection or a killed process never blocks a repeat), how far
 * it came, what its lines led to.
 */
import { randomUUID } from 'node:crypto';
import { type CatalogueDatabase, writeSoon } from './store.ts';

export interface Upload {
  readonly number: number;
  readonly id: string;
  readonly key: string;
  readonly state: 'receiving' | 'enqueued';
  readonly taken: number;
  readonly digest: string;
  readonly accepted: number;
  readonly malformed: number;
}

export interface Progress extends Upload {
  readonly stored: number;
  /** By the workers; `malformed` were rejected before. */
  readonly rejected: number;
  readonly matched: number;
  readonly noted: number;
}

export interface LineNote {
  readonly line: number;
  readonly code: string;
  readonly grade: 'rejected' | 'noted';
  readonly text: string;
}

/** How far an upload came with one more batch. */
export interface Taken {
  readonly taken: number;
  readonly digest: string;
  readonly accepted: number;
  readonly malformed: readonly LineNote[];
  readonly state: 'receiving' | 'enqueued';
}

export interface UploadRows {
  /** Takes the lease of a key's upload, making it when it is new; undefined while somebody else holds it. */
  lease(key: string, holder: string, now: number): Promise<Upload | undefined>;
  /** Notes that a batch is safe, and prolongs the lease. False when the lease was lost meanwhile. */
  take(upload: number, holder: string, batch: Taken, now: number): Promise<boolean>;
  /** Gives the lease back; an upload of which nothing was taken is forgotten. */
  release(upload: number, holder: string): Promise<void>;
  progress(id: string): Progress | undefined;
  progressByKey(key: string): Progress | undefined;
  notes(upload: number, afterLine: number, limit: number): LineNote[];
}

/** Longer than any batch takes; shorter than a person waits before repeating an upload. */
const leaseMs = 15_000;

export function uploadRows(database: CatalogueDatabase): UploadRows {
  const insert = database.prepare(
    `INSERT OR IGNORE INTO uploads (id, key, state, taken, digest, accepted, malformed, lease_until, created_at)
     VALUES (?, ?, 'receiving', 0, '', 0, 0, 0, ?)`,
  );
  const lease = database.prepare(
    'UPDATE uploads SET lease_by = ?, lease_until = ? WHERE key = ? AND (lease_by IS NULL OR lease_until < ?) RETURNING *',
  );
  const take = database.prepare(
    `UPDATE uploads SET taken = ?, digest = ?, state = ?, accepted = accepted + ?, malformed = malformed + ?, lease_until = ?
     WHERE number = ? AND lease_by = ?`,
  );
  const note = database.prepare(
    `INSERT OR IGNORE INTO line_notes (upload, line, code, grade, text) VALUES (?, ?, ?, 'rejected', ?)`,
  );
  const release = database.prepare('UPDATE uploads SET lease_by = NULL WHERE number = ? AND lease_by = ?');
  const forget = database.prepare('DELETE FROM uploads WHERE number = ? AND taken = 0 AND lease_by = ?');
  const progress = (by: 'id' | 'key') =>
    database.prepare(
      `SELECT u.*, coalesce(p.stored, 0) AS stored, coalesce(p.rejected, 0) AS rejected, coalesce(p.matched, 0) AS matched,
            coalesce(p.noted, 0) AS noted
     FROM uploads u LEFT JOIN progress p ON p.upload = u.number WHERE u.${by} = ?`,
    );
  const byId = progress('id');
  const byKey = progress('key');
  const notes = database.prepare(
    'SELECT line, code, grade, text FROM line_notes WHERE upload = ? AND line > ? ORDER BY line, code LIMIT ?',
  );
  return {
    lease: (key, holder, now) =>
      writeSoon(database, () => {
        insert.run(randomUUID(), key, now);
        return lease.get(holder, now + leaseMs, key, now) as Upload | undefined;
      }),
    take: (upload, holder, batch, now) =>
      writeSoon(database, () => {
        const { taken, digest, state, accepted, malformed } = batch;
        const until = now + leaseMs;
        const done = take.run(taken, digest, state, accepted, malformed.length, until, upload, holder);
        if (done.changes === 0) return false;
        for (const { line, code, text } of malformed) note.run(upload, line, code, text);
        return true;
      }),
    release: (upload, holder) =>
      writeSoon(database, () => {
        forget.run(upload, holder);
        release.run(upload, holder);
      }),
    progress: (id) => byId.get(id) as Progress | undefined,
    progressByKey: (key) => byKey.get(key) as Progress | undefined,
    notes: (upload, afterLine, limit) => notes.all(upload, afterLine, limit) as LineNote[],
  };
}
