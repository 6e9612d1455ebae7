/** One manager: what waits, what runs, what was decided and why, and how to overrule it. */
import { Button, Tabs, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Adapters, Manager } from '../../server/api.ts';
import { api } from '../api.ts';
import { rangeIn } from '../chart-range.ts';
import { goalOf, statesOf } from '../manager-state.ts';
import { useMay } from '../may.ts';
import { StateBadge } from '../parts/badges.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Decisions } from '../parts/decisions.tsx';
import { IssueNotices } from '../parts/issues.tsx';
import { Learned } from '../parts/learned.tsx';
import { ManagerActions } from '../parts/manager-actions.tsx';
import { ManagerCharts } from '../parts/manager-charts.tsx';
import { ManagerNow, Measured } from '../parts/manager-now.tsx';
import { PageHead } from '../parts/page.tsx';
import { SettingsForm } from '../parts/settings-form.tsx';
import { Empty, Failed, isMissing, Loading } from '../parts/states.tsx';
import { useNow } from '../parts/time.tsx';
import { queries } from '../queries.ts';

export function ManagerPage() {
  const { app, processType } = useParams({ from: '/inside/apps/$app/$processType' });
  const manager = useQuery(queries.manager(app, processType));
  if (manager.isPending) return <Loading what="the manager" />;
  if (isMissing(manager.error))
    return (
      <Empty page title={`Nothing manages “${processType}” of ${app}`} action={<Link to="/">All apps</Link>}>
        It may have been removed.
      </Empty>
    );
  if (!manager.data)
    return (
      <Failed
        what="The manager could not be loaded"
        error={manager.error}
        retry={() => void manager.refetch()}
      />
    );
  return <ManagerView key={`${app}/${processType}`} app={app} manager={manager.data} />;
}

function ManagerView({ app, manager }: { app: string; manager: Manager }) {
  const { data: adapters } = useQuery(queries.adapters());
  const { view = 'now' } = useSearch({ from: '/inside/apps/$app/$processType' });
  const navigate = useNavigate({ from: '/apps/$app/$processType' });
  const now = useNow(15_000);
  const goal = goalOf(manager, adapters);
  const states = statesOf(manager, goal, now);
  const show = (next: string | null): void => {
    void navigate({
      search: ({ view: _, ...rest }) => (next === 'settings' ? { ...rest, view: 'settings' } : rest),
      replace: true,
    });
  };
  return (
    <>
      <PageHead
        title={manager.processType}
        app={app}
        beside={
          <span className="manager-states">
            {states.map((state) => (
              <StateBadge key={state.word} state={state} />
            ))}
            <Measured manager={manager} />
          </span>
        }
      >
        <ManagerActions app={app} manager={manager} />
      </PageHead>
      <IssueNotices app={app} processType={manager.processType} />
      <ManagerNow manager={manager} goal={goal} />
      <Tabs value={view} onChange={show} keepMounted={false} className="views">
        <Tabs.List>
          <Tabs.Tab value="now">Work and decisions</Tabs.Tab>
          <Tabs.Tab value="settings">Settings</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="now">
          <WorkView app={app} manager={manager} goal={goal} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <SettingsView app={app} manager={manager} adapters={adapters} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function WorkView({ app, manager, goal }: { app: string; manager: Manager; goal: number | undefined }) {
  const search = useSearch({ from: '/inside/apps/$app/$processType' });
  const { span = '1h' } = search;
  const range = useMemo(() => rangeIn({ from: search.from, to: search.to }), [search.from, search.to]);
  const navigate = useNavigate({ from: '/apps/$app/$processType' });
  return (
    <div className="work-view">
      <div className="card">
        <ManagerCharts
          app={app}
          processType={manager.processType}
          span={span}
          goal={goal}
          range={range}
          onSpan={(next) => void navigate({ search: { span: next }, replace: true })}
          onRange={(next) => void navigate({ search: { span, ...next } })}
        />
      </div>
      <div className="stack">
        <section className="card" aria-labelledby="decisions">
          <h2 id="decisions">Decisions</h2>
          <Decisions app={app} processType={manager.processType} />
        </section>
        <section className="card" aria-labelledby="learned">
          <h2 id="learned">Learned</h2>
          <Learned learned={manager.learned} />
        </section>
      </div>
    </div>
  );
}

function SettingsView(props: { app: string; manager: Manager; adapters: Adapters | undefined }) {
  const { app, manager, adapters } = props;
  if (!adapters) return <Loading what="the settings" />;
  return (
    <div className="settings-view">
      <div className="card">
        <SettingsForm app={app} manager={manager} adapters={adapters} />
      </div>
      <footer className="page-end">
        <RemoveManager app={app} processType={manager.processType} />
      </footer>
    </div>
  );
}

function RemoveManager({ app, processType }: { app: string; processType: string }) {
  const may = useMay('admin', app);
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => api.removeManager(app, processType),
    onSuccess: async () => {
      await navigate({ to: '/apps/$app', params: { app } });
      client.removeQueries({ queryKey: queries.manager(app, processType).queryKey });
      await client.invalidateQueries({ queryKey: queries.app(app).queryKey });
      await client.invalidateQueries({ queryKey: queries.apps().queryKey });
    },
  });
  return (
    <>
      <Button size="xs" variant="default" className="danger" onClick={() => setAsking(true)} {...may}>
        Remove this manager…
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Remove the manager of ${processType}?`}
        yes="Remove the manager"
        pending={remove.isPending}
        onYes={() => remove.mutate()}
      >
        <Text size="sm">
          Its readings and decisions go with it. The workers that run now go on running; nobody changes their
          number.
        </Text>
        {remove.isError && <Failed what="The manager was not removed" error={remove.error} />}
      </Confirm>
    </>
  );
}
