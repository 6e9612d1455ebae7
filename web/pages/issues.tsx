/** What needs a person: what is open first, with what to do; then what was, page by page. */
import { Button } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { plural } from '../formats.ts';
import { AppSelect } from '../parts/app-select.tsx';
import { IssueList, pressing } from '../parts/issues.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty, Failed, Loading } from '../parts/states.tsx';
import { mostOpenIssues, queries } from '../queries.ts';

export function IssuesPage() {
  const { app } = useSearch({ from: '/inside/issues' });
  const navigate = useNavigate({ from: '/issues' });
  return (
    <>
      <PageHead title="Issues" top>
        <Button size="xs" variant="default" component={Link} to="/settings/channels">
          Who is told
        </Button>
      </PageHead>
      <div className="filters">
        <AppSelect
          value={app}
          onChange={(next) => void navigate({ search: next ? { app: next } : {}, replace: true })}
        />
      </div>
      <Open app={app} />
      <Past app={app} />
    </>
  );
}

function Open({ app }: { app: string | undefined }) {
  const open = useQuery(queries.openIssues());
  if (open.isPending) return <Loading what="issues" />;
  if (!open.data)
    return (
      <Failed what="The issues could not be loaded" error={open.error} retry={() => void open.refetch()} />
    );
  const issues = pressing(open.data.issues, app);
  if (issues.length === 0)
    return (
      <Empty title="Nothing needs you">
        {app ? `No issue of ${app} is open.` : 'No issue is open.'} One opens here when something lasts: work
        that is late, a reading that fails, a platform that refuses.
      </Empty>
    );
  return (
    <section className="card listed" aria-labelledby="open">
      <h2 id="open">
        {issues.length < mostOpenIssues
          ? plural(issues.length, 'open issue')
          : `The newest ${plural(issues.length, 'open issue')}`}
      </h2>
      <IssueList issues={issues} label="Open issues" />
    </section>
  );
}

function Past({ app }: { app: string | undefined }) {
  const past = useInfiniteQuery(queries.pastIssues(app));
  if (past.isPending) return <Loading what="earlier issues" />;
  if (!past.data)
    return (
      <Failed
        what="The earlier issues could not be loaded"
        error={past.error}
        retry={() => void past.refetch()}
      />
    );
  const issues = past.data.pages.flatMap((page) => page.issues);
  if (issues.length === 0) return null;
  return (
    <section className="card listed" aria-labelledby="past">
      <h2 id="past">Resolved</h2>
      <IssueList issues={issues} label="Resolved issues" />
      {past.hasNextPage && (
        <Button
          variant="default"
          size="xs"
          loading={past.isFetchingNextPage}
          onClick={() => void past.fetchNextPage()}
        >
          Earlier issues
        </Button>
      )}
    </section>
  );
}
