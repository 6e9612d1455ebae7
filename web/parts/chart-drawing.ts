/** How uPlot is told to draw: axes, lines, the level, and bands where nothing is known. */
import uPlot from 'uplot';
import type { Decision } from '../../server/api.ts';
import { clockTime, dateOf, dayOf } from '../formats.ts';
import type { Columns, Line } from './chart-data.ts';
import { type Mark, marksOf, nearest } from './chart-marks.ts';

/** A horizontal line: a goal. */
export interface Level {
  readonly value: number;
  readonly label: string;
}

/** Steps between marks that make sense in the unit, and how a mark is written. */
export interface ValueAxis {
  readonly steps: number[];
  readonly format: (value: number) => string;
}

/** What is read anew at each drawing. */
export interface Drawing {
  readonly columns: Columns;
  readonly from: number;
  readonly to: number;
  readonly level?: Level | undefined;
  readonly axis: ValueAxis;
  /** A stretch of time was drawn over, in milliseconds. */
  readonly onRange?: ((from: number, to: number) => void) | undefined;
  readonly onCursor: (index: number | undefined) => void;
  /** Decisions that stand as marks on the floor of the picture. */
  readonly marks?: readonly Decision[] | undefined;
  /** The one near the pointer, with its place from the left edge of the box. */
  readonly onMark?: ((mark: Mark | undefined) => void) | undefined;
}

const font = '11px system-ui, "Noto Sans", sans-serif';

export function draw(box: HTMLElement, lines: readonly Line[], now: () => Drawing): uPlot {
  const colour = colours(box);
  const { columns, from, to } = now();
  const options: uPlot.Options = {
    width: box.clientWidth,
    height: box.clientHeight,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: 'headcount' },
      drag: { x: now().onRange !== undefined, y: false, setScale: false, dist: 5 },
      points: { size: 7 },
      y: false,
    },
    scales: {
      x: { time: true, min: from / 1000, max: to / 1000 },
      y: { range: (_, __, most) => [0, roomFor(most, now().level?.value)] },
    },
    axes: [xAxis(colour, now), yAxis(colour, now)],
    series: [{}, ...lines.map((line) => series(line, colour(line.colour)))],
    hooks: {
      drawClear: [(plot) => drawBands(plot, now().columns, colour)],
      draw: [
        (plot) => drawLevel(plot, now().level, colour('--hc-goal')),
        (plot) => drawMarks(plot, now().marks ?? [], colour),
      ],
      setCursor: [(plot) => pointed(plot, now())],
      setSelect: [(plot) => drawnOver(plot, now())],
    },
  };
  return new uPlot(options, [columns.x, ...columns.ys], box);
}

type Colour = (variable: string) => string;

function colours(box: HTMLElement): Colour {
  const style = getComputedStyle(box);
  return (variable) => style.getPropertyValue(variable).trim();
}

/** Zero stands on the floor; the highest value and the goal have air above; an empty chart is 0 to 1. */
function roomFor(most: number | null, level: number | undefined): number {
  return Math.max(1, (most ?? 0) * 1.12, (level ?? 0) * 1.25);
}

function series(line: Line, stroke: string): uPlot.Series {
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const steps = line.look === 'steps' || line.look === 'dashed-steps';
  return {
    label: line.label,
    stroke,
    width: line.look === 'dashed-steps' ? 1.75 : 2,
    spanGaps: false,
    ...(line.look === 'dashed-steps' ? { dash: [5, 4] } : {}),
    ...(line.look === 'area' || line.look === 'steps' ? { fill: `${stroke}26` } : {}),
    ...(steps && stepped ? { paths: stepped } : {}),
    points: { show: true, size: 4, fill: stroke, filter: lonely },
  };
}

/** A value between two gaps would be an invisible line of no length; it is drawn as a dot. */
function lonely(plot: uPlot, seriesIndex: number): number[] {
  const values = plot.data[seriesIndex] ?? [];
  const alone: number[] = [];
  for (let index = 0; index < values.length; index++)
    if (values[index] != null && values[index - 1] == null && values[index + 1] == null) alone.push(index);
  return alone;
}

function xAxis(colour: Colour, now: () => Drawing): uPlot.Axis {
  return {
    font,
    stroke: colour('--hc-chart-text'),
    grid: { stroke: colour('--hc-chart-grid'), width: 1 },
    ticks: { show: false },
    size: 26,
    space: 64,
    values: (_, splits) => {
      const { from, to } = now();
      const days = (to - from) / 86_400_000;
      const format = days > 60 ? dateOf : days > 2 ? dayOf : (at: number) => clockTime(at, at);
      return splits.map((split) => format(split * 1000));
    },
  };
}

