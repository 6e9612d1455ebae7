/** The live table: one row, drawn in place on a terminal; elsewhere a plain line every two seconds in which something changed. */
import type { Tally } from './load.ts';
import type { Watch } from './watch.ts';

export interface Table {
  end(): void;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const headings = ['time', 'waiting', 'running', 'workers', 'oldest wait', 'stored', 'sent'];
const widths = [7, 9, 8, 9, 12, 10, 10];

export function createTable(
  watch: Watch,
  tally: () => Tally | undefined,
  output: Output = process.stdout,
): Table {
  const startedAt = Date.now();
  const live = output.isTTY === true;
  const rows = (): string[] => [
    row(headings),
    row(cells(watch, tally(), Date.now() - startedAt)),
    watch.sentence(),
  ];
  let drawn = 0;
  let last = '';
  let lastSentence: string | undefined = '';
  const draw = (): void => {
    if (live) {
      const width = Math.max(20, (output.columns ?? 80) - 1);
      const lines = rows().map((line) => line.slice(0, width));
      output.write(
        `${drawn > 0 ? `\u001b[${drawn}A` : ''}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`,
      );
      drawn = lines.length;
      return;
    }
    const [heading, numbers, sentence] = rows();
    const said = `${numbers?.slice(widths[0])}${sentence}`;
    if (said === last) return;
    const reason = sentence === lastSentence ? '' : `\n        ${sentence}`;
    output.write(`${last === '' ? `${heading}\n` : ''}${numbers}${reason}\n`);
    last = said;
    lastSentence = sentence;
  };
  const timer = setInterval(draw, live ? 250 : 2_000);
  draw();
  return {
    end: () => {
      clearInterval(timer);
      draw();
    },
  };
}

/** Unknown is shown as "?", never as zero. */
function cells(watch: Watch, tally: Tally | undefined, sinceMs: number): string[] {
  const point = watch.worker();
  const workers =
    point === undefined
      ? '?'
      : point.current === point.desired
        ? String(point.current)
        : `${point.current} -> ${point.desired}`;
  return [
    `${Math.round(sinceMs / 1000)} s`,
    count(point?.waiting),
    count(point?.running),
    workers,
    point?.oldestSeconds === undefined
      ? point?.waiting === 0
        ? '-'
        : '?'
      : `${point.oldestSeconds.toFixed(1)} s`,
    count(tally?.stored ?? 0),
    count((tally?.tracks ?? 0) + (tally?.collections ?? 0)),
  ];
}

function count(value: number | undefined): string {
  return value === undefined ? '?' : value.toLocaleString('en');
}

function row(columns: readonly string[]): string {
  return columns.map((text, at) => text.padStart(widths[at] ?? 10)).join('');
}
