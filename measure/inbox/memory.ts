/**
 * What apps pushed to us in the last two minutes, per app and process type, and what was dropped of it.
 *
 * Everything is bounded: a process type has windows of fixed length, an app so many process types, and the apps are those
 * that the caller names. Each dialect has windows of its own, because an app may speak two at once (a library that pushes,
 * and a drain with the same queue times in its lines); the most exact one that still speaks is read, never their sum.
 * Silence means something else in each: HireFire 2.0 says every second that it is alive, a drain brings other lines too,
 * and 1.x says nothing at all without traffic. What silence leaves open is answered with `silent`, never with zero.
 */
import type { Histogram } from '../../decide/words.ts';
import { createGauge, createTimes, type GaugeWindow, type TimesWindow } from '../window.ts';
import { createLease, type Lease } from './lease.ts';
import { drop, type GaugeMetric, type Parsed, type Pushed, type Tally, type TimesMetric } from './pushed.ts';
import { createRest, type Rest } from './rest.ts';

/** In the order of trust: who says every second, who sends every value, whose lines may be lost. */
export const dialects = ['hirefire-2', 'hirefire-1', 'judoscale', 'logplex'] as const;
export type Dialect = (typeof dialects)[number];

export interface Requests {
  readonly seen: true;
  readonly dialect: Dialect;
  /** That `count` stands for. */
  readonly seconds: number;
  readonly count: number;
  readonly times: Histogram;
}

export interface Silence {
  readonly seen: false;
  /** Who spoke of it last; absent: nobody ever did. */
  readonly dialect?: Dialect;
  readonly at?: number;
}

export interface Heard {
  readonly dialect: Dialect;
  /** As it calls itself: `Ruby-2.0.0`. */
  readonly agent?: string;
  readonly firstAt: number;
  readonly at: number;
  readonly count: number;
}

export interface AppInbox {
  take(dialect: Dialect, agent: string | undefined, parsed: Parsed): void;
  /** A push that could not be read at all. */
  refuse(why: 'malformed' | 'too-large'): void;
  /** The app's processes ask for the lease: they push, even before they sampled anything. */
  asked(agent: string | undefined): void;
  /** False when a drain sends this frame again. */
  isNewFrame(id: string): boolean;
  requests(name: string, metric: TimesMetric, windowSeconds: number): Requests | Silence;
  newest(name: string, metric: GaugeMetric, maximumAgeSeconds: number): Gauge | undefined;
  mean(name: string, metric: GaugeMetric, windowSeconds: number): number | undefined;
  /** The agent of the app that pushes its job queues, when one was heard within the last minute: nothing is left to poll. */
  pushingAgent(): string | undefined;
  heard(): readonly Heard[];
  names(): readonly string[];
  dropped(): Tally;
  readonly lease: Lease;
  /** What its processes say of their workers, and which of them are to rest. */
  readonly rest: Rest;
}

export interface Gauge {
  readonly at: number;
  readonly value: number;
}

export interface Inbox {
  app(id: string): AppInbox;
  forget(id: string): void;
}

const keptSeconds = 120;
const nameCountMaximum = 64;
const frameCountMaximum = 512;
/** A 2.0 library speaks every second and backs off to 30 s when it failed; past this its newest word is old. */
const silentAfterSeconds = 15;
/** Judoscale's adapters report every ten seconds; two may be lost. */
const reportSeconds = 10;
const reportSilentAfterSeconds = 30;
/** Less would be a rate from a handful of seconds. */
const coveredSecondsMinimum = 10;
const aliveMs = 60_000;

export function createInbox(now: () => number): Inbox {
  const apps = new Map<string, AppInbox>();
  return {
    app: (id) => {
      const known = apps.get(id) ?? createAppInbox(now);
      apps.set(id, known);
      return known;
    },
    forget: (id) => void apps.delete(id),
  };
}

interface Named {
  readonly name: string;
  readonly times: Map<string, TimesWindow>;
  readonly gauges: Map<string, GaugeWindow>;
  at: number;
}

interface State {
  readonly now: () => number;
  readonly names: Map<string, Named>;
  readonly heard: Map<Dialect, Heard>;
  readonly dropped: Tally;
}

export function createAppInbox(now: () => number): AppInbox {
  const state: State = { now, names: new Map(), heard: new Map(), dropped: {} };
  const frames = new Set<string>();
  return {
    take: (dialect, agent, parsed) => {
      hear(state, dialect, agent);
      for (const why of Object.keys(parsed.dropped) as (keyof Tally)[])
        drop(state.dropped, why, parsed.dropped[why]);
      for (const one of parsed.pushed) keep(state, dialect, one);
    },
    refuse: (why) => drop(state.dropped, why),
    asked: (agent) => hear(state, 'hirefire-2', agent),
    isNewFrame: (id) => {
      if (frames.has(id)) return false;
      const [oldest] = frames;
      if (oldest !== undefined && frames.size >= frameCountMaximum) frames.delete(oldest);
      frames.add(id);
      return true;
    },
    requests: (name, metric, windowSeconds) => requestsIn(state, name, metric, windowSeconds),
    newest: (name, metric, maximumAgeSeconds) => {
      const found = gaugeOf(state, name, metric)?.newest(nowSecond(state) - maximumAgeSeconds);
      return found && { at: found.second * 1_000, value: found.value };
    },
    mean: (name, metric, windowSeconds) =>
      gaugeOf(state, name, metric)?.mean(nowSecond(state) - windowSeconds + 1),
    pushingAgent: () => {
      const last = state.heard.get('hirefire-2');
      if (!last || now() - last.at > aliveMs || last.agent?.startsWith('Headcount-')) return undefined;
      return last.agent ?? 'an agent without a name';
    },
    heard: () => [...state.heard.values()],
    names: () => [...state.names.values()].map(({ name }) => name),
    dropped: () => ({ ...state.dropped }),
    lease: createLease(now),
    rest: createRest(now),
  };
}

