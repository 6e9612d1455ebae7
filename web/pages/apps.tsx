/** The overview: every app, what waits and what runs. What needs a person comes first. */
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useDeferredValue, useState } from 'react';
import type { Adapters, App } from '../../server/api.ts';
import { plural } from '../formats.ts';
import { goalOf, isUnknown, needsAttention, statesOf } from '../manager-state.ts';
import { AddApp } from '../parts/add-app.tsx';
import { IssueLines } from '../parts/issues.tsx';
import { ManagerList } from '../parts/manager-row.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty, Failed, Loading } from '../parts/states.tsx';
import { useNow } from '../parts/time.tsx';
import { queries } from '../queries.ts';

const manyApps = 6;

export function AppsPage() {
  const apps = useQuery(queries.apps());
  const [adding, setAdding] = useState(false);
  return (
    <>
      <PageHead title="Apps" top>
        <Button size="xs" onClick={() => setAdding(true)}>
          Add an app
        </Button>
      </PageHead>
      {apps.data ? (
        <AppList apps={apps.data} onAdd={() => setAdding(true)} />
      ) : apps.isError ? (
        <Failed what="The apps could not be loaded" error={apps.error} retry={() => void apps.refetch()} />
      ) : (
        <Loading what="apps" />
      )}
      <AddApp opened={adding} onClose={() => setAdding(false)} />
    </>
  );
}

function AppList({ apps, onAdd }: { apps: App[]; onAdd: () => void }) {
  const { data: adapters } = useQuery(queries.adapters());
  const [filter, setFilter] = useState('');
  const wanted = useDeferredValue(filter.trim().toLowerCase());
  const now = useNow(60_000);
  if (apps.length === 0)
    return (
      <Empty title="No apps yet" action={<Button onClick={onAdd}>Add an app</Button>}>
        An app is what you deploy: it has a web process, workers, and a token of its own. Add one here, or
        write it into <code>headcount.yaml</code>.
      </Empty>
    );
  const troubled = new Set(apps.filter((app) => pressing(app, adapters, now) > 0).map((app) => app.name));
  const shown = apps.filter((app) => matches(app, wanted));
  const sorted = shown.sort(
    (a, b) => Number(troubled.has(b.name)) - Number(troubled.has(a.name)) || a.name.localeCompare(b.name),
  );
  return (
    <>
      <Summary apps={apps} adapters={adapters} now={now} />
      {apps.length >= manyApps && (
        <TextInput
          size="xs"
          className="filter"
          type="search"
          aria-label="Show only apps and managers with this in their name"
          placeholder="Filter by name"
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
      )}
      {sorted.length === 0 && <p className="quiet">No app or manager has “{filter}” in its name.</p>}
      {sorted.map((app) => (
        <AppCard key={app.name} app={app} adapters={adapters} />
      ))}
    </>
  );
}

function AppCard({ app, adapters }: { app: App; adapters: Adapters | undefined }) {
  const fleet = adapters?.fleets.find((kind) => kind.use === app.fleet.use)?.title ?? app.fleet.use;
  return (
    <section className="card app-card" aria-labelledby={`app-${app.name}`}>
      <header>
        <h2 id={`app-${app.name}`} className="app-name cut">
          <Link to="/apps/$app" params={{ app: app.name }} title={app.name}>
            {app.name}
          </Link>
        </h2>
        <span className="quiet cut" title={fleet}>
          {fleet}
        </span>
      </header>
      <IssueLines app={app.name} />
      {app.managers.length > 0 ? (
        <ManagerList app={app.name} managers={app.managers} adapters={adapters} />
      ) : (
        <p className="quiet card-note">
          Nothing is managed yet.{' '}
          <Link to="/apps/$app" params={{ app: app.name }}>
            Add a manager
          </Link>{' '}
          for one of its process types.
        </p>
      )}
    </section>
  );
}

function Summary({ apps, adapters, now }: { apps: App[]; adapters: Adapters | undefined; now: number }) {
  const managers = apps.flatMap((app) => app.managers);
  const sum = (of: 'waiting' | 'running' | 'current'): number =>
    managers.reduce((total, manager) => total + (manager.latest?.[of] ?? 0), 0);
  // What is unknown is not nothing, so the sum is only a part of the truth.
  const atLeast = managers.some((manager) => isUnknown(manager)) ? 'at least ' : '';
  const pressed = apps.reduce((total, app) => total + pressing(app, adapters, now), 0);
  return (
    <p className="summary">
      {plural(apps.length, 'app')}, {plural(managers.length, 'manager')}:{' '}
      {`${atLeast}${plural(sum('waiting'), 'job')} waiting`}, {plural(sum('running'), 'job')} running,{' '}
      {plural(sum('current'), 'worker')}.{' '}
      <strong data-pressed={pressed > 0}>
        {pressed === 0 ? 'Nothing needs you.' : `${plural(pressed, 'manager')} to look at.`}
      </strong>
    </p>
  );
}

function pressing(app: App, adapters: Adapters | undefined, now: number): number {
  return app.managers.filter((manager) => needsAttention(statesOf(manager, goalOf(manager, adapters), now)))
    .length;
}

function matches(app: App, wanted: string): boolean {
  return [app.name, ...app.managers.map((manager) => manager.processType)].some((name) =>
    name.toLowerCase().includes(wanted),
  );
}
