/** What a row may hold: no NaN, no infinity, no character that PostgreSQL refuses; and how an id looks outside. */
import { HeadcountError } from '../decide/errors.ts';
import type { Reading } from '../decide/words.ts';

/** An id as the tables have it. One that cannot be ours becomes 0, which no row has. */
export function rowId(id: string): number {
  return /^[1-9]\d{0,8}$/.test(id) ? Number(id) : 0;
}

/** Null unless it is a finite number: a chart cannot draw NaN, and unknown is never zero. */
export function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** PostgreSQL stores neither NUL nor half a surrogate pair, and a queue name or an error message may carry either. */
export function text(value: string): string {
  return value.replaceAll('\0', '\u{FFFD}').replace(/\p{Surrogate}/gu, '\u{FFFD}');
}

/** JSON for a jsonb column; numbers that are not finite are left out, since JSON would make them null. */
export function json(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'number') return Number.isFinite(inner) ? inner : undefined;
    if (typeof inner === 'string') return text(inner);
    return inner;
  });
}

/** A reading whose main number is not finite says nothing: it is stored as the unknown that it is. */
export function soundReading(reading: Reading): Reading {
  const main = mainNumber(reading);
  if (main === undefined || Number.isFinite(main)) return reading;
  return { kind: 'unknown', at: reading.at, why: `the meter answered ${main}, which is not a number` };
}

/** Leaves out what is null, as the contracts have absent members and no nulls. */
export function present<T extends object>(row: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const kept = Object.entries(row).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]?: NonNullable<T[K]> };
}

/** `code` of a PostgreSQL error; the embedded store has the same ones. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export const uniqueViolation = '23505';
export const foreignKeyViolation = '23503';

export function notFound(what: string): HeadcountError {
  return new HeadcountError(
    'NOT_FOUND',
    `There is no ${what}`,
    'it was removed or never existed',
    'Reload the list.',
  );
}

/** Turns "it points at a row that is gone" into NOT_FOUND and passes every other error on. */
export function ownerGone(what: string): (error: unknown) => never {
  return (error) => {
    throw sqlState(error) === foreignKeyViolation ? notFound(what) : error;
  };
}

function mainNumber(reading: Reading): number | undefined {
  switch (reading.kind) {
    case 'jobs':
      return reading.waiting;
    case 'requests':
      return reading.perSecond;
    case 'value':
      return reading.value;
    case 'unknown':
      return undefined;
  }
}
