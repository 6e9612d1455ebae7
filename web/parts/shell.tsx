/** The frame of every page for a person who is logged in: name, way back, whether it is live, theme, log out. */
import { Button, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from 'react';
import type { Me } from '../../server/api.ts';
import { api } from '../api.ts';
import { connectLive, type Live, type LiveStatus } from '../live.ts';
import { mostOpenIssues, queries } from '../queries.ts';
import { HistoryBehind } from './history-behind.tsx';
import { Stale } from './states.tsx';
import { useNow } from './time.tsx';

const LiveContext = createContext<LiveStatus>({ kind: 'connecting' });

/** A stream that is back within this is not worth a word. */
const patienceMs = 3_000;
const pollMs = 15_000;

export function Shell({ me, children }: { me: Me; children: ReactNode }) {
  const status = useLive();
  return (
    <LiveContext value={status}>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header className="bar">
        <Link to="/" className="brand" aria-label="Headcount: all apps">
          <Mark />
          <span>Headcount</span>
        </Link>
        <Places />
        <span className="bar-fill" />
        <LiveSign status={status} />
        <SchemeToggle />
        <Link to="/account" className="bar-link" title={me.email ? `Logged in as ${me.email}` : undefined}>
          Account
        </Link>
        <LogOut me={me} />
      </header>
      <StaleBanner status={status} />
      <HistoryBehind />
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </LiveContext>
  );
}

function Places() {
  const { data } = useQuery(queries.openIssues());
  const open = data?.issues.length ?? 0;
  return (
    <nav className="places" aria-label="Pages">
      <Link to="/" activeOptions={{ exact: true, includeSearch: false }}>
        Apps
      </Link>
      <Link to="/issues" search={{}} activeOptions={{ includeSearch: false }}>
        Issues
        {open > 0 && (
          <span className="places-count">
            {open < mostOpenIssues ? open : `${open}+`}
            <span className="only-read"> open</span>
          </span>
        )}
      </Link>
      <Link to="/decisions" search={{}} activeOptions={{ includeSearch: false }}>
        Decisions
      </Link>
      <Link to="/tasks" search={{}} activeOptions={{ includeSearch: false }}>
        Tasks
      </Link>
      <Link to="/workers" search={{}} activeOptions={{ includeSearch: false }}>
        Workers
      </Link>
      <Link to="/cost" search={{}} activeOptions={{ includeSearch: false }}>
        Cost
      </Link>
      <Link to="/settings/channels">Channels</Link>
      <Link to="/settings" search={{}} activeOptions={{ exact: true, includeSearch: false }}>
        Settings
      </Link>
    </nav>
  );
}

export function useLiveStatus(): LiveStatus {
  return useContext(LiveContext);
}

function useLive(): LiveStatus {
  const client = useQueryClient();
  const [live, setLive] = useState<Live>();
  useEffect(() => {
    const opened = connectLive(client);
    setLive(opened);
    const forget = whileLookedAt(opened);
    return () => {
      forget();
      opened.close();
    };
  }, [client]);
  const status = useSyncExternalStore(live?.subscribe ?? nothingToHear, () => live?.status() ?? connecting);
  // Where only the stream is broken (a proxy that buffers it), asking still works.
  useEffect(() => {
    if (status.kind !== 'lost') return;
    const timer = setInterval(() => void client.invalidateQueries(), pollMs);
    return () => clearInterval(timer);
  }, [status.kind, client]);
  return status;
}

/** A tab that was just left may be back at once; after this it sleeps. */
const sleepyMs = 10_000;

function whileLookedAt(live: Live): () => void {
  let soon: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(soon);
    if (document.hidden) soon = setTimeout(live.sleep, sleepyMs);
    else live.wake();
  };
  look();
  document.addEventListener('visibilitychange', look);
  return () => {
    clearTimeout(soon);
    document.removeEventListener('visibilitychange', look);
  };
}

const connecting: LiveStatus = { kind: 'connecting' };
const nothingToHear = () => () => {};

function StaleBanner({ status }: { status: LiveStatus }) {
  useNow();
  if (status.kind !== 'lost' || Date.now() - status.since < patienceMs) return null;
  return <Stale since={status.since} />;
}

function LiveSign({ status }: { status: LiveStatus }) {
  const words = { connecting: 'connecting', live: 'live', lost: 'not live' };
  return (
    <span className="live-sign" data-live={status.kind} role="status">
      {words[status.kind]}
    </span>
  );
}

export function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const other = scheme === 'dark' ? 'light' : 'dark';
  return (
    <Button
      variant="subtle"
      color="gray"
      size="compact-sm"
      className="bar-button"
      aria-label={`Switch to the ${other} theme`}
      onClick={() => setColorScheme(other)}
    >
      {scheme === 'dark' ? <Sun /> : <Moon />}
    </Button>
  );
}

function LogOut({ me }: { me: Me }) {
  const client = useQueryClient();
  const logOut = useMutation({
    mutationFn: api.logOut,
    onSettled: () => client.resetQueries(),
  });
  return (
    <Button
      variant="subtle"
      color="gray"
      size="compact-sm"
      className="bar-button"
      title={me.email ? `Logged in as ${me.email}` : undefined}
      onClick={() => logOut.mutate()}
    >
      Log out
    </Button>
  );
}

export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 20 20" aria-hidden="true">
      <rect x="1" y="9" width="4.5" height="10" rx="1.2" />
      <rect x="7.75" y="1" width="4.5" height="18" rx="1.2" />
      <rect x="14.5" y="5" width="4.5" height="14" rx="1.2" opacity=".5" />
    </svg>
  );
}

function Sun() {
  return (
    <svg className="glyph" viewBox="0 0 20 20" aria-hidden="true">
      <circle cx="10" cy="10" r="3.6" />
      <path d="M10 1.5v3M10 15.5v3M1.5 10h3M15.5 10h3M4 4l2 2M14 14l2 2M16 4l-2 2M6 14l-2 2" />
    </svg>
  );
}

function Moon() {
  return (
    <svg className="glyph" viewBox="0 0 20 20" aria-hidden="true">
      <path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7z" />
    </svg>
  );
}
