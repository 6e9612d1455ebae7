/** Issues as they are shown: in full on their own page, as a line on the card of an app, as a notice at their manager. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Issue, Severity } from '../../server/api-issues.ts';
import { seconds } from '../formats.ts';
import type { State } from '../manager-state.ts';
import { queries } from '../queries.ts';
import { StateBadge } from './badges.tsx';
import { Ago, Clock } from './time.tsx';

const severities: Readonly<Record<Severity, State>> = {
  critical: { tone: 'bad', word: 'critical', sentence: 'Work is late or cannot be done.' },
  warning: { tone: 'warn', word: 'warning', sentence: 'It will hurt when it goes on.' },
  info: { tone: 'calm', word: 'info', sentence: 'Good to know.' },
};
const order: readonly Severity[] = ['critical', 'warning', 'info'];

/** The worst first, then what is open longest. Undefined: not known yet. */
export function useOpenIssues(app?: string, processType?: string): Issue[] | undefined {
  const { data } = useQuery(queries.openIssues());
  return data && pressing(data.issues, app, processType);
}

export function pressing(issues: readonly Issue[], app?: string, processType?: string): Issue[] {
  return issues
    .filter((issue) => (app ?? issue.app) === issue.app)
    .filter((issue) => (processType ?? issue.processType) === issue.processType)
    .sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity) || a.since - b.since);
}

export function IssueList({ issues, label }: { issues: readonly Issue[]; label: string }) {
  return (
    <ol className="issues" aria-label={label}>
      {issues.map((issue) => (
        <IssueRow key={issue.id} issue={issue} />
      ))}
    </ol>
  );
}

function IssueRow({ issue }: { issue: Issue }) {
  const { app, processType, severity, title, text, todo, resolvedAt } = issue;
  return (
    <li className="issue" data-severity={resolvedAt === undefined ? severity : 'over'}>
      <div className="issue-line">
        <StateBadge state={severities[severity]} />
        <Who app={app} processType={processType} />
        <span className="issue-when">
          <When issue={issue} />
        </span>
      </div>
      <h3 className="issue-title">{capital(title)}</h3>
      <p className="issue-text">{text}</p>
      {resolvedAt === undefined && !text.endsWith(todo) && <p className="issue-todo">{todo}</p>}
    </li>
  );
}

/** Whose it is, as links. */
export function Who({ app, processType }: { app: string; processType: string }) {
  return (
    <span className="who">
      <Link to="/apps/$app" params={{ app }} className="cut" title={app}>
        {app}
      </Link>
      <span aria-hidden>/</span>
      <Link to="/apps/$app/$processType" params={{ app, processType }} className="cut" title={processType}>
        {processType}
      </Link>
    </span>
  );
}

function When({ issue: { since, resolvedAt } }: { issue: Issue }) {
  if (resolvedAt === undefined)
    return (
      <>
        since <Ago at={since} />
      </>
    );
  return (
    <>
      <Clock at={since} />, for {seconds(Math.max(0, resolvedAt - since) / 1000)}
    </>
  );
}

const mostLines = 3;

/** On the card of an app: one line each. */
export function IssueLines({ app }: { app: string }) {
  const open = useOpenIssues(app) ?? [];
  if (open.length === 0) return null;
  const more = open.length - mostLines;
  return (
    <ul className="issue-lines" aria-label={`Open issues of ${app}`}>
      {open.slice(0, mostLines).map(({ id, severity, processType, title }) => (
        <li key={id}>
          <StateBadge state={severities[severity]} />
          <Link
            to="/apps/$app/$processType"
            params={{ app, processType }}
            className="cut"
            title={`${processType}: ${title}`}
          >
            {processType}: {title}
          </Link>
        </li>
      ))}
      {more > 0 && (
        <li>
          <Link to="/issues" search={{ app }}>
            and {more} more
          </Link>
        </li>
      )}
    </ul>
  );
}

/** At the manager that they are about. */
export function IssueNotices({ app, processType }: { app: string; processType: string }) {
  const open = useOpenIssues(app, processType) ?? [];
  return open.map((issue) => (
    <p className="notice" data-tone={severities[issue.severity].tone} key={issue.id}>
      <b>
        {capital(severities[issue.severity].word)} {capital(issue.title)}
      </b>{' '}
      {issue.text} {issue.text.endsWith(issue.todo) ? '' : issue.todo} (<When issue={issue} />)
    </p>
  ));
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
