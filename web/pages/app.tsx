/** One app: its managers, its token and how to set it, what its endpoint answers, and where it runs. */
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { App } from '../../server/api.ts';
import { useMay } from '../may.ts';
import { AddManager } from '../parts/add-manager.tsx';
import { AppSettingsForm, RemoveApp } from '../parts/app-settings.tsx';
import { AppSetup } from '../parts/app-setup.tsx';
import { AppTest } from '../parts/app-test.tsx';
import { AppToken } from '../parts/app-token.tsx';
import { IssueLines } from '../parts/issues.tsx';
import { AppMaintenance } from '../parts/maintenance.tsx';
import { ManagerList } from '../parts/manager-row.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty, Failed, isMissing, Loading } from '../parts/states.tsx';
import { queries } from '../queries.ts';

export function AppPage() {
  const { app: name } = useParams({ from: '/inside/apps/$app' });
  const app = useQuery(queries.app(name));
  if (app.isPending) return <Loading what="the app" />;
  if (isMissing(app.error))
    return (
      <Empty page title={`There is no app “${name}”`} action={<Link to="/">All apps</Link>}>
        It may have been removed.
      </Empty>
    );
  if (!app.data)
    return <Failed what="The app could not be loaded" error={app.error} retry={() => void app.refetch()} />;
  return <AppSections app={app.data} key={name} />;
}

function AppSections({ app }: { app: App }) {
  const adapters = useQuery(queries.adapters());
  const [adding, setAdding] = useState(false);
  const may = useMay('admin', app.name);
  return (
    <>
      <PageHead title={app.name}>
        <AppMaintenance app={app} />
        <Button size="xs" disabled={!adapters.data} onClick={() => setAdding(true)} {...may}>
          Add a manager
        </Button>
      </PageHead>
      {(app.warnings ?? []).map((warning) => (
        <p className="notice" data-tone="unknown" key={warning}>
          <b>From {app.fleet.use}.</b> {warning}
        </p>
      ))}
      <section className="card app-card" aria-label="Managers">
        <IssueLines app={app.name} />
        {app.managers.length > 0 ? (
          <ManagerList app={app.name} managers={app.managers} adapters={adapters.data} />
        ) : (
          <Empty title="Nothing is managed yet">
            A manager measures the work of one process type and decides how many workers it needs.
          </Empty>
        )}
      </section>
      <div className="columns">
        <div className="stack">
          {/* Both show the token, which only they see who may change the app. */}
          {!may.disabled && <AppToken app={app} />}
          {!may.disabled && <AppSetup app={app} />}
        </div>
        <div className="stack">
          <AppTest app={app} />
          {adapters.data && <AppSettingsForm app={app} adapters={adapters.data} />}
          {adapters.isError && (
            <Failed
              what="The forms could not be loaded"
              error={adapters.error}
              retry={() => void adapters.refetch()}
            />
          )}
        </div>
      </div>
      <footer className="page-end">
        <RemoveApp app={app} />
      </footer>
      {adapters.data && (
        <AddManager
          app={app.name}
          adapters={adapters.data}
          opened={adding}
          onClose={() => setAdding(false)}
        />
      )}
    </>
  );
}
