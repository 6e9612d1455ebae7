/**
 * What workers write: one transaction per line, that stores the row or finds that an earlier delivery did.
 *
 * Candidates for "the same recording" are looked up before the transaction, so that the similarity of many is not computed while
 * other workers wait for the write lock; those that came in between have higher numbers and are looked up inside it.
 */
import { fingerprint, jaccard, type Names, shinglesOf } from './fingerprint.ts';
import { matchKey, sortKey } from './normalise.ts';
import { type CatalogueDatabase, inTransaction } from './store.ts';
import type { Collection, Note, Track } from './validate.ts';

export interface Delivery {
  readonly upload: number;
  readonly line: number;
  readonly redelivered: boolean;
  /** From enqueuing to the start of the work; absent when the broker does not know. */
  readonly waitedMs?: number | undefined;
}

export type Outcome = 'stored' | 'rejected' | 'found';

export interface TrackRows {
  storeTrack(delivery: Delivery, track: Track, notes: readonly Note[], now: number): Outcome;
  storeCollection(delivery: Delivery, collection: Collection, notes: readonly Note[], now: number): Outcome;
  reject(delivery: Delivery, notes: readonly Note[], now: number): Outcome;
}

/** Pairs above this are called the same: found on a real catalogue, where other recordings begin to appear below 0.85. */
const sameSimilarity = 0.85;
/** Two masterings of one recording differ by less. */
const sameDurationSeconds = 10;
const maxCandidates = 40;
/** Remarks kept per upload; rejections are kept all. */
const maxRemarks = 10_000;

interface Candidate {
  readonly id: number;
  readonly title_key: string;
  readonly artist_key: string;
  readonly duration_seconds: number | null;
}

interface Match {
  readonly id: number;
  readonly similarity: number;
}

