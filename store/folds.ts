/**
 * The SQL that makes one row of many points. A part is a row of any grain in one shape: sums, how many checkups knew each
 * number, and the largest age. Parts add up exactly, so an hour made of minutes equals the hour made of its points;
 * means do not, which is why roll-ups keep sums.
 */
import { type RawBuilder, sql } from 'kysely';
import type { Point } from './store.ts';
import { present } from './values.ts';

export const minuteMs = 60_000;
export const hourMs = 3_600_000;

/** How long each grain, and a decision, is kept. */
export const keptMs = {
  raw: 6 * hourMs,
  minute: 7 * 24 * hourMs,
  hour: 400 * 24 * hourMs,
  decisions: 400 * 24 * hourMs,
} as const;

/** Numbers that a checkup may not know. */
const unsure = ['waiting', 'running', 'later', 'slots'];
/** Numbers that every checkup knows. */
const sure = ['current', 'desired', 'unknown'];

/** Columns of a part besides manager_id and at, in the order of the two expressions below. */
export const partColumns = raw([
  'checkups',
  ...unsure.flatMap((name) => [`${name}_sum`, `${name}_known`]),
  'oldest_seconds',
  ...sure.map((name) => `${name}_sum`),
]);

/** A row of `points` as a part. */
export const pointAsPart = raw([
  '1 as checkups',
  ...unsure.flatMap((name) => [`${name} as ${name}_sum`, `(${name} is not null)::int as ${name}_known`]),
  'oldest_seconds',
  ...sure.map((name) => `${name} as ${name}_sum`),
]);

/** Several parts as one. */
export const foldedParts = raw([
  'sum(checkups)::int as checkups',
  ...unsure.flatMap((name) => [
    `sum(${name}_sum) as ${name}_sum`,
    `sum(${name}_known)::int as ${name}_known`,
  ]),
  'max(oldest_seconds) as oldest_seconds',
  ...sure.map((name) => `sum(${name}_sum) as ${name}_sum`),
]);

/** A part as what is charted: means over the checkups that knew. */
export const partAsPoint = raw([
  ...unsure.map((name) => `${name}_sum / nullif(${name}_known, 0) as ${name}`),
  'oldest_seconds',
  ...sure.map((name) => `${name}_sum / checkups as ${name}`),
]);

/** `column = excluded.column` for each of them. */
export const replacedParts = raw(
  [
    ...['checkups', ...unsure.flatMap((name) => [`${name}_sum`, `${name}_known`]), 'oldest_seconds'],
    ...sure.map((name) => `${name}_sum`),
  ].map((name) => `${name} = excluded.${name}`),
);

function raw(columns: readonly string[]): RawBuilder<unknown> {
  return sql.raw(columns.join(', '));
}

export interface PointRow {
  readonly at: number;
  readonly waiting: number | null;
  readonly running: number | null;
  readonly later: number | null;
  readonly slots: number | null;
  readonly oldest_seconds: number | null;
  readonly current: number;
  readonly desired: number;
  readonly unknown: number;
}

export function toPoint(row: PointRow): Point {
  const { waiting, running, later, slots, oldest_seconds: oldestSeconds } = row;
  return {
    at: row.at,
    ...present({ waiting, running, later, oldestSeconds, slots }),
    current: row.current,
    desired: row.desired,
    unknown: row.unknown,
  };
}
