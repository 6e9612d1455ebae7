/**
 * Ids of jobs that nobody wants any more, as Celery keeps them: in the memory of every worker, at most 50,000
 * (celery/worker/state.py, REVOKES_MAX), the oldest forgotten first. And stamps, by which jobs are revoked in groups.
 */
export interface Revoked {
  has(id: string): boolean;
  add(id: string, atMs: number): void;
  /** With the time in milliseconds. */
  entries(): IterableIterator<[string, number]>;
  readonly size: number;
}

export const mostRevoked = 50_000;
/** Celery's REVOKE_EXPIRES. */
const forgottenAfterMs = 10_800_000;

export function revokedIds(): Revoked {
  const ids = new Map<string, number>();
  return {
    has: (id) => ids.has(id),
    add: (id, atMs) => {
      ids.delete(id);
      ids.set(id, atMs);
      for (const [oldest, at] of ids) {
        if (ids.size <= mostRevoked && at > atMs - forgottenAfterMs) break;
        ids.delete(oldest);
      }
    },
    entries: () => ids.entries(),
    get size() {
      return ids.size;
    },
  };
}
