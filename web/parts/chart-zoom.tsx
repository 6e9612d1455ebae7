/** Zooming the charts by keyboard, and what they are zoomed to. Drawing over a chart with the pointer does the same. */
import { Button } from '@mantine/core';
import { now } from '../api.ts';
import { type Move, moved, type Range } from '../chart-range.ts';
import { clockTime } from '../formats.ts';

interface ChartZoomProps {
  readonly range: Range | undefined;
  /** What is shown where there is no range, up to now. */
  readonly spanMs: number;
  readonly onRange: (range: Range | undefined) => void;
}

const moves: readonly { readonly move: Move; readonly sign: string; readonly label: string }[] = [
  { move: 'earlier', sign: '◂', label: 'Earlier' },
  { move: 'later', sign: '▸', label: 'Later' },
  { move: 'in', sign: '+', label: 'Zoom in' },
  { move: 'out', sign: '−', label: 'Zoom out' },
];

export function ChartZoom({ range, spanMs, onRange }: ChartZoomProps) {
  const turn = (move: Move): void => {
    const at = now();
    onRange(moved(range ?? { from: at - spanMs, to: at }, move, at));
  };
  return (
    <fieldset className="chart-zoom" aria-label="Zoom">
      {moves.map(({ move, sign, label }) => (
        <Button
          key={move}
          size="compact-xs"
          variant="default"
          aria-label={label}
          title={label}
          disabled={range === undefined && move === 'later'}
          onClick={() => turn(move)}
        >
          {sign}
        </Button>
      ))}
      <span className="quiet" role="status">
        {range ? `${clockTime(range.from, now())} to ${clockTime(range.to, now())}` : ''}
      </span>
      {range && (
        <Button size="compact-xs" variant="default" onClick={() => onRange(undefined)}>
          Back to now
        </Button>
      )}
    </fieldset>
  );
}
