/**
 * A chart of time: uPlot on a canvas, with a legend in HTML that reads the values under the pointer, and a summary in
 * words. Charts of one page share their cursor. The picture is made once per theme and line set; new points
 * only replace its data, so that nothing flickers. SVG was rejected: at a week of minutes it is slow on a telephone.
 */
import { useComputedColorScheme } from '@mantine/core';
import { type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import type UPlot from 'uplot';
import type { Decision, Point } from '../../server/api.ts';
import { clockTime, plural } from '../formats.ts';
import { type Columns, columnsOf, type Line, summaryOf } from './chart-data.ts';
import { type Drawing, draw, type Level, type ValueAxis } from './chart-drawing.ts';
import { MarkNote } from './chart-mark-note.tsx';
import type { Mark } from './chart-marks.ts';

export interface ChartProps {
  readonly title: string;
  readonly points: readonly Point[];
  /** Milliseconds since the Unix epoch. */
  readonly from: number;
  readonly to: number;
  readonly lines: readonly Line[];
  readonly level?: Level | undefined;
  readonly format: (value: number | undefined) => string;
  readonly axis: ValueAxis;
  /** Decisions to be marked. */
  readonly marks?: readonly Decision[] | undefined;
  /** A stretch of time was drawn over, in milliseconds. */
  readonly onRange?: ((from: number, to: number) => void) | undefined;
}

export function Chart({ title, points, from, to, lines, level, format, axis, marks, onRange }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const columns = useMemo(() => columnsOf(points, lines, to), [points, lines, to]);
  const [index, setIndex] = useState<number>();
  const [mark, setMark] = useState<Mark>();
  const told = { onRange, onCursor: setIndex, onMark: setMark };
  useDrawing(frame, { lines, level, columns, from, to, axis, marks, ...told });
  const at = index === undefined ? undefined : columns.x[index];
  const summary = summaryOf(points, lines, format, columns, to);
  return (
    <figure className="chart">
      <figcaption>
        <h3>{title}</h3>
        <span className="chart-at">{at === undefined ? '' : clockTime(at * 1000, to, true)}</span>
        <ul className="legend" aria-hidden>
          {lines.map((line, column) => (
            <li key={line.label}>
              <i data-look={line.look} style={{ color: `var(${line.colour})` }} />
              {line.label} <b>{valueAt(columns, column, index ?? columns.x.length - 1, format)}</b>
            </li>
          ))}
          {marks && marks.length > 0 && <li>▲▼ decisions</li>}
          {level && (
            <li>
              <i data-look="level" style={{ color: 'var(--hc-goal)' }} />
              {level.label} <b>{format(level.value)}</b>
            </li>
          )}
        </ul>
      </figcaption>
      {mark && <MarkNote mark={mark} now={to} />}
      <div
        ref={frame}
        className="chart-frame"
        role="img"
        aria-label={`${title}. ${summary}${marked(marks)}`}
      />
    </figure>
  );
}

function marked(marks: ChartProps['marks']): string {
  return marks && marks.length > 0
    ? ` ${plural(marks.length, 'decision')} marked; the list has them all.`
    : '';
}

function valueAt(
  { ys, unknown }: Columns,
  column: number,
  index: number,
  format: ChartProps['format'],
): string {
  const value = ys[column]?.[index];
  if (value !== null && value !== undefined) return format(value);
  return index >= 0 && unknown[index] === false ? 'not measured' : format(undefined);
}

interface DrawingProps
  extends Pick<ChartProps, 'lines' | 'level' | 'from' | 'to' | 'axis' | 'marks' | 'onRange'> {
  readonly columns: Columns;
  readonly onCursor: (index: number | undefined) => void;
  readonly onMark: (mark: Mark | undefined) => void;
}

function useDrawing(frame: RefObject<HTMLDivElement | null>, props: DrawingProps): void {
  const scheme = useComputedColorScheme('light');
  const plot = useRef<UPlot>(null);
  const now = useRef<Drawing>(props);
  now.current = props;
  const { lines } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read anew when the theme changes
  useEffect(() => {
    const box = frame.current;
    if (!box) return;
    const made = draw(box, lines, () => now.current);
    plot.current = made;
    const fit = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height: box.clientHeight }));
    fit.observe(box);
    return () => {
      fit.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [frame, lines, scheme]);
  const { columns, from, to, level, marks } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the level and the marks are read by the drawing, which must be made again
  useEffect(() => {
    plot.current?.batch(() => {
      plot.current?.setData([columns.x, ...columns.ys], false);
      plot.current?.setScale('x', { min: from / 1000, max: to / 1000 });
    });
  }, [columns, from, to, level, marks, scheme]);
}
