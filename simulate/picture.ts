/**
 * Draws runs of several policies over the same trace as one SVG: arrivals, waiting jobs, workers and late jobs, one above the
 * other on the same axis of time. Written by hand, since a chart library brings a browser or a canvas for what is some
 * paths. There is no background, and text and colours are of medium light, so it reads on white and on black.
 *
 * A run has more checkups than the picture has pixels. They are put into bins: of waiting jobs the most of a bin is drawn, since
 * a peak that vanishes in a mean is what one looks for; of workers the mean, whose area is the bill; late jobs are added up
 * from the start, so that the height at the end is how many there were.
 */
import { number } from '../decide/wording.ts';
import { niceTicks, timeTicks } from './axes.ts';
import type { Track } from './recording.ts';
import type { Trace } from './traces.ts';

export interface Run {
  readonly name: string;
  /** Behind the name in the legend: its cost and its late jobs. */
  readonly caption: string;
  readonly track: Track;
}

export interface Scene {
  readonly title: string;
  readonly subtitle: string;
  readonly trace: Trace;
  readonly runs: readonly Run[];
}

const width = 1_000;
const left = 78;
const right = 18;
const plotWidth = width - left - right;
const panelHeight = 128;
const panelGap = 52;
const legendTop = 74;
const legendLine = 20;
const bins = 460;

/** A browser takes the first. A renderer that knows no such name takes the first that its machine has. */
const fonts = 'system-ui, Arial, Helvetica, Liberation Sans, DejaVu Sans, Noto Sans, sans-serif';

/** Of medium light, told apart by people who see no red or no green, and by their dashes. */
const colours = ['#2f7fc1', '#d9730d', '#1f9e78', '#b05fc4', '#c94f4f', '#8a8a1f', '#1b9ab0', '#a0724a'];
const dashes = ['', '7 3', '2 3', '9 3 2 3'];

interface Line {
  readonly colour: string;
  readonly dash: string;
  readonly values: readonly number[];
  readonly filled?: boolean;
}

interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** @returns a whole SVG document */
export function picture({ title, subtitle, trace, runs }: Scene): string {
  const end = Math.max(1, trace.arrivals.at(-1) ?? 0, ...runs.map(({ track }) => track.seconds.at(-1) ?? 0));
  const panels = panelsOf(trace, runs, end);
  const top = legendTop + legendLine * runs.length + 34;
  const height = top + panels.length * (panelHeight + panelGap) + 8;
  const about = `${subtitle}. ${runs.map(({ name, caption }) => `${name}: ${caption}`).join('. ')}.`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title about" font-family="${fonts}" font-size="13" fill="#777">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="about">${escaped(about)}</desc>`,
    `<text x="16" y="28" font-size="19" font-weight="600">${escaped(title)}</text>`,
    `<text x="16" y="50">${escaped(subtitle)}</text>`,
    ...runs.map(legendOf),
    ...panels.map((panel, place) => drawn(panel, top + place * (panelHeight + panelGap), end)),
    '</svg>',
    '',
  ].join('\n');
}

function panelsOf(trace: Trace, runs: readonly Run[], end: number): Panel[] {
  const each = (values: (track: Track) => number[]): Line[] =>
    runs.map(({ track }, place) => ({ ...lookOf(place), values: values(track) }));
  const perSecond = arrivalsOf(trace, end);
  return [
    {
      title: 'Arrivals, jobs per second',
      lines: [{ colour: '#888', dash: '', values: perSecond, filled: true }],
    },
    { title: 'Waiting jobs', lines: each((track) => binned(track, track.waiting, end, 'most')) },
    { title: 'Workers', lines: each((track) => binned(track, track.workers, end, 'mean')) },
    { title: 'Late jobs so far', lines: each((track) => summed(binned(track, track.late, end, 'sum'))) },
  ];
}

function lookOf(place: number): Pick<Line, 'colour' | 'dash'> {
  return {
    colour: colours[place % colours.length] ?? '#888',
    dash: dashes[place % dashes.length] ?? '',
  };
}

