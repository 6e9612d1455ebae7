/**
 * What this controller can tell Prometheus and OpenTelemetry, in a registry of its own: what waits and runs per manager, what
 * was decided, how checkups go, and the process itself.
 *
 * It lives on what checkups tell, so that a scrape asks neither the store nor a platform; prices alone are asked, behind the
 * scrape, at most every ten minutes. A number that is unknown has no series: zero would be a lie that an alert believes.
 * The labels are app, process type and outcome, of at most 10,000 managers; those of a manager that is no longer watched here go.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CheckupEvent } from './api.ts';
import type { Clock } from './clock.ts';
import type { WatchedManager } from './watched.ts';

export interface Metrics {
  heard(event: CheckupEvent): void;
  /** Prometheus' text format, and its media type. */
  text(): Promise<string>;
  readonly contentType: string;
  values(): Promise<MetricValues[]>;
}

/** One metric with its series, as prom-client gives them. */
export type MetricValues = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number];

export interface MetricsSources {
  readonly clock: Pick<Clock, 'now'>;
  readonly intervalMs: number;
  manager(app: string, processType: string): Pick<WatchedManager, 'stored'> | undefined;
  /** Whether the app's checkups come from here; another controller tells of the others. */
  holds(app: string): boolean;
  /** Money per process and second by process type; nothing where the fleet does not tell. */
  prices(app: string): Promise<Readonly<Record<string, number>> | undefined>;
}

const mostManagers = 10_000;
const pricesEveryMs = 10 * 60_000;
/** A checkup comes up to so much later than its interval by intent. */
const jitterShare = 0.05;
const labelNames = ['app', 'process_type'] as const;
const buckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const gauges = {
  headcount_waiting_jobs: 'Jobs that could start now and have not.',
  headcount_running_jobs: 'Jobs being worked on.',
  headcount_later_jobs: 'Jobs due in the future.',
  headcount_oldest_wait_seconds: 'Age of the oldest waiting job.',
  headcount_slots: 'Jobs that the live workers can work on at a time.',
  headcount_processes: 'Processes that exist and are not stopping.',
  headcount_desired_processes: 'Processes that were decided on.',
  headcount_minimum_processes: 'The lower bound of the manager.',
  headcount_maximum_processes: 'The upper bound of the manager.',
  headcount_paused: '1: the manager measures and records, and changes nothing.',
  headcount_unknown: '1: the last checkup could not tell how much work there is.',
  headcount_last_checkup_timestamp_seconds: 'When the last checkup measured.',
  headcount_cost_per_hour: 'What the processes cost in an hour, in the currency of the platform.',
} as const;

type GaugeName = keyof typeof gauges;

interface Known {
  readonly app: string;
  readonly processType: string;
  event: CheckupEvent;
}

interface State {
  readonly sources: MetricsSources;
  readonly registry: Registry;
  readonly known: Map<string, Known>;
  /** By app: when its last checkup measured. */
  readonly lastAt: Map<string, number>;
  readonly prices: Map<string, { at: number; perSecond: Readonly<Record<string, number>> | undefined }>;
  readonly leftOut: Set<string>;
}

export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const state: State = {
    sources,
    registry,
    known: new Map(),
    lastAt: new Map(),
    prices: new Map(),
    leftOut: new Set(),
  };
  const instruments = createInstruments(registry);
  let watchesProcess = false;
  const refresh = (): void => {
    // Not before somebody asks: it watches the event loop from then on.
    if (!watchesProcess) collectDefaultMetrics({ register: registry });
    watchesProcess = true;
    forgetGone(state, instruments);
    for (const gauge of instruments.gauges.values()) gauge.reset();
    for (const one of state.known.values()) show(state, instruments, one);
    instruments.managers.set(state.known.size);
    instruments.leftOut.set(state.leftOut.size);
  };
  return {
    heard: (event) => hear(state, instruments, event),
    text: async () => {
      refresh();
      return await registry.metrics();
    },
    contentType: registry.contentType,
    values: async () => {
      refresh();
      return await registry.getMetricsAsJSON();
    },
  };
}

type Instruments = ReturnType<typeof createInstruments>;

