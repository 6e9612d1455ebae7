/**
 * What is known of one app at Heroku: its formation (what was ordered) and its dynos (what there is).
 *
 * A count costs one call, the dynos. The formation is asked for again when the dynos do not fit what is known of it, or
 * after a minute. Below a reserve of calls the last count is answered again for a while, so that scaling stays possible.
 */
import type { Formation } from '../../decide/words.ts';
import type { Api } from './api.ts';
import type { Order } from './caps.ts';
import { agree, type Row, readDynos, readRows, toFormation } from './formation.ts';
import { unreachable } from './refusals.ts';

export interface HerokuApp {
  rows(maxAgeMs: number, signal: AbortSignal): Promise<readonly Row[]>;
  /** `isNew` is false when the last count is answered again. */
  count(signal: AbortSignal): Promise<{ formation: Formation; rows: readonly Row[]; isNew: boolean }>;
  order(orders: readonly Order[], signal: AbortSignal): Promise<void>;
  restart(dyno: string, signal: AbortSignal): Promise<void>;
  /** How long a count is answered again, because few calls are left. */
  spacingMs(): number;
}

const rowsTrustedMs = 60_000;
const rowsFreshMs = 1_000;
/** Of the 4,500 calls of an account: below the first many, count every 30 s; below the second, every 60. */
const reserve = [
  { below: 250, spacingMs: 60_000 },
  { below: 1_000, spacingMs: 30_000 },
];

export function openApp(api: Api, name: string, baseUrl: string, now: () => number): HerokuApp {
  const path = `/apps/${encodeURIComponent(name)}`;
  let known: { readonly rows: readonly Row[]; readonly at: number } | undefined;
  let last: { readonly formation: Formation; readonly rows: readonly Row[]; readonly at: number } | undefined;
  // What was asked before a change must not be remembered after it.
  let changes = 0;
  const changed = (): void => {
    changes += 1;
    known = undefined;
    last = undefined;
  };
  const spacingMs = (): number => {
    const left = api.remaining() ?? Number.POSITIVE_INFINITY;
    return reserve.find(({ below }) => left < below)?.spacingMs ?? 0;
  };

  async function rowsOf(maxAgeMs: number, signal: AbortSignal): Promise<readonly Row[]> {
    if (known && now() - known.at < maxAgeMs) return known.rows;
    const before = changes;
    const rows = readRows(await api.list(`${path}/formation`, signal));
    if (!rows) throw unreachable(baseUrl, 'its formation is not as documented');
    if (before === changes) known = { rows, at: now() };
    return rows;
  }

  return {
    rows: rowsOf,
    spacingMs,
    async count(signal) {
      if (last && now() - last.at < spacingMs()) return { ...last, isNew: false };
      const before = changes;
      const [trusted, listed] = await Promise.all([
        rowsOf(rowsTrustedMs, signal),
        api.list(`${path}/dynos`, signal),
      ]);
      const dynos = readDynos(listed);
      if (!dynos) throw unreachable(baseUrl, 'its list of dynos is not as documented');
      const rows = agree(trusted, dynos) ? trusted : await rowsOf(rowsFreshMs, signal);
      const formation = toFormation(rows, dynos);
      if (before === changes) last = { formation, rows, at: now() };
      return { formation, rows, isNew: true };
    },
    async order(orders, signal) {
      changed();
      try {
        const answer = await api.send('PATCH', `${path}/formation`, { updates: orders }, signal);
        const rows = Array.isArray(answer) ? readRows(answer) : undefined;
        changed();
        if (rows) known = { rows, at: now() };
      } finally {
        changes += 1;
      }
    },
    async restart(dyno, signal) {
      await api.send('DELETE', `${path}/dynos/${encodeURIComponent(dyno)}`, undefined, signal);
      changed();
    },
  };
}
