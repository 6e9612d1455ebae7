/** One manager in a list: what waits, what runs, how long the oldest waits, how many workers there are. */
import { Link } from '@tanstack/react-router';
import { memo, type ReactNode } from 'react';
import type { Adapters, Manager } from '../../server/api.ts';
import type { OverviewManager } from '../../server/api-overview.ts';
import { count, seconds } from '../formats.ts';
import { goalOf, isUnknown, oldestWait, statesOf } from '../manager-state.ts';
import { StateBadge, Value, Workers } from './badges.tsx';
import { useNow } from './time.tsx';

interface ManagerListProps {
  readonly app: string;
  readonly managers: readonly (Manager | OverviewManager)[];
  /** What the defaults are; not needed by the overview, which brings its goals. */
  readonly adapters?: Adapters | undefined;
}

export function ManagerList({ app, managers, adapters }: ManagerListProps) {
  return (
    <ul className="managers" aria-label={`Managers of ${app}`}>
      {managers.map((manager) => (
        <ManagerRow key={manager.processType} app={app} manager={manager} adapters={adapters} />
      ))}
    </ul>
  );
}

interface ManagerRowProps {
  readonly app: string;
  readonly manager: Manager | OverviewManager;
  readonly adapters: Adapters | undefined;
}

const ManagerRow = memo(function ManagerRow({ app, manager, adapters }: ManagerRowProps) {
  const now = useNow(15_000);
  const { latest, processType } = manager;
  const goal = 'rules' in manager ? goalOf(manager, adapters) : manager.goalSeconds;
  const oldest = latest && oldestWait(latest);
  const late = goal !== undefined && oldest !== undefined && oldest > goal;
  const why = manager.unknown;
  const unknown = isUnknown(manager);
  return (
    <li className="manager">
      <div className="manager-name">
        <Link to="/apps/$app/$processType" params={{ app, processType }} className="cut" title={processType}>
          {processType}
        </Link>
        <span className="manager-states">
          {statesOf(manager, goal, now).map((state) => (
            <StateBadge key={state.word} state={state} />
          ))}
        </span>
      </div>
      <dl>
        <Stat label="waiting">
          <Value
            text={latest?.waiting === undefined ? undefined : count(latest.waiting)}
            why={why}
            unknown={unknown}
            brief
          />
        </Stat>
        <Stat label="running">
          <Value
            text={latest?.running === undefined ? undefined : count(latest.running)}
            why={why}
            unknown={unknown}
            brief
          />
        </Stat>
        <Stat label="oldest wait" late={late}>
          <Value
            text={oldest === undefined ? undefined : seconds(oldest)}
            why={why}
            unknown={unknown}
            brief
          />
          {goal !== undefined && <span className="stat-goal">goal {seconds(goal)}</span>}
        </Stat>
        <Stat label="workers">
          {latest ? (
            <span className="workers-cell">
              <span className="value">{workersText(latest.current, latest.desired)}</span>
              <Workers current={latest.current} desired={latest.desired} maximum={manager.maximum} />
            </span>
          ) : (
            <Value text={undefined} />
          )}
        </Stat>
      </dl>
    </li>
  );
});

export function workersText(current: number, desired: number): string {
  return current === desired ? count(current) : `${count(current)} → ${count(desired)}`;
}

function Stat({ label, late = false, children }: { label: string; late?: boolean; children: ReactNode }) {
  return (
    <div className="stat" data-late={late}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
