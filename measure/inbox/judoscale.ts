/**
 * The report of Judoscale's adapters (Ruby, Node, Python, Java), every ten seconds from each process, as numbers of ours.
 *
 *   {"container":"web.1","pid":7,"config":{},"adapters":{"judoscale-express":{}},
 *    "metrics":[[1767225600,12,"qt",null],[1767225600,34,"qd","default"]]}
 *
 * qt queue time in ms: of a request without a queue's name, of the oldest job with one. at: time in the app, ms. up: percent of the
 * time with a request at work. qd: jobs that wait. busy: jobs at work. nt, the wait for a body, is the network's. Facts: judoscale-node.
 *
 * Requests are filed under the process type that the container names (`web.1`, `web-1`), else under `web`; jobs under `queue:` and
 * the queue. A web process tells how busy it is in every report, so a report without such a number is of a worker and says
 * nothing about requests; taking silence there for "no requests" was rejected.
 */
import {
  drop,
  isName,
  type Parsed,
  type Pushed,
  problemWithNumber,
  problemWithSecond,
  type Tally,
  timeMaximumMs,
} from './pushed.ts';

const metricCountMaximum = 100_000;
const jobsMaximum = 1e15;
/** Jobs may wait for weeks. */
const jobWaitMaximumMs = 1e10;

export interface Report extends Parsed {
  /** As it calls itself: `judoscale-express 2.3.5`. */
  readonly agent?: string;
}

export function queueName(queue: string): string {
  return `queue:${queue}`;
}

/** Nothing when it is no report at all. */
export function parseReport(body: string, now: number): Report | undefined {
  const report = parseObject(body);
  if (!report || !Array.isArray(report.metrics)) return undefined;
  const work: Work = {
    nowSecond: Math.floor(now / 1_000),
    type: typeOf(report.container),
    pushed: [],
    dropped: {},
  };
  const metrics: readonly unknown[] = report.metrics;
  if (metrics.length > metricCountMaximum) drop(work.dropped, 'crowded', metrics.length - metricCountMaximum);
  for (const metric of metrics.slice(0, metricCountMaximum)) addMetric(work, metric);
  if (work.pushed.some(({ name }) => name === work.type))
    work.pushed.push({ metric: 'alive', name: work.type, second: work.nowSecond, value: 1 });
  const agent = agentOf(report.adapters);
  return { pushed: work.pushed, dropped: work.dropped, ...(agent && { agent }) };
}

interface Work {
  readonly nowSecond: number;
  readonly type: string;
  readonly pushed: Pushed[];
  readonly dropped: Tally;
}

function addMetric(work: Work, metric: unknown): void {
  const [time, value, id, queue] = Array.isArray(metric) ? metric : [];
  const second = typeof time === 'number' ? Math.floor(time) : Number.NaN;
  const ofJobs = queue !== null && queue !== undefined;
  const name = ofJobs ? queueName(String(queue)) : work.type;
  const known = (ofJobs ? ofQueue : ofRequests)[String(id)];
  // What a later adapter measures is none of our business; what is no number is.
  if (id === 'nt' || (typeof id === 'string' && !known)) return;
  const problem =
    (known && isName(name) ? undefined : 'malformed') ??
    problemWithSecond(second, work.nowSecond) ??
    problemWithNumber(value, known?.maximum ?? 0);
  if (problem) drop(work.dropped, problem);
  else if (known) work.pushed.push(known.make(name, second, value as number));
}

interface Known {
  readonly maximum: number;
  make(name: string, second: number, value: number): Pushed;
}

const ofRequests: Readonly<Record<string, Known | undefined>> = Object.assign(Object.create(null), {
  qt: {
    maximum: timeMaximumMs,
    make: (name: string, second: number, ms: number) => ({
      metric: 'queue-time',
      name,
      second,
      count: 1,
      ms,
    }),
  },
  at: {
    maximum: 86_400_000,
    make: (name: string, second: number, ms: number) => ({
      metric: 'service-time',
      name,
      second,
      count: 1,
      ms,
    }),
  },
  up: { maximum: 100, make: gauge('utilisation') },
});

const ofQueue: Readonly<Record<string, Known | undefined>> = Object.assign(Object.create(null), {
  qt: {
    maximum: jobWaitMaximumMs,
    make: (name: string, second: number, ms: number) => gauge('latency')(name, second, ms / 1_000),
  },
  qd: { maximum: jobsMaximum, make: gauge('jobs') },
  busy: { maximum: jobsMaximum, make: gauge('working') },
});

function gauge(metric: 'latency' | 'jobs' | 'working' | 'utilisation'): Known['make'] {
  return (name, second, value) => ({ metric, name, second, value });
}

/** `web.1` at Heroku, `web-1` at Scalingo; elsewhere the name of a container says nothing. */
function typeOf(container: unknown): string {
  const named = /^([A-Za-z][A-Za-z_]*)[.-]\d{1,5}$/.exec(typeof container === 'string' ? container : '')?.[1];
  return named && isName(named) ? named : 'web';
}

function agentOf(adapters: unknown): string | undefined {
  if (!isObject(adapters)) return undefined;
  const all = Object.entries(adapters);
  const special = all.filter(([name]) => !/^judoscale-(node|ruby|python|java)$/.test(name));
  const names = (special.length > 0 ? special : all)
    .slice(0, 4)
    .map(([name, meta]) =>
      isObject(meta) && typeof meta.adapter_version === 'string' ? `${name}-${meta.adapter_version}` : name,
    );
  return names.join('+') || undefined;
}

function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
