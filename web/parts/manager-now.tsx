/** The state of a manager at this moment, in four numbers and the last decision. */
import type { ReactNode } from 'react';
import type { Manager } from '../../server/api.ts';
import { count, seconds } from '../formats.ts';
import { isUnknown, oldestWait } from '../manager-state.ts';
import { Value, Workers } from './badges.tsx';
import { inMaintenance } from './maintenance.tsx';
import { workersText } from './manager-row.tsx';
import { Ago, Until } from './time.tsx';

export function ManagerNow({ manager, goal }: { manager: Manager; goal: number | undefined }) {
  const { latest, unknown } = manager;
  const oldest = latest && oldestWait(latest);
  const late = goal !== undefined && oldest !== undefined && oldest > goal;
  const known = (value: number | undefined, format: (value: number) => string): string | undefined =>
    value === undefined ? undefined : format(value);
  return (
    <>
      <Notices manager={manager} />
      <dl className="tiles">
        <Tile label="Waiting" note={later(latest?.later)}>
          <Value text={known(latest?.waiting, count)} why={unknown} unknown={isUnknown(manager)} />
        </Tile>
        <Tile label="Running" note={latest?.slots === undefined ? '' : `of ${count(latest.slots)} slots`}>
          <Value text={known(latest?.running, count)} why={unknown} unknown={isUnknown(manager)} />
        </Tile>
        <Tile label="Oldest wait" late={late} note={goal === undefined ? 'no goal' : `goal ${seconds(goal)}`}>
          <Value text={known(oldest, seconds)} why={unknown} unknown={isUnknown(manager)} />
        </Tile>
        <Tile label="Workers" note={`${count(manager.minimum)} to ${count(manager.maximum)} allowed`}>
          <Value
            text={latest && workersText(latest.current, latest.desired)}
            why={unknown}
            unknown={isUnknown(manager)}
          />
          {latest && <Workers current={latest.current} desired={latest.desired} maximum={manager.maximum} />}
        </Tile>
      </dl>
    </>
  );
}

function later(value: number | undefined): string {
  return value === undefined || value === 0 ? '' : `and ${count(value)} due later`;
}

interface TileProps {
  readonly label: string;
  readonly note: string;
  readonly late?: boolean;
  readonly children: ReactNode;
}

function Tile({ label, note, late = false, children }: TileProps) {
  return (
    <div className="tile" data-late={late}>
      <dt>{label}</dt>
      <dd className="tile-value">{children}</dd>
      <dd className="tile-note">{note}</dd>
    </div>
  );
}

function Notices({ manager }: { manager: Manager }) {
  const { hold, paused, dryRun, unknown, latest, draining } = manager;
  return (
    <>
      {paused && (
        <p className="notice" data-tone="set">
          <b>Paused.</b> It measures and records, and changes nothing.
        </p>
      )}
      {dryRun && (
        <p className="notice" data-tone="set">
          <b>Dry run.</b> It measures, decides and records what it would do, and changes nothing.
        </p>
      )}
      {hold && (
        <p className="notice" data-tone="set">
          <b>
            {inMaintenance(manager) && 'In maintenance. '}Held at {count(hold.count)}
          </b>
          {hold.by ? ` by ${hold.by}` : ''}
          {hold.until === undefined ? ' until it is ended by hand.' : ' until '}
          {hold.until !== undefined && <Until at={hold.until} />}
        </p>
      )}
      {draining !== undefined && (
        <p className="notice" data-tone="set">
          <b>Letting go.</b> {sentence(draining)}
        </p>
      )}
      {(unknown !== undefined || (latest?.unknown ?? 0) > 0) && (
        <p className="notice" data-tone="unknown">
          <b>Unknown.</b> {sentence(unknown ?? 'a reading was unknown')} The number of workers does not fall
          meanwhile.
        </p>
      )}
    </>
  );
}

/** Why something is unknown comes as a clause. */
function sentence(clause: string): string {
  return `${clause.slice(0, 1).toUpperCase()}${clause.slice(1).replace(/\.$/, '')}.`;
}

/** How old the numbers are. */
export function Measured({ manager }: { manager: Manager }) {
  if (!manager.latest) return <span className="quiet">not measured yet</span>;
  return (
    <span className="quiet">
      measured <Ago at={manager.latest.at} />
    </span>
  );
}