export function trackRows(database: CatalogueDatabase): TrackRows {
  const ledger = createLedger(database);
  const matcher = createMatcher(database);
  const insertTrack = database.prepare(
    `INSERT OR IGNORE INTO tracks (upload, line, reference, title, artist, album, label, isrc, duration_seconds, released,
       sort_key, title_key, artist_key, same_as, similarity, waited_ms, stored_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertCollection = database.prepare(
    `INSERT OR IGNORE INTO collections (upload, line, kind, reference, title, by, released, sort_key, members, stored_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  return {
    storeTrack: (delivery, track, notes, now) => {
      const { upload, line, waitedMs } = delivery;
      const keys = { title: matchKey(track.title), artist: matchKey(track.artist) };
      const sort = `${sortKey(track.artist)}\t${sortKey(track.title)}`;
      const { title, artist, album, label, isrc, durationSeconds, released, reference } = track;
      const search = matcher.search({ ...keys, durationSeconds });
      return inTransaction(database, () => {
        const match = search.complete();
        const row = insertTrack.run(
          ...[upload, line, reference ?? null, title, artist, album ?? null, label ?? null, isrc ?? null],
          ...[durationSeconds ?? null, released ?? null, sort, keys.title, keys.artist],
          ...[match?.id ?? null, match?.similarity ?? null, waitedMs ?? null, now],
        );
        if (row.changes === 0) return ledger.found(delivery, now);
        search.remember(Number(row.lastInsertRowid));
        return ledger.stored(delivery, match !== undefined, notes, now);
      });
    },
    storeCollection: (delivery, collection, notes, now) => {
      const { kind, reference, title, by, released, members } = collection;
      return inTransaction(database, () => {
        const row = insertCollection.run(
          ...[delivery.upload, delivery.line, kind, reference ?? null, title, by, released ?? null],
          ...[sortKey(title), JSON.stringify(members), now],
        );
        if (row.changes === 0) return ledger.found(delivery, now);
        return ledger.stored(delivery, false, notes, now);
      });
    },
    reject: (delivery, notes, now) => inTransaction(database, () => ledger.rejected(delivery, notes, now)),
  };
}

/** Progress, remarks and redeliveries; every call stands inside the line's transaction. */
function createLedger(database: CatalogueDatabase): {
  stored(delivery: Delivery, matched: boolean, notes: readonly Note[], now: number): Outcome;
  rejected(delivery: Delivery, notes: readonly Note[], now: number): Outcome;
  found(delivery: Delivery, now: number): Outcome;
} {
  const count = database.prepare(
    `INSERT INTO progress (upload, stored, rejected, matched, noted) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (upload) DO UPDATE SET stored = stored + excluded.stored, rejected = rejected + excluded.rejected,
       matched = matched + excluded.matched, noted = noted + excluded.noted
     RETURNING noted`,
  );
  const insertNote = database.prepare(
    'INSERT OR IGNORE INTO line_notes (upload, line, code, grade, text) VALUES (?, ?, ?, ?, ?)',
  );
  const redelivery = database.prepare(
    'INSERT INTO redeliveries (upload, line, found, at) VALUES (?, ?, ?, ?)',
  );

  const write = ({ upload, line }: Delivery, note: Note): boolean =>
    insertNote.run(upload, line, note.code, note.grade, note.text).changes > 0;
  const mark = ({ upload, line, redelivered }: Delivery, found: 0 | 1, now: number): void => {
    if (redelivered || found) redelivery.run(upload, line, found, now);
  };
  return {
    stored: (delivery, matched, notes, now) => {
      const row = count.get(delivery.upload, 1, 0, matched ? 1 : 0, notes.length) as { noted: number };
      if (row.noted <= maxRemarks) for (const note of notes) write(delivery, note);
      mark(delivery, 0, now);
      return 'stored';
    },
    rejected: (delivery, notes, now) => {
      const fresh = notes.filter((note) => note.grade === 'rejected').filter((note) => write(delivery, note));
      mark(delivery, fresh.length === 0 ? 1 : 0, now);
      if (fresh.length === 0) return 'found';
      count.get(delivery.upload, 0, 1, 0, 0);
      return 'rejected';
    },
    found: (delivery, now) => {
      mark(delivery, 1, now);
      return 'found';
    },
  };
}

/** Finds the track that this one repeats. */
function createMatcher(database: CatalogueDatabase): {
  search(names: Names): {
    complete(): Match | undefined;
    remember(track: number): void;
  };
} {
  const newest = database.prepare('SELECT coalesce(max(id), 0) AS id FROM tracks');
  const insertBand = database.prepare('INSERT OR IGNORE INTO bands (band, track) VALUES (?, ?)');
  const inBand = database.prepare(
    `SELECT t.id, t.title_key, t.artist_key, t.duration_seconds FROM bands b JOIN tracks t ON t.id = b.track
     WHERE b.band = ? AND b.track > ? AND t.same_as IS NULL LIMIT ${maxCandidates}`,
  );
  return {
    search: (names) => {
      const { bands, shingles } = fingerprint(names);
      const best = (after: number, soFar: Match | undefined): Match | undefined => {
        const seen = new Set<number>();
        let found = soFar;
        for (const band of bands)
          for (const candidate of inBand.all(band, after) as Candidate[]) {
            if (seen.has(candidate.id) || seen.size >= maxCandidates) continue;
            seen.add(candidate.id);
            const other = namesOf(candidate);
            if (!couldBeSame(names, other)) continue;
            const similarity = jaccard(shingles, shinglesOf(other));
            if (similarity >= sameSimilarity && similarity > (found?.similarity ?? 0))
              found = { id: candidate.id, similarity };
          }
        return found;
      };
      const before = (newest.get() as { id: number }).id;
      const early = best(0, undefined);
      return {
        complete: () => best(before, early),
        remember: (track) => {
          for (const band of bands) insertBand.run(band, track);
        },
      };
    },
  };
}

/** "Vol. 1" and "Vol. 2" are alike and never the same, and neither are a minute and an hour. */
function couldBeSame(a: Names, b: Names): boolean {
  const apart = Math.abs((a.durationSeconds ?? 0) - (b.durationSeconds ?? 0));
  if (a.durationSeconds !== undefined && b.durationSeconds !== undefined && apart > sameDurationSeconds)
    return false;
  return numbersOf(a.title) === numbersOf(b.title);
}

function numbersOf(title: string): string {
  return (title.match(/\p{N}+|\b[ivx]+\b/gu) ?? []).join(' ');
}

function namesOf(candidate: Candidate): Names {
  const { title_key: title, artist_key: artist, duration_seconds: durationSeconds } = candidate;
  return { title, artist, durationSeconds: durationSeconds ?? undefined };
}
