/** The addresses of the dashboard. Pages other than the overview are loaded when they are first opened. */
import { createRootRoute, createRoute, createRouter, Link, Outlet } from '@tanstack/react-router';
import { rangeIn } from './chart-range.ts';
import { decisionFilter } from './decision-filter.ts';
import { overviewSearch } from './overview-lines.ts';
import { OverviewPage } from './pages/overview.tsx';
import { part } from './part.ts';
import { Broken } from './parts/broken.tsx';
import { Gate } from './parts/gate.tsx';
import { Empty, Loading } from './parts/states.tsx';
import { prefix } from './prefix.ts';
import { type SpanKey, spans } from './queries.ts';
import { taskSearch } from './task-search.ts';

const root = createRootRoute({ component: Outlet, notFoundComponent: Nowhere });

const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  component: part(() => import('./pages/setup.tsx'), 'SetupPage'),
});

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: part(() => import('./pages/login.tsx'), 'LoginPage'),
  validateSearch: (search: Record<string, unknown>): { next?: string } =>
    typeof search.next === 'string' ? { next: search.next } : {},
});

const inside = createRoute({ getParentRoute: () => root, id: 'inside', component: Gate });

const apps = createRoute({
  getParentRoute: () => inside,
  path: '/',
  component: OverviewPage,
  validateSearch: overviewSearch,
});

const workers = createRoute({
  getParentRoute: () => inside,
  path: '/workers',
  component: part(() => import('./pages/workers.tsx'), 'WorkersPage'),
  validateSearch: ({ app: name }: Record<string, unknown>): { app?: string } =>
    typeof name === 'string' && name ? { app: name } : {},
});

const cost = createRoute({
  getParentRoute: () => inside,
  path: '/cost',
  component: part(() => import('./pages/cost.tsx'), 'CostPage'),
  validateSearch: ({ month }: Record<string, unknown>): { month?: string } =>
    typeof month === 'string' && /^\d{4}-(0[1-9]|1[0-2])$/.test(month) ? { month } : {},
});

const app = createRoute({
  getParentRoute: () => inside,
  path: '/apps/$app',
  component: part(() => import('./pages/app.tsx'), 'AppPage'),
});

export interface ManagerSearch {
  readonly span?: SpanKey;
  readonly view?: 'settings';
  /** A stretch of time in place of the span. */
  readonly from?: number;
  readonly to?: number;
}

const manager = createRoute({
  getParentRoute: () => inside,
  path: '/apps/$app/$processType',
  component: part(() => import('./pages/manager.tsx'), 'ManagerPage'),
  validateSearch: (search: Record<string, unknown>): ManagerSearch => {
    const span = spans.find(({ key }) => key === search.span)?.key;
    return {
      ...rangeIn(search),
      ...(span ? { span } : {}),
      ...(search.view === 'settings' ? { view: 'settings' } : {}),
    };
  },
});

export interface IssueSearch {
  readonly app?: string;
}

const issues = createRoute({
  getParentRoute: () => inside,
  path: '/issues',
  component: part(() => import('./pages/issues.tsx'), 'IssuesPage'),
  validateSearch: ({ app: name }: Record<string, unknown>): IssueSearch =>
    typeof name === 'string' && name ? { app: name } : {},
});

const decisions = createRoute({
  getParentRoute: () => inside,
  path: '/decisions',
  component: part(() => import('./pages/decisions.tsx'), 'DecisionsPage'),
  validateSearch: decisionFilter,
});

const tasks = createRoute({
  getParentRoute: () => inside,
  path: '/tasks',
  component: part(() => import('./pages/tasks.tsx'), 'TasksPage'),
  validateSearch: taskSearch,
});

const channels = createRoute({
  getParentRoute: () => inside,
  path: '/settings/channels',
  component: part(() => import('./pages/channels.tsx'), 'ChannelsPage'),
});

const account = createRoute({
  getParentRoute: () => inside,
  path: '/account',
  component: part(() => import('./pages/account.tsx'), 'AccountPage'),
});

const settings = createRoute({
  getParentRoute: () => inside,
  path: '/settings',
  component: part(() => import('./pages/settings.tsx'), 'SettingsPage'),
  validateSearch: ({ part }: Record<string, unknown>): { part?: 'keys' | 'audit' } =>
    part === 'keys' || part === 'audit' ? { part } : {},
});

const join = createRoute({
  getParentRoute: () => root,
  path: '/join',
  component: part(() => import('./pages/join.tsx'), 'JoinPage'),
});

const reset = createRoute({
  getParentRoute: () => root,
  path: '/reset',
  component: part(() => import('./pages/reset.tsx'), 'ResetPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    setup,
    login,
    join,
    reset,
    inside.addChildren([
      apps,
      app,
      manager,
      issues,
      decisions,
      tasks,
      workers,
      cost,
      channels,
      settings,
      account,
    ]),
  ]),
  ...(prefix && { basepath: prefix }),
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingComponent: () => <Loading what="the page" />,
  defaultErrorComponent: ({ error }) => <Broken error={error} />,
});

function Nowhere() {
  return (
    <main className="lonely">
      <Empty page title="There is no such page" action={<Link to="/">All apps</Link>}>
        The address may be misspelt, or what stood here was removed.
      </Empty>
    </main>
  );
}

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