function yAxis(colour: Colour, now: () => Drawing): uPlot.Axis {
  return {
    font,
    stroke: colour('--hc-chart-text'),
    grid: { stroke: colour('--hc-chart-grid'), width: 1 },
    ticks: { show: false },
    size: 52,
    space: 26,
    incrs: now().axis.steps,
    values: (_, splits) => splits.map((split) => now().axis.format(split)),
  };
}

function drawBands(plot: uPlot, { bands }: Columns, colour: Colour): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const band of bands) {
    const left = plot.valToPos(band.from / 1000, 'x', true);
    const width = Math.max(2, plot.valToPos(band.to / 1000, 'x', true) - left);
    ctx.fillStyle = colour('--hc-unknown-soft');
    ctx.fillRect(left, bbox.top, width, bbox.height);
    hatch(ctx, left, width, bbox, colour('--hc-unknown-line'));
  }
  ctx.restore();
}

function hatch(
  ctx: CanvasRenderingContext2D,
  left: number,
  width: number,
  { top, height }: { top: number; height: number },
  stroke: string,
): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.beginPath();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = devicePixelRatio;
  for (let x = left - height; x < left + width; x += 8 * devicePixelRatio) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

function drawLevel(plot: uPlot, level: Level | undefined, stroke: string): void {
  if (!level) return;
  const { ctx, bbox } = plot;
  const y = plot.valToPos(level.value, 'y', true);
  ctx.save();
  ctx.beginPath();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** The stretch is told of; what is shown then comes from outside, so the shade goes. */
function drawnOver(plot: uPlot, { onRange }: Drawing): void {
  const { left, width } = plot.select;
  if (width <= 0) return;
  onRange?.(plot.posToVal(left, 'x') * 1000, plot.posToVal(left + width, 'x') * 1000);
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

/** Boxes are counted from the left edge of the plot without its axis; a tooltip stands within the whole box. */
function pointed(plot: uPlot, { onCursor, onMark, marks }: Drawing): void {
  const { idx, left = -1 } = plot.cursor;
  onCursor(idx ?? undefined);
  if (!onMark || !marks) return;
  const mark = left < 0 ? undefined : nearest(placed(plot, marks), left);
  onMark(mark && { ...mark, x: mark.x + plot.bbox.left / devicePixelRatio });
}

function placed(plot: uPlot, decisions: readonly Decision[]): Mark[] {
  return marksOf(decisions, (at) => plot.valToPos(at / 1000, 'x'), plot.bbox.width / devicePixelRatio);
}

const lookColours: Readonly<Record<Mark['look'], string>> = {
  grew: '--hc-accent',
  shrank: '--hc-quiet',
  failed: '--hc-bad',
  'would-grow': '--hc-accent',
  'would-shrink': '--hc-quiet',
};

/** Up, down, or a cross; hollow where nothing was done: the shape says it without the colour. */
function drawMarks(plot: uPlot, decisions: readonly Decision[], colour: Colour): void {
  const { ctx, bbox } = plot;
  const px = devicePixelRatio;
  const floor = bbox.top + bbox.height - 1 * px;
  ctx.save();
  for (const { x, look } of placed(plot, decisions)) {
    const middle = bbox.left + x * px;
    ctx.beginPath();
    const [base, tip] =
      look === 'shrank' || look === 'would-shrink' ? [floor - 8 * px, floor] : [floor, floor - 8 * px];
    if (look === 'failed') {
      ctx.moveTo(middle - 4 * px, base);
      ctx.lineTo(middle + 4 * px, tip);
      ctx.moveTo(middle + 4 * px, base);
      ctx.lineTo(middle - 4 * px, tip);
      ctx.lineWidth = 2 * px;
      ctx.strokeStyle = colour(lookColours[look]);
      ctx.stroke();
      continue;
    }
    ctx.moveTo(middle - 4 * px, base);
    ctx.lineTo(middle + 4 * px, base);
    ctx.lineTo(middle, tip);
    ctx.closePath();
    // What only would have been done is hollow.
    const hollow = look === 'would-grow' || look === 'would-shrink';
    ctx.fillStyle = colour(hollow ? '--hc-card' : lookColours[look]);
    ctx.strokeStyle = colour(hollow ? lookColours[look] : '--hc-card');
    ctx.lineWidth = px;
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}
