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
  /** Gives the lease back; an upload that nothing was tried with is forgotten. */
  release(upload: number, holder: string, untouched: boolean): Promise<void>;
  /** Lines of all uploads that were malformed. */
  malformed(): number;
  progress(id: string): Progress | undefined;
  progressByKey(key: string): Progress | undefined;
  notes(upload: number, afterLine: number, limit: number): LineNote[];
}

/** Longer than any batch takes; shorter than a person waits before repeating an upload. */
const leaseMs = 15_000;

/** @param uploads what the API writes @param catalogue what the workers write; only read here, so never waited for */
export function uploadRows(uploads: CatalogueDatabase, catalogue: CatalogueDatabase): UploadRows {
  const sql = prepare(uploads);
  const byId = uploads.prepare('SELECT * FROM uploads WHERE id = ?');
  const byKey = uploads.prepare('SELECT * FROM uploads WHERE key = ?');
  const progress = catalogue.prepare(
    'SELECT stored, rejected, matched, noted FROM progress WHERE upload = ?',
  );
  const notes = catalogue.prepare(
    'SELECT line, code, grade, text FROM line_notes WHERE upload = ? AND line > ? ORDER BY line, code LIMIT ?',
  );
  const withProgress = (upload: Upload | undefined): Progress | undefined => {
    const nothing = { stored: 0, rejected: 0, matched: 0, noted: 0 };
    return upload && { ...nothing, ...upload, ...(progress.get(upload.number) as object | undefined) };
  };
  return {
    lease: (key, holder, now) =>
      writeSoon(uploads, () => {
        sql.insert.run(randomUUID(), key, now);
        return sql.lease.get(holder, now + leaseMs, key, now) as Upload | undefined;
      }),
    take: (upload, holder, batch, now) =>
      writeSoon(uploads, () => {
        const { taken, digest, state, accepted, malformed } = batch;
        const until = now + leaseMs;
        const done = sql.take.run(taken, digest, state, accepted, malformed.length, until, upload, holder);
        if (done.changes === 0) return false;
        for (const { line, code, text } of malformed) sql.note.run(upload, line, code, text);
        if (state === 'enqueued') sql.release.run(upload, holder);
        return true;
      }),
    release: (upload, holder, untouched) =>
      writeSoon(uploads, () => {
        if (untouched) sql.forget.run(upload, holder);
        sql.release.run(upload, holder);
      }),
    progress: (id) => withProgress(byId.get(id) as Upload | undefined),
    progressByKey: (key) => withProgress(byKey.get(key) as Upload | undefined),
    notes: (upload, afterLine, limit) => {
      const early = sql.notes.all(upload, afterLine, limit) as LineNote[];
      const late = notes.all(upload, afterLine, limit) as LineNote[];
      return [...early, ...late].sort((a, b) => a.line - b.line).slice(0, limit);
    },
    malformed: () => (sql.malformed.get() as { lines: number }).lines,
  };
}

function prepare(uploads: CatalogueDatabase) {
  return {
    insert: uploads.prepare(
      `INSERT OR IGNORE INTO uploads (id, key, state, taken, digest, accepted, malformed, lease_until, created_at)
       VALUES (?, ?, 'receiving', 0, '', 0, 0, 0, ?)`,
    ),
    lease: uploads.prepare(
      'UPDATE uploads SET lease_by = ?, lease_until = ? WHERE key = ? AND (lease_by IS NULL OR lease_until < ?) RETURNING *',
    ),
    take: uploads.prepare(
      `UPDATE uploads SET taken = ?, digest = ?, state = ?, accepted = accepted + ?, malformed = malformed + ?, lease_until = ?
       WHERE number = ? AND lease_by = ?`,
    ),
    note: uploads.prepare('INSERT OR IGNORE INTO malformed (upload, line, code, text) VALUES (?, ?, ?, ?)'),
    release: uploads.prepare('UPDATE uploads SET lease_by = NULL WHERE number = ? AND lease_by = ?'),
    forget: uploads.prepare('DELETE FROM uploads WHERE number = ? AND taken = 0 AND lease_by = ?'),
    notes: uploads.prepare(
      "SELECT line, code, 'rejected' AS grade, text FROM malformed WHERE upload = ? AND line > ? ORDER BY line, code LIMIT ?",
    ),
    malformed: uploads.prepare('SELECT coalesce(sum(malformed), 0) AS lines FROM uploads'),
  };
}
