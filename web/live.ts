/**
 * Checkups as they happen, written into the query cache, so that a page shows them without asking and without flicker.
 *
 * Events are collected for a quarter of a second and written at once: a thousand managers then cost four renders a second,
 * and what did not change keeps its identity. The browser's EventSource reconnects by itself after a broken
 * stream, but gives up for good on an answer other than 200; then this tries again with growing pauses. When a
 * stream comes back, everything on the page is asked for anew, because what happened meanwhile was not sent.
 *
 * Over HTTP/1.1 a browser opens six connections to one server for all its tabs together, so a seventh tab with a stream
 * would hang. A tab that nobody looks at therefore sleeps: it has no stream, and catches up when it is looked at.
 */
import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import type { App, CheckupEvent, Decision, FoundDecision, Manager } from '../server/api.ts';
import type { Overview } from '../server/api-overview.ts';
import type { DecisionFilter, DecisionPage, FoundPage, Series } from './api.ts';
import { prefix } from './prefix.ts';
import { mostMarks, queries, spanSeconds, spans } from './queries.ts';

export type LiveStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** `since`: when the stream was last heard, by the browser's clock. */
  | { readonly kind: 'lost'; readonly since: number };

export interface Live {
  status(): LiveStatus;
  subscribe(listener: () => void): () => void;
  /** Nobody looks: without a stream until `wake`. */
  sleep(): void;
  wake(): void;
  close(): void;
}

const collectMs = 250;
const longestPauseMs = 30_000;
const keptDecisionsCount = 500;

