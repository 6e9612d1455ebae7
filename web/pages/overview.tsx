/**
 * The first page: every app in a line, with what waits, what runs, what it costs and what is wrong; its managers below it
 * once it is opened. What needs a person comes first. It is one answer of the controller, kept up by live events.
 *
 * Few managers stand open. Of many the lines alone are drawn, and the browser skips those out of sight: a thousand
 * managers then are a hundred lines. A list that draws only what is in sight was rejected: searching in the page would
 * find nothing, and a screen reader would hear another number of apps than there are.
 */
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Suspense, useDeferredValue, useMemo, useState } from 'react';
import type { OverviewApp } from '../../server/api-overview.ts';
import { plural } from '../formats.ts';
import { isUnknown } from '../manager-state.ts';
import { useMay } from '../may.ts';
import { type AppLine, isShown, lineOf, type OverviewSearch, sortedLines } from '../overview-lines.ts';
import { part } from '../part.ts';
import { AppCard } from '../parts/app-card.tsx';
import { useOpenIssues } from '../parts/issues.tsx';
import { OverviewHeads, OverviewTools } from '../parts/overview-tools.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty, Failed, Loading } from '../parts/states.tsx';
import { useNow } from '../parts/time.tsx';
import { queries } from '../queries.ts';

/** Its forms are a quarter of all script of the page, and most who come want to look. */
const AddApp = part(() => import('../parts/add-app.tsx'), 'AddApp');

/** As many stand open by themselves. */
const fewManagers = 30;

export function OverviewPage() {
  const overview = useQuery(queries.overview());
  const [adding, setAdding] = useState<boolean>();
  const may = useMay('admin');
  return (
    <>
      <PageHead title="Apps" top>
        <Button size="xs" onClick={() => setAdding(true)} {...may}>
          Add an app
        </Button>
      </PageHead>
      {overview.data ? (
        <Lines apps={overview.data.apps} onAdd={() => setAdding(true)} />
      ) : overview.isError ? (
        <Failed
          what="The apps could not be loaded"
          error={overview.error}
          retry={() => void overview.refetch()}
        />
      ) : (
        <Loading what="apps" />
      )}
      {adding !== undefined && (
        <Suspense fallback={<Loading what="the form" />}>
          <AddApp opened={adding} onClose={() => setAdding(false)} />
        </Suspense>
      )}
    </>
  );
}

function Lines({ apps, onAdd }: { apps: readonly OverviewApp[]; onAdd: () => void }) {
  const search: OverviewSearch = useSearch({ from: '/inside/' });
  const navigate = useNavigate({ from: '/' });
  const { sort = 'state', turned = false, show } = search;
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text.trim().toLowerCase());
  const lines = useLines(apps);
  const may = useMay('admin');
  const shown = useMemo(
    () =>
      sortedLines(
        lines.filter((line) => isShown(line, wanted, show)),
        sort,
        turned,
      ),
    [lines, wanted, show, sort, turned],
  );
  const few = shown.reduce((sum, { app }) => sum + app.managers.length, 0) <= fewManagers;
  const { isOpen, toggle, toggleAll } = useOpened(few);
  if (apps.length === 0)
    return (
      <Empty
        title="No apps yet"
        action={
          <Button onClick={onAdd} {...may}>
            Add an app
          </Button>
        }
      >
        An app is what you deploy: it has a web process, workers, and a token of its own. Add one here, or
        write it into <code>headcount.yaml</code>.
      </Empty>
    );
  const set = (change: OverviewSearch): void => void navigate({ search: change, replace: true });
  const allOpen = shown.every(({ app }) => isOpen(app.name));
  return (
    <>
      <Summary lines={lines} />
      <OverviewTools
        text={text}
        onText={setText}
        search={search}
        set={set}
        allOpen={allOpen}
        onAll={() => toggleAll(!allOpen)}
      />
      <OverviewHeads search={search} set={set} />
      {shown.length === 0 && (
        <p className="quiet">
          {text ? `No app or manager has “${text}” in its name.` : 'No app is like this now.'}
        </p>
      )}
      {shown.map((line) => (
        <AppCard key={line.app.name} line={line} open={isOpen(line.app.name)} onToggle={toggle} />
      ))}
    </>
  );
}

/** An app that did not change keeps its line, so that it is not drawn again. */
function useLines(apps: readonly OverviewApp[]): AppLine[] {
  const issues = useOpenIssues();
  const now = useNow(60_000);
  const [known] = useState(() => new Map<string, { key: string; app: OverviewApp; line: AppLine }>());
  return useMemo(() => {
    const counts = new Map<string, number>();
    for (const { app } of issues ?? []) counts.set(app, (counts.get(app) ?? 0) + 1);
    return apps.map((app) => {
      const count = counts.get(app.name) ?? 0;
      const key = `${count} ${now}`;
      const old = known.get(app.name);
      if (old?.app === app && old.key === key) return old.line;
      const line = lineOf(app, count, now);
      known.set(app.name, { key, app, line });
      return line;
    });
  }, [apps, issues, now, known]);
}

/** What a person opened or closed stays so; the rest goes by how many there are. */
function useOpened(usually: boolean) {
  const [all, setAll] = useState<boolean>();
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set());
  const base = all ?? usually;
  return {
    isOpen: (app: string): boolean => turned.has(app) !== base,
    // The setter is the same at every drawing, so a line that did not change is not drawn for it.
    toggle: useState(() => (app: string): void => {
      setTurned((old) => {
        const next = new Set(old);
        if (!next.delete(app)) next.add(app);
        return next;
      });
    })[0],
    toggleAll: (open: boolean): void => {
      setAll(open);
      setTurned(new Set());
    },
  };
}

function Summary({ lines }: { lines: readonly AppLine[] }) {
  const managers = lines.flatMap(({ app }) => app.managers);
  const sum = (of: 'waiting' | 'running' | 'current'): number =>
    managers.reduce((total, manager) => total + (manager.latest?.[of] ?? 0), 0);
  // What is unknown is not nothing, so the sum is only a part of the truth.
  const atLeast = managers.some((manager) => isUnknown(manager)) ? 'at least ' : '';
  const pressed = lines.reduce((total, line) => total + line.pressed, 0);
  return (
    <p className="summary">
      {plural(lines.length, 'app')}, {plural(managers.length, 'manager')}:{' '}
      {`${atLeast}${plural(sum('waiting'), 'job')} waiting`}, {plural(sum('running'), 'job')} running,{' '}
      {plural(sum('current'), 'worker')}.{' '}
      <strong data-pressed={pressed > 0}>
        {pressed === 0 ? 'Nothing needs you.' : `${plural(pressed, 'manager')} to look at.`}
      </strong>
    </p>
  );
}
