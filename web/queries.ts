/** What the page asks the controller for, by name. `live.ts` writes into the same keys as checkups come in. */
import { infiniteQueryOptions, keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query';
import type { Measure } from '../server/setup-guide.ts';
import { ApiError, api, type DecisionFilter, now } from './api.ts';
import type { Range } from './chart-range.ts';

export const spans = [
  { key: '15m', label: '15 min', seconds: 900 },
  { key: '1h', label: '1 h', seconds: 3_600 },
  { key: '6h', label: '6 h', seconds: 21_600 },
  { key: '24h', label: '24 h', seconds: 86_400 },
  { key: '7d', label: '7 d', seconds: 604_800 },
  { key: '30d', label: '30 d', seconds: 2_592_000 },
  { key: '1y', label: '1 y', seconds: 31_536_000 },
] as const;

export type SpanKey = (typeof spans)[number]['key'];

/** Live events tell of checkups; what other people change is asked for once a minute. */
const othersMs = 60_000;

/** More would be one solid bar of marks. */
export const mostMarks = 500;
export const mostOpenIssues = 500;

export function spanSeconds(key: SpanKey): number {
  return spans.find((span) => span.key === key)?.seconds ?? 3_600;
}

export const queries = {
  me: () => queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => api.me(signal), staleTime: 60_000 }),
  adapters: () =>
    queryOptions({
      queryKey: ['adapters'],
      queryFn: ({ signal }) => api.adapters(signal),
      staleTime: Number.POSITIVE_INFINITY,
    }),
  /** Its key begins with that of the apps, so that whatever changes those asks for it anew too. */
  overview: () =>
    queryOptions({
      queryKey: ['apps', 'overview'],
      queryFn: ({ signal }) => api.overview(new Date(now()).setHours(0, 0, 0, 0), signal),
      refetchInterval: othersMs,
    }),
  cost: (from: number, until: number) =>
    queryOptions({
      queryKey: ['cost', from, until],
      queryFn: ({ signal }) => api.cost({ from, until }, signal),
      placeholderData: keepPreviousData,
      refetchInterval: 5 * othersMs,
    }),
  apps: () =>
    queryOptions({
      queryKey: ['apps'],
      queryFn: ({ signal }) => api.apps(signal),
      refetchInterval: othersMs,
    }),
  app: (app: string) =>
    queryOptions({
      queryKey: ['app', app],
      queryFn: ({ signal }) => api.app(app, signal),
      refetchInterval: othersMs,
    }),
  crew: (app: string) =>
    queryOptions({
      queryKey: ['crew', app],
      queryFn: ({ signal }) => api.crew(app, signal),
      refetchInterval: 10_000,
    }),
  inbox: (app: string) =>
    queryOptions({
      queryKey: ['inbox', app],
      queryFn: ({ signal }) => api.inbox(app, signal),
      refetchInterval: 5_000,
    }),
  setupGuide: (app: string, type: string, measure: Measure) =>
    queryOptions({
      queryKey: ['app', app, 'setup-guide', type, measure],
      queryFn: ({ signal }) => api.setupGuide(app, type, measure, signal),
      placeholderData: keepPreviousData,
    }),
  manager: (app: string, type: string) =>
    queryOptions({
      queryKey: ['manager', app, type],
      queryFn: ({ signal }) => api.manager(app, type, signal),
      refetchInterval: othersMs,
    }),
  series: (app: string, type: string, span: SpanKey, range?: Range) =>
    queryOptions({
      queryKey: ['series', app, type, range ? `${range.from}-${range.to}` : span],
      queryFn: ({ signal }) =>
        range
          ? api.series(app, type, range.from, range.to, signal)
          : api.series(app, type, now() - spanSeconds(span) * 1000, now() + 60_000, signal),
      placeholderData: keepPreviousData,
      // Short spans are kept up by live events; rolled-up ones have a new point each minute or hour.
      refetchInterval: (query) => (query.state.data?.grain === 'raw' ? false : 60_000),
    }),
  decisions: (app: string, type: string) =>
    infiniteQueryOptions({
      queryKey: ['decisions', app, type],
      queryFn: ({ pageParam, signal }) => api.decisions(app, type, pageParam, signal),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.next,
      maxPages: 40,
    }),
  /** The changes of the number within the span: the marks on its chart. */
  marks: (app: string, processType: string, span: SpanKey, range?: Range) =>
    queryOptions({
      queryKey: ['marks', app, processType, range ? `${range.from}` : span],
      queryFn: ({ signal }) =>
        api.findDecisions(
          {
            app,
            processType,
            only: 'changes',
            from: range?.from ?? Math.round(now() - spanSeconds(span) * 1000),
            limit: mostMarks,
          },
          signal,
        ),
      placeholderData: keepPreviousData,
    }),
  found: (filter: DecisionFilter) =>
    infiniteQueryOptions({
      queryKey: ['found', filter],
      queryFn: ({ pageParam, signal }) =>
        api.findDecisions({ ...filter, before: pageParam, limit: 50 }, signal),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.next,
      maxPages: 40,
    }),
  tasks: (app: string, span: SpanKey, satisfiedMs: number) =>
    queryOptions({
      queryKey: ['tasks', app, span, satisfiedMs],
      queryFn: ({ signal }) => {
        const to = Math.round(now());
        return api.tasks(app, { from: to - spanSeconds(span) * 1000, to, satisfiedMs }, signal);
      },
      placeholderData: keepPreviousOfApp(app),
      refetchInterval: 15_000,
    }),
  openIssues: () =>
    queryOptions({
      queryKey: ['issues', 'open'],
      queryFn: ({ signal }) => api.issues({ open: true, limit: mostOpenIssues }, signal),
      refetchInterval: othersMs,
    }),
  pastIssues: (app: string | undefined) =>
    infiniteQueryOptions({
      queryKey: ['issues', 'past', app ?? ''],
      queryFn: ({ pageParam, signal }) =>
        api.issues({ open: false, app, before: pageParam, limit: 50 }, signal),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.next,
      maxPages: 40,
    }),
  channels: () =>
    queryOptions({
      queryKey: ['channels'],
      queryFn: ({ signal }) => api.channels(signal),
      refetchInterval: othersMs,
    }),
};

/** What is shown while another span comes is that of the same app. */
function keepPreviousOfApp(app: string) {
  return <Data>(
    previous: Data | undefined,
    query: { readonly queryKey: readonly unknown[] } | undefined,
  ): Data | undefined => (query?.queryKey[1] === app ? previous : undefined);
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        gcTime: 300_000,
        // A refusal will not change by asking again; a lost connection may.
        retry: (failures, error) =>
          failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
        retryDelay: (attempt) => 500 * 2 ** attempt,
        networkMode: 'always',
      },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}