export function connectLive(client: QueryClient, open = () => new EventSource(`${prefix}/api/live`)): Live {
  const listeners = new Set<() => void>();
  let status: LiveStatus = { kind: 'connecting' };
  let pauseMs = 1_000;
  let source: EventSource | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let flush: ReturnType<typeof setTimeout> | undefined;
  let waiting: CheckupEvent[] = [];
  let missed = false;

  const become = (next: LiveStatus): void => {
    status = next;
    for (const listener of listeners) listener();
  };
  const write = (): void => {
    const events = waiting;
    waiting = [];
    flush = undefined;
    applyCheckups(client, events);
  };
  const connect = (): void => {
    const stream = open();
    source = stream;
    stream.onopen = () => {
      pauseMs = 1_000;
      become({ kind: 'live' });
      if (missed) void client.invalidateQueries();
      missed = false;
    };
    stream.addEventListener('checkup', (event: MessageEvent<string>) => {
      waiting.push(JSON.parse(event.data) as CheckupEvent);
      flush ??= setTimeout(write, collectMs);
    });
    // What is open is asked for anew, so that the page never counts by itself.
    stream.addEventListener('issue', () => {
      void client.invalidateQueries({ queryKey: ['issues'] });
    });
    stream.onerror = () => {
      missed = true;
      if (status.kind !== 'lost') become({ kind: 'lost', since: Date.now() });
      if (stream.readyState !== EventSource.CLOSED) return;
      // Perhaps the session ended: asking who is here finds out, and leads to the login.
      void client.invalidateQueries({ queryKey: queries.me().queryKey });
      again = setTimeout(connect, pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    };
  };
  const stop = (): void => {
    clearTimeout(again);
    source?.close();
    source = undefined;
  };

  return {
    status: () => status,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    sleep: () => {
      missed = true;
      stop();
    },
    wake: () => {
      if (source === undefined) connect();
    },
    close: () => {
      clearTimeout(flush);
      stop();
    },
  };
}

/** Writes checkups into every cached answer that shows them. */
export function applyCheckups(client: QueryClient, events: readonly CheckupEvent[]): void {
  client.setQueryData<App[]>(
    queries.apps().queryKey,
    (apps) => apps && mapChanged(apps, (app) => withCheckups(app, events)),
  );
  client.setQueryData<Overview>(queries.overview().queryKey, (old) => {
    const apps = old && mapChanged(old.apps, (app) => withCheckups(app, events));
    return old && apps && apps !== old.apps ? { ...old, apps } : old;
  });
  for (const name of new Set(events.map((event) => event.app)))
    client.setQueryData<App>(queries.app(name).queryKey, (app) => app && withCheckups(app, events));
  for (const event of events) {
    const { app, processType } = event;
    client.setQueryData<Manager>(
      queries.manager(app, processType).queryKey,
      (old) => old && withCheckup(old, event),
    );
    for (const [key] of client.getQueriesData<Series>({ queryKey: ['series', app, processType] }))
      client.setQueryData<Series>(key, (old) => old && withPoint(old, event, key[3]));
    client.setQueryData<InfiniteData<DecisionPage, string | undefined>>(
      queries.decisions(app, processType).queryKey,
      (old) => (old && event.decision ? withDecision(old, event.decision) : old),
    );
    applyFound(client, event);
  }
}

/** Lists over all managers, and the marks on charts. */
function applyFound(client: QueryClient, { app, processType, decision }: CheckupEvent): void {
  if (!decision) return;
  const found = { ...decision, app, processType };
  if (decision.current !== decision.desired)
    client.setQueriesData<FoundPage>(
      { queryKey: ['marks', app, processType] },
      (old) => old && { ...old, decisions: [found, ...old.decisions].slice(0, mostMarks) },
    );
  for (const [key] of client.getQueriesData<InfiniteData<FoundPage, string | undefined>>({
    queryKey: ['found'],
  }))
    if (isWanted(key[1] as DecisionFilter, found))
      client.setQueryData<InfiniteData<FoundPage, string | undefined>>(
        key,
        (old) => old && withDecision(old, found),
      );
}

function isWanted({ app, processType, outcome, only }: DecisionFilter, found: FoundDecision): boolean {
  return (
    (app === undefined || app === found.app) &&
    (processType === undefined || processType === found.processType) &&
    (outcome === undefined || outcome === found.outcome) &&
    (only !== 'changes' || found.current !== found.desired) &&
    (only !== 'failures' || found.outcome === 'failed')
  );
}

type Seen = Pick<Manager, 'processType' | 'latest' | 'unknown' | 'draining'>;

function withCheckups<M extends Seen, A extends { readonly name: string; managers: M[] }>(
  app: A,
  events: readonly CheckupEvent[],
): A {
  const mine = events.filter((event) => event.app === app.name);
  if (mine.length === 0) return app;
  const managers = mapChanged(app.managers, (manager) =>
    mine
      .filter((event) => event.processType === manager.processType)
      .reduce((changed, event) => withCheckup(changed, event), manager),
  );
  return managers === app.managers ? app : { ...app, managers };
}

function withCheckup<M extends Seen>(manager: M, { point, unknown, draining }: CheckupEvent): M {
  if (manager.latest && manager.latest.at > point.at) return manager;
  const changed = { ...manager, latest: point };
  delete changed.unknown;
  delete changed.draining;
  if (unknown !== undefined) changed.unknown = unknown;
  if (draining !== undefined) changed.draining = draining;
  return changed;
}

function withPoint(series: Series, { point }: CheckupEvent, shown: unknown): Series {
  const span = spans.find(({ key }) => key === shown)?.key;
  // A stretch of time that was zoomed to ends where it ends.
  if (span === undefined) return series;
  const last = series.points.at(-1);
  if (series.grain !== 'raw' || (last && last.at >= point.at)) return series;
  const from = point.at - spanSeconds(span) * 1000;
  return { ...series, points: [...series.points.filter((old) => old.at >= from), point] };
}

type Pages<D> = InfiniteData<{ readonly decisions: D[]; readonly next?: string }, string | undefined>;

function withDecision<D extends Decision>(data: Pages<D>, decision: D): Pages<D> {
  const [first, ...rest] = data.pages;
  if (!first || first.decisions.some((old) => old.id === decision.id && old.at === decision.at)) return data;
  const decisions = [decision, ...first.decisions];
  if (decisions.length <= keptDecisionsCount) return { ...data, pages: [{ ...first, decisions }, ...rest] };
  // A page left open for a week must not grow without end; the older ones can be loaded again.
  const kept = decisions.slice(0, keptDecisionsCount / 2);
  const next = kept.at(-1)?.id;
  return { pages: [{ decisions: kept, ...(next ? { next } : {}) }], pageParams: [undefined] };
}

/** Like map, but answers with the same array when nothing in it changed. */
function mapChanged<Item>(items: Item[], change: (item: Item) => Item): Item[] {
  const changed = items.map(change);
  return changed.some((item, index) => item !== items[index]) ? changed : items;
}
