/** What a mark on a chart stands for, beside the pointer. The list of decisions says the same to who has no pointer. */
import type { CSSProperties } from 'react';
import { clockTime, count, plural } from '../formats.ts';
import type { Mark } from './chart-marks.ts';
import { Reasons } from './reasons.tsx';

export function MarkNote({ mark, now }: { mark: Mark; now: number }) {
  const { decision, count: together, x } = mark;
  return (
    <div className="chart-mark" style={{ '--hc-x': `${x}px` } as CSSProperties} aria-hidden>
      <p>
        <b>
          {count(decision.current)} → {count(decision.desired)}
        </b>{' '}
        <span className="quiet">{clockTime(decision.at, now, true)}</span>
      </p>
      {decision.error && <p className="decision-error">{decision.error}</p>}
      <Reasons reasons={decision.reasons} />
      {together > 1 && <p className="quiet">and {plural(together - 1, 'decision')} shortly before</p>}
    </div>
  );
}