function createInstruments(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labels: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames: labels, registers });
  const histogram = (name: string, help: string): Histogram =>
    new Histogram({ name, help, buckets, registers });
  const gaugeOf = (name: GaugeName): [GaugeName, Gauge<(typeof labelNames)[number]>] => [
    name,
    new Gauge({ name, help: gauges[name], labelNames, registers }),
  ];
  return {
    gauges: new Map((Object.keys(gauges) as GaugeName[]).map(gaugeOf)),
    checkups: counter('headcount_checkups_total', 'Checkups.', labelNames),
    unknown: counter('headcount_unknown_checkups_total', 'Checkups with an unknown reading.', labelNames),
    decisions: counter('headcount_decisions_total', 'Decisions on record, by what became of them.', [
      ...labelNames,
      'outcome',
    ]),
    duration: histogram('headcount_checkup_duration_seconds', 'From measuring to recording, per app.'),
    lateness: histogram(
      'headcount_checkup_lateness_seconds',
      'How much later than its interval a checkup came.',
    ),
    managers: new Gauge({ name: 'headcount_managers', help: 'Managers that are told of here.', registers }),
    leftOut: new Gauge({
      name: 'headcount_managers_left_out',
      help: 'Managers beyond the 10,000th.',
      registers,
    }),
  };
}

function hear(state: State, instruments: Instruments, event: CheckupEvent): void {
  const { app, processType, decision } = event;
  const key = `${app}/${processType}`;
  const known = state.known.get(key);
  if (known) known.event = event;
  else if (state.known.size < mostManagers) state.known.set(key, { app, processType, event });
  else if (state.leftOut.size < mostManagers) state.leftOut.add(key);
  time(state, instruments, event);
  if (!state.known.has(key)) return;
  const labels = { app, process_type: processType };
  instruments.checkups.inc(labels);
  instruments.unknown.inc(labels, event.unknown === undefined ? 0 : 1);
  if (decision) instruments.decisions.inc({ ...labels, outcome: decision.outcome });
}

/** Once per checkup of an app, whatever number of managers it has. */
function time(
  { lastAt, sources }: State,
  { duration, lateness }: Instruments,
  { app, point }: CheckupEvent,
): void {
  const before = lastAt.get(app);
  if (before === point.at) return;
  lastAt.set(app, point.at);
  const { clock, intervalMs } = sources;
  duration.observe(Math.max(0, clock.now() - point.at) / 1000);
  if (before === undefined) return;
  lateness.observe(Math.max(0, point.at - before - intervalMs * (1 + jitterShare)) / 1000);
}

function forgetGone({ known, lastAt, prices, leftOut, sources }: State, instruments: Instruments): void {
  for (const [key, { app, processType }] of known) {
    if (sources.holds(app) && sources.manager(app, processType)) continue;
    known.delete(key);
    const labels = { app, process_type: processType };
    instruments.checkups.remove(labels);
    instruments.unknown.remove(labels);
    for (const outcome of ['scaled', 'failed', 'dry-run', 'kept'])
      instruments.decisions.remove({ ...labels, outcome });
  }
  const apps = new Set([...known.values()].map(({ app }) => app));
  for (const map of [lastAt, prices]) for (const app of map.keys()) if (!apps.has(app)) map.delete(app);
  for (const key of leftOut) {
    const [app = '', processType = ''] = key.split('/');
    if (known.has(key) || !sources.holds(app) || !sources.manager(app, processType)) leftOut.delete(key);
  }
}

function show(state: State, instruments: Instruments, { app, processType, event }: Known): void {
  const { point } = event;
  const { minimum, maximum, paused } = state.sources.manager(app, processType)?.stored ?? {};
  const price = priceOf(state, app)?.[processType];
  const values: Record<GaugeName, number | undefined> = {
    headcount_waiting_jobs: point.waiting,
    headcount_running_jobs: point.running,
    headcount_later_jobs: point.later,
    headcount_oldest_wait_seconds: point.oldestSeconds,
    headcount_slots: point.slots,
    headcount_processes: point.current,
    headcount_desired_processes: point.desired,
    headcount_minimum_processes: minimum,
    headcount_maximum_processes: maximum,
    headcount_paused: paused === undefined ? undefined : Number(paused),
    headcount_unknown: event.unknown === undefined ? 0 : 1,
    headcount_last_checkup_timestamp_seconds: point.at / 1000,
    headcount_cost_per_hour: price === undefined ? undefined : price * point.current * 3600,
  };
  for (const [name, value] of Object.entries(values) as [GaugeName, number | undefined][])
    if (value !== undefined) instruments.gauges.get(name)?.set({ app, process_type: processType }, value);
}

/** What is known of them by now; asked for behind, so that a slow platform holds up no scrape. */
function priceOf({ prices, sources }: State, app: string): Readonly<Record<string, number>> | undefined {
  const now = sources.clock.now();
  const known = prices.get(app);
  if (!known || now - known.at > pricesEveryMs) {
    const entry = { at: now, perSecond: known?.perSecond };
    prices.set(app, entry);
    void sources.prices(app).then(
      (perSecond) => {
        entry.perSecond = perSecond;
      },
      () => {
        entry.perSecond = undefined;
      },
    );
  }
  return known?.perSecond;
}
