/**
 * From checkups to what a chart draws. Pure.
 *
 * An absent number is a gap, never a zero. Where a reading was unknown, and where no checkup took place for longer than
 * three of them usually take, there is a band. Joining the neighbours with a line was rejected: it would show
 * numbers that nobody measured.
 */
import type { Point } from '../../server/api.ts';
import { clockTime, plural, seconds } from '../formats.ts';

export interface Line {
  readonly label: string;
  /** The CSS variable with its colour. */
  readonly colour: string;
  readonly of: (point: Point) => number | undefined;
  readonly look: 'line' | 'area' | 'steps' | 'dashed-steps';
}

export interface Band {
  readonly from: number;
  readonly to: number;
}

export interface Columns {
  /** Seconds since the Unix epoch, as uPlot wants them. */
  readonly x: number[];
  /** One column per line; null is a gap. */
  readonly ys: (number | null)[][];
  /** Where an absent value was unknown, and not just told by nobody. */
  readonly unknown: boolean[];
  /** Milliseconds. */
  readonly bands: Band[];
}

export function columnsOf(points: readonly Point[], lines: readonly Line[], to: number): Columns {
  const usualMs = usualStep(points);
  const rows: { at: number; point?: Point }[] = [];
  const bands: Band[] = [];
  points.forEach((point, index) => {
    const before = points[index - 1];
    if (before && point.at - before.at > usualMs * 3) {
      rows.push({ at: before.at + 1 });
      bands.push({ from: before.at, to: point.at });
    }
    rows.push({ at: point.at, point });
    if (point.unknown > 0) bands.push({ from: point.at - usualMs / 2, to: point.at + usualMs / 2 });
  });
  const last = points.at(-1);
  if (last && to - last.at > usualMs * 3) bands.push({ from: last.at, to });
  return {
    x: rows.map((row) => row.at / 1000),
    ys: lines.map((line) => rows.map((row) => (row.point ? (line.of(row.point) ?? null) : null))),
    unknown: rows.map((row) => row.point === undefined || row.point.unknown > 0),
    bands: merged(bands),
  };
}

/** The median distance between points; 10 s while there are too few to tell. */
function usualStep(points: readonly Point[]): number {
  const steps = points.slice(1).map((point, index) => point.at - (points[index]?.at ?? point.at));
  steps.sort((a, b) => a - b);
  return steps.length < 3 ? 10_000 : (steps[Math.floor(steps.length / 2)] ?? 10_000);
}

function merged(bands: readonly Band[]): Band[] {
  const result: Band[] = [];
  for (const band of [...bands].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && band.from <= last.to)
      result[result.length - 1] = { from: last.from, to: Math.max(last.to, band.to) };
    else result.push(band);
  }
  return result;
}

/** What the picture shows, in words, for whoever does not see it. */
export function summaryOf(
  points: readonly Point[],
  lines: readonly Line[],
  format: (value: number | undefined) => string,
  columns: Columns,
  now: number,
): string {
  const last = points.at(-1);
  if (!last) return 'No checkups in this time.';
  const said = lines.map((line) => {
    const highest = points.reduce<{ at: number; value: number } | undefined>((most, point) => {
      const value = line.of(point);
      return value !== undefined && (most === undefined || value > most.value)
        ? { at: point.at, value }
        : most;
    }, undefined);
    const peak = highest ? `, highest ${format(highest.value)} at ${clockTime(highest.at, now)}` : '';
    return `${line.label}: now ${format(line.of(last))}${peak}`;
  });
  const unknownMs = columns.bands.reduce((sum, band) => sum + band.to - band.from, 0);
  const gaps =
    unknownMs > 0
      ? ` Unknown for about ${seconds(unknownMs / 1000)} in ${plural(columns.bands.length, 'stretch', 'stretches')}.`
      : '';
  return `${said.join('; ')}.${gaps}`;
}
