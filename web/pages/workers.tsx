/** Who runs now for an app, by process type: since when, with how many jobs; and letting one go where the fleet can. */
import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { Crew } from '../../server/api-workers.ts';
import { CrewTable } from '../parts/crew-table.tsx';
import { namesAsOptions } from '../parts/filter-select.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty, Failed, Loading } from '../parts/states.tsx';
import { queries } from '../queries.ts';

export function WorkersPage() {
  const apps = useQuery(queries.apps());
  const search: { app?: string } = useSearch({ from: '/inside/workers' });
  const navigate = useNavigate({ from: '/workers' });
  const names = (apps.data ?? []).map(({ name }) => name);
  const app = search.app ?? names[0];
  return (
    <>
      <PageHead title="Workers" top />
      {apps.isPending && <Loading what="the apps" />}
      {apps.isError && !apps.data && (
        <Failed what="The apps could not be loaded" error={apps.error} retry={() => void apps.refetch()} />
      )}
      {apps.data && app === undefined && (
        <Empty title="There is no app yet" action={<Link to="/">Add one</Link>}>
          Workers belong to an app.
        </Empty>
      )}
      {app !== undefined && (
        <>
          <div className="filters">
            <Select
              size="xs"
              label="App"
              data={namesAsOptions(names, app)}
              value={app}
              allowDeselect={false}
              searchable
              onChange={(next) => next && void navigate({ search: { app: next }, replace: true })}
            />
          </div>
          <OfApp key={app} app={app} />
        </>
      )}
    </>
  );
}

function OfApp({ app }: { app: string }) {
  const crew = useQuery(queries.crew(app));
  if (crew.data) return <Types app={app} crew={crew.data} />;
  if (crew.isError)
    return (
      <Failed what="The workers could not be loaded" error={crew.error} retry={() => void crew.refetch()} />
    );
  return <Loading what="the workers" />;
}

function Types({ app, crew }: { app: string; crew: Crew }) {
  if (crew.processTypes.length === 0)
    return (
      <Empty
        title="Nothing is managed yet"
        action={
          <Link to="/apps/$app" params={{ app }}>
            To the app
          </Link>
        }
      >
        Workers are shown of process types that have a manager.
      </Empty>
    );
  return crew.processTypes.map((type) => (
    <CrewTable key={type.processType} app={app} type={type} letsGo={crew.letsGo} />
  ));
}
