/** The three pictures of a manager: the work, how long it waits, and who does it. */
import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import 'uplot/dist/uPlot.min.css';
import type { Decision, Point } from '../../server/api.ts';
import { now, type Series } from '../api.ts';
import { type Range, rangeOf } from '../chart-range.ts';
import { compact, count, seconds } from '../formats.ts';
import { oldestWait } from '../manager-state.ts';
import { queries, type SpanKey, spanSeconds, spans } from '../queries.ts';
import { Chart } from './chart.tsx';
import type { Line } from './chart-data.ts';
import { ChartZoom } from './chart-zoom.tsx';
import { Failed, Loading } from './states.tsx';
import { useNow } from './time.tsx';

const work: readonly Line[] = [
  { label: 'waiting', colour: '--hc-waiting', look: 'area', of: (point) => point.waiting },
  { label: 'running', colour: '--hc-working', look: 'line', of: (point) => point.running },
];
const wait: readonly Line[] = [{ label: 'oldest wait', colour: '--hc-wait', look: 'area', of: oldestWait }];
const workers: readonly Line[] = [
  { label: 'workers', colour: '--hc-working', look: 'steps', of: (point) => point.current },
  { label: 'desired', colour: '--hc-desired', look: 'dashed-steps', of: (point) => point.desired },
];

/** There is no half job and no half worker. */
export const counted = {
  format: compact,
  steps: [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power)),
};
const timed = {
  format: seconds,
  steps: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400, 172_800],
};

interface ChartsProps {
  readonly app: string;
  readonly processType: string;
  readonly span: SpanKey;
  readonly onSpan: (span: SpanKey) => void;
  readonly goal: number | undefined;
  /** A stretch of time in place of the span. */
  readonly range: Range | undefined;
  readonly onRange: (range: Range | undefined) => void;
}

export function ManagerCharts({ app, processType, span, onSpan, goal, range, onRange }: ChartsProps) {
  const series = useQuery(queries.series(app, processType, span, range));
  const marks = useQuery(queries.marks(app, processType, span, range));
  return (
    <section aria-labelledby="charts" className="charts">
      <h2 id="charts" className="only-read">
        Charts
      </h2>
      <SegmentedControl
        aria-label="Time shown"
        size="xs"
        value={span}
        onChange={(value) => onSpan(value as SpanKey)}
        data={spans.map(({ key, label }) => ({ value: key, label }))}
      />
      <ChartZoom range={range} spanMs={spanSeconds(span) * 1000} onRange={onRange} />
      {marks.isError && (
        <Failed
          what="The decisions could not be marked"
          error={marks.error}
          retry={() => void marks.refetch()}
        />
      )}
      {series.data ? (
        <Pictures
          series={series.data}
          span={span}
          goal={goal}
          range={range}
          onRange={onRange}
          marks={marks.data?.decisions}
        />
      ) : series.isError ? (
        <Failed
          what="The charts could not be loaded"
          error={series.error}
          retry={() => void series.refetch()}
        />
      ) : (
        <Loading what="charts" />
      )}
    </section>
  );
}

interface PicturesProps extends Pick<ChartsProps, 'span' | 'goal' | 'range' | 'onRange'> {
  readonly series: Series;
  readonly marks: readonly Decision[] | undefined;
}

function Pictures({ series, span, goal, range, onRange, marks }: PicturesProps) {
  const { points } = series;
  // A chart moves by whole steps; moving it each second would only burn battery.
  const to = Math.max(useNow(span === '15m' || span === '1h' ? 5_000 : 60_000), points.at(-1)?.at ?? 0);
  const level = useMemo(() => (goal === undefined ? undefined : { value: goal, label: 'goal' }), [goal]);
  const drawnOver = (from: number, until: number): void => onRange(rangeOf(from, until, now()));
  const window = range ?? { from: to - spanSeconds(span) * 1000, to };
  const shown = { points, ...window, onRange: drawnOver };
  return (
    <>
      {points.length > 0 && !points.some(knowsWork) ? (
        <p className="chart-none">{`How much work there is, ${nobodyTells}`}</p>
      ) : (
        <Chart title="Work" {...shown} lines={work} format={count} axis={counted} />
      )}
      {points.length > 0 && !points.some(knowsWait) ? (
        <p className="chart-none">{`How long the oldest job waits, ${nobodyTells}`}</p>
      ) : (
        <Chart title="Oldest wait" {...shown} lines={wait} level={level} format={seconds} axis={timed} />
      )}
      <Chart title="Workers" {...shown} lines={workers} format={count} axis={counted} marks={marks} />
    </>
  );
}

const nobodyTells = 'no meter of this manager tells.';

/** What failed to be measured is drawn as unknown; what no meter tells needs no chart. */
function knowsWork(point: Point): boolean {
  return point.waiting !== undefined || point.running !== undefined || point.unknown > 0;
}

function knowsWait(point: Point): boolean {
  return oldestWait(point) !== undefined || point.unknown > 0;
}