function hear({ now, heard }: State, dialect: Dialect, agent: string | undefined): void {
  const before = heard.get(dialect);
  const named = agent?.replace(/[^\x21-\x7e]/g, '').slice(0, 64) || undefined;
  heard.set(dialect, {
    dialect,
    ...(named && { agent: named }),
    firstAt: before?.firstAt ?? now(),
    at: now(),
    count: (before?.count ?? 0) + 1,
  });
}

function keep(state: State, dialect: Dialect, pushed: Pushed): void {
  const named = namedIn(state, pushed.name);
  if (!named) {
    drop(state.dropped, 'crowded');
    return;
  }
  const key = `${dialect} ${pushed.metric}`;
  if ('count' in pushed) {
    const window = made(named.times, key, createTimes);
    if (!window.add(pushed.second, pushed.count, pushed.ms)) drop(state.dropped, 'late');
    return;
  }
  const gauge = made(named.gauges, pushed.metric, createGauge);
  // Of jobs one process speaks for all; of CPU, load and the like each speaks for itself.
  const perProcess = /^(cpu|utilisation|event-loop|in-flight|load\d+)$/.test(pushed.metric);
  const kept = perProcess ? gauge.add(pushed.second, pushed.value) : gauge.set(pushed.second, pushed.value);
  if (!kept) drop(state.dropped, 'late');
}

/** Names are told apart without regard to case, as the libraries do. The one that was silent longest makes room. */
function namedIn({ names, now }: State, name: string): Named | undefined {
  const key = name.toLowerCase();
  const at = now();
  let named = names.get(key);
  if (!named) {
    if (names.size >= nameCountMaximum) {
      const [oldest] = [...names].sort(([, a], [, b]) => a.at - b.at);
      if (!oldest || at - oldest[1].at < keptSeconds * 1_000) return undefined;
      names.delete(oldest[0]);
    }
    named = { name, times: new Map(), gauges: new Map(), at };
    names.set(key, named);
  }
  named.at = at;
  return named;
}

function made<W>(windows: Map<string, W>, key: string, create: (secondCount: number) => W): W {
  const window = windows.get(key) ?? create(keptSeconds);
  windows.set(key, window);
  return window;
}

function requestsIn(
  state: State,
  name: string,
  metric: TimesMetric,
  windowSeconds: number,
): Requests | Silence {
  let silence: Silence = { seen: false };
  for (const dialect of dialects) {
    const window = state.names.get(name.toLowerCase())?.times.get(`${dialect} ${metric}`);
    const heard = state.heard.get(dialect);
    if (!window || !heard) continue;
    const seen =
      dialect === 'judoscale'
        ? reportedIn(state, window, name, heard, windowSeconds)
        : seenIn(state, window, heard, windowSeconds);
    if (seen) return seen;
    if (silence.at === undefined || heard.at > silence.at) silence = { seen: false, dialect, at: heard.at };
  }
  return silence;
}

function seenIn(
  state: State,
  window: TimesWindow,
  heard: Heard,
  windowSeconds: number,
): Requests | undefined {
  const to = nowSecond(state);
  const { dialect } = heard;
  const { coveredSeconds, count, histogram: times } = window.over(to - windowSeconds + 1, to);
  if (dialect === 'hirefire-2') {
    const fresh = window.over(to - silentAfterSeconds, to).coveredSeconds > 0;
    if (!fresh || coveredSeconds < Math.min(coveredSecondsMinimum, windowSeconds)) return undefined;
    return { seen: true, dialect, seconds: coveredSeconds, count, times };
  }
  // The others do not say which seconds they watched: since they were first heard, if they still are.
  const alive = dialect === 'logplex' && state.now() - heard.at <= aliveMs;
  if (count === 0 && !alive) return undefined;
  const since = to - Math.floor(heard.firstAt / 1_000) + 1;
  return { seen: true, dialect, seconds: Math.max(1, Math.min(windowSeconds, since)), count, times };
}

/** Judoscale reports the last ten seconds at once, so what counts ends with the newest report of a web process. */
function reportedIn(
  state: State,
  window: TimesWindow,
  name: string,
  { firstAt }: Heard,
  windowSeconds: number,
): Requests | undefined {
  const to = gaugeOf(state, name, 'alive')?.newest(nowSecond(state) - reportSilentAfterSeconds)?.second;
  if (to === undefined) return undefined;
  const since = to - Math.floor(firstAt / 1_000) + reportSeconds;
  const { count, histogram: times } = window.over(to - windowSeconds + 1, to);
  return { seen: true, dialect: 'judoscale', seconds: Math.min(windowSeconds, since), count, times };
}

function gaugeOf({ names }: State, name: string, metric: GaugeMetric): GaugeWindow | undefined {
  return names.get(name.toLowerCase())?.gauges.get(metric);
}

function nowSecond({ now }: State): number {
  return Math.floor(now() / 1_000);
}
