/** One app on the overview: a line of sums, and below it its open issues and its managers. */
import { UnstyledButton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { memo, type ReactNode } from 'react';
import { count, money, seconds } from '../formats.ts';
import type { AppLine, Sum } from '../overview-lines.ts';
import { StateBadge, Value } from './badges.tsx';
import { IssueLines } from './issues.tsx';
import { ManagerList, workersText } from './manager-row.tsx';

interface AppCardProps {
  readonly line: AppLine;
  readonly open: boolean;
  readonly onToggle: (app: string) => void;
}

export const AppCard = memo(function AppCard({ line, open, onToggle }: AppCardProps) {
  const { app } = line;
  return (
    <section className="card app-card" data-open={open} aria-labelledby={`app-${app.name}`}>
      <header className="app-line">
        <span className="app-who">
          <UnstyledButton
            className="app-toggle"
            aria-expanded={open}
            aria-label={`Managers of ${app.name}, ${app.managers.length}`}
            onClick={() => onToggle(app.name)}
          >
            <span aria-hidden>▸</span>
          </UnstyledButton>
          <h2 id={`app-${app.name}`} className="app-name cut">
            <Link to="/apps/$app" params={{ app: app.name }} title={app.name}>
              {app.name}
            </Link>
          </h2>
        </span>
        <span className="app-state">
          {line.worst ? <StateBadge state={line.worst} /> : <span className="quiet">no manager</span>}
        </span>
        <Numbers line={line} />
      </header>
      {open && (
        <>
          <IssueLines app={app.name} />
          {app.managers.length > 0 ? (
            <ManagerList app={app.name} managers={app.managers} />
          ) : (
            <p className="quiet card-note">
              Nothing is managed yet.{' '}
              <Link to="/apps/$app" params={{ app: app.name }}>
                Add a manager
              </Link>{' '}
              for one of its process types.
            </p>
          )}
        </>
      )}
    </section>
  );
});

function Numbers({ line }: { line: AppLine }) {
  const { app, current, desired, waiting, oldest, cost, measured, late, issues } = line;
  const none = app.managers.length === 0;
  return (
    <dl>
      <Stat label="workers" column="workers">
        <Part sum={current} none={none} text={({ value }) => workersText(value, desired?.value ?? value)} />
      </Stat>
      <Stat label="waiting" column="waiting">
        <Part sum={waiting} none={none || !measured} text={({ value }) => count(value)} />
      </Stat>
      <Stat label="oldest wait" column="oldest" late={late}>
        <Part sum={oldest} none={none || !measured} text={({ value }) => seconds(value)} />
      </Stat>
      <Stat label="cost today" column="cost">
        <Part
          sum={cost}
          none={none}
          text={({ value }) => money(value)}
          why="Where it runs tells no price, or has not answered yet."
        />
      </Stat>
      <Stat label="issues" column="issues">
        {issues === 0 ? (
          <span className="value is-unmeasured">
            <span aria-hidden>–</span>
            <span className="only-read">none</span>
          </span>
        ) : (
          <Link to="/issues" search={{ app: app.name }} className="app-issues">
            {issues} <span className="only-read">open of {app.name}</span>
          </Link>
        )}
      </Stat>
    </dl>
  );
}

interface PartProps {
  readonly sum: Sum | undefined;
  readonly text: (sum: Sum) => string;
  /** There is nothing of which it could be known. */
  readonly none: boolean;
  readonly why?: string;
}

/** A sum; a part of one has a plus. */
function Part({ sum, text, none, why }: PartProps) {
  if (!sum) return <Value text={undefined} unknown={!none} brief {...(why && { why })} />;
  return (
    <span className="value" title={sum.partial ? 'At least this; some of it is unknown.' : undefined}>
      {sum.partial && <span className="only-read">at least </span>}
      {text(sum)}
      {sum.partial && <span aria-hidden>+</span>}
    </span>
  );
}

interface StatProps {
  readonly label: string;
  readonly column: string;
  readonly late?: boolean;
  readonly children: ReactNode;
}

function Stat({ label, column, late = false, children }: StatProps) {
  return (
    <div className="stat" data-column={column} data-late={late}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