function legendOf({ name, caption }: Run, place: number): string {
  const y = legendTop + place * legendLine;
  const { colour, dash } = lookOf(place);
  return [
    `<line x1="16" y1="${y - 4}" x2="52" y2="${y - 4}" stroke="${colour}" stroke-width="3" stroke-dasharray="${dash}"/>`,
    `<text x="62" y="${y}"><tspan font-weight="600">${escaped(name)}</tspan>  ${escaped(caption)}</text>`,
  ].join('');
}

function drawn({ title, lines }: Panel, top: number, end: number): string {
  const ticks = niceTicks(Math.max(...lines.flatMap(({ values }) => values), 0));
  const most = ticks.at(-1) ?? 1;
  const y = (value: number): number => round(top + panelHeight * (1 - value / most));
  const times = timeTicks(end);
  return [
    `<text x="${left}" y="${top - 9}" font-weight="600">${escaped(title)}</text>`,
    ...ticks.map((value) => gridLine(value, y(value))),
    ...times.ticks.map(({ seconds, text }) => {
      const x = round(left + (plotWidth * seconds) / end);
      return `<text x="${x}" y="${top + panelHeight + 17}" text-anchor="middle" font-size="11">${text}</text>`;
    }),
    `<text x="${width - right}" y="${top - 9}" text-anchor="end" font-size="11">${times.unit}</text>`,
    ...lines.map((line) => pathOf(line, y)),
  ].join('\n');
}

function gridLine(value: number, y: number): string {
  return [
    `<line x1="${left}" y1="${y}" x2="${width - right}" y2="${y}" stroke="#888" stroke-opacity="${value === 0 ? 0.8 : 0.25}"/>`,
    `<text x="${left - 8}" y="${round(y + 4)}" text-anchor="end" font-size="11">${number(value)}</text>`,
  ].join('');
}

/** Steps, since counts do not slope. What does not change is one stroke. */
function pathOf({ colour, dash, values, filled }: Line, y: (value: number) => number): string {
  const step = plotWidth / bins;
  const moves: string[] = [`M${left} ${y(values[0] ?? 0)}`];
  for (let bin = 1; bin < values.length; bin++) {
    if (values[bin] === values[bin - 1]) continue;
    moves.push(`H${round(left + bin * step)}V${y(values[bin] ?? 0)}`);
  }
  moves.push(`H${round(left + values.length * step)}`);
  if (filled)
    return `<path d="${moves.join('')}V${y(0)}H${left}Z" fill="${colour}" fill-opacity="0.55" stroke="none"/>`;
  return `<path d="${moves.join('')}" fill="none" stroke="${colour}" stroke-width="1.6" stroke-dasharray="${dash}" stroke-linejoin="round"/>`;
}

function arrivalsOf({ arrivals }: Trace, end: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const at of arrivals) {
    const bin = binOf(at, end);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts.map((jobs) => (jobs * bins) / end);
}

/** A bin without a checkup shows what was there before it; after the last one, where the run is over, there is nothing. */
function binned(
  track: Track,
  values: readonly number[],
  end: number,
  how: 'most' | 'mean' | 'sum',
): number[] {
  const totals = new Array<number>(bins).fill(0);
  const counts = new Array<number>(bins).fill(0);
  track.seconds.forEach((at, place) => {
    const [bin, value] = [binOf(at, end), values[place] ?? 0];
    const before = totals[bin] ?? 0;
    totals[bin] = how === 'most' ? Math.max(before, value) : before + value;
    counts[bin] = (counts[bin] ?? 0) + 1;
  });
  const last = binOf(track.seconds.at(-1) ?? 0, end);
  let before = 0;
  return totals.map((total, bin) => {
    const count = counts[bin] ?? 0;
    if (how === 'sum') return total;
    if (count > 0) before = how === 'mean' ? total / count : total;
    return bin <= last ? before : 0;
  });
}

function summed(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => {
    sum += value;
    return sum;
  });
}

function binOf(at: number, end: number): number {
  return Math.min(bins - 1, Math.floor((at / end) * bins));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
