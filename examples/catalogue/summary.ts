/** Totals over the whole catalogue, counted from its rows: the demo proves with them that nothing was lost or doubled. */
import type { CatalogueDatabase } from './store.ts';

export interface Summary {
  readonly tracks: number;
  readonly collections: number;
  /** References that more than one row carries, each row beyond the first counted: lines stored twice. */
  readonly duplicates: number;
  readonly rejected: number;
  readonly redelivered: number;
  /** Tracks that repeat another recording of the catalogue. */
  readonly matched: number;
  readonly waitP50Seconds: number | null;
  readonly waitP95Seconds: number | null;
}

type Row = Record<string, number | null>;

/**
 * @param malformed lines that the API rejected
 * @param run counts only rows whose reference begins with this and a hyphen; rejections and redeliveries are counted all
 */
export function summary(database: CatalogueDatabase, malformed: number, run: string | undefined): Summary {
  // "." follows "-", so the range holds what begins with the run's name.
  const within = run === undefined ? 'true' : 'reference >= ? AND reference < ?';
  const bounds = run === undefined ? [] : [`${run}-`, `${run}.`];
  const one = (sql: string, ...args: (string | number)[]): Row =>
    (database.prepare(sql).get(...args) ?? {}) as Row;
  const count = 'count(*) AS total, count(reference) - count(DISTINCT reference) AS twice';
  const tracks = one(
    `SELECT ${count}, count(same_as) AS matched, count(waited_ms) AS waits FROM tracks WHERE ${within}`,
    ...bounds,
  );
  const collections = one(`SELECT ${count} FROM collections WHERE ${within}`, ...bounds);
  const wait = (share: number): number | null => {
    const rank = Math.max(0, Math.ceil((tracks.waits ?? 0) * share) - 1);
    const { ms } = one(
      `SELECT waited_ms AS ms FROM tracks WHERE waited_ms IS NOT NULL AND ${within} ORDER BY ms LIMIT 1 OFFSET ?`,
      ...bounds,
      rank,
    );
    return typeof ms === 'number' ? ms / 1000 : null;
  };
  const rejected = one('SELECT coalesce(sum(rejected), 0) AS n FROM progress').n ?? 0;
  return {
    tracks: tracks.total ?? 0,
    collections: collections.total ?? 0,
    duplicates: (tracks.twice ?? 0) + (collections.twice ?? 0),
    rejected: rejected + malformed,
    redelivered: one('SELECT count(*) AS n FROM redeliveries').n ?? 0,
    matched: tracks.matched ?? 0,
    waitP50Seconds: wait(0.5),
    waitP95Seconds: wait(0.95),
  };
}
