/**
 * The two forms in which HireFire's libraries push, as numbers of ours.
 *
 *   1.x   {"1795324083":[5,9]}                       every queue time in ms, by second; always of `web`
 *   2.0   [{"name":"web","metrics":{"rqt":{"1767225600":[25.0,1]}}},
 *          {"name":"worker","metrics":{"jqs":{"1767225600":42}}}]
 *         rqt: mean and count of one process, [] = alive without traffic; jqs jobs, jql seconds, wrk jobs in work, cpu percent
 *   draft [{"name":"web","samples":{"1767225600":[12,8]}},{"name":"worker","sample":42}]
 *
 * Of our own agent: `rst`, response time in the shape of rqt, and `ers`, that of requests answered with 5xx; `elu` percent of the time its event loop was at work; `inf` requests
 * at work; `ltr` jobs due later. Facts: hirefire-resource 1.x and the 2.0 development
 * revisions for Ruby, Python and Node. A library re-sends what was not acknowledged and has no sequence number, so a
 * second may come in parts and, after a lost answer, twice. The parts are added up; telling a repetition from a second process
 * that saw the same was rejected because it cannot be done: times then weigh double, gauges are not changed.
 */
import {
  beginWork,
  drop,
  type GaugeMetric,
  isName,
  type Parsed,
  problemWithNumber,
  problemWithSecond,
  type TimesMetric,
  timeMaximumMs,
  type Work,
} from './pushed.ts';

const entryCountMaximum = 512;
const secondCountMaximum = 120;
const valueCountMaximum = 100_000;
const gaugeMaximum = 1e15;
const requestCountMaximum = 1e6;

const timesOf: Readonly<Record<string, readonly TimesMetric[]>> = {
  rqt: ['queue-time'],
  rst: ['service-time'],
  ers: ['failed', 'service-time'],
};
const gaugeOf: Readonly<Record<string, GaugeMetric>> = {
  jqs: 'jobs',
  jql: 'latency',
  wrk: 'working',
  cpu: 'cpu',
  elu: 'event-loop',
  inf: 'in-flight',
  ltr: 'later',
};

/** The body of a 1.x push; nothing when it is no JSON object at all. */
export function parseQueueTimes(body: string, now: number): Parsed | undefined {
  const bySecond = parseJson(body);
  if (!isObject(bySecond)) return undefined;
  const work = beginWork(now);
  eachSecond(work, bySecond, (second, values) => addTimes(work, 'web', second, values));
  return work;
}

/** The body of a 2.0 push, the draft form too; nothing when it is no JSON list at all. */
export function parseMetrics(body: string, now: number): Parsed | undefined {
  const entries = parseJson(body);
  if (!Array.isArray(entries)) return undefined;
  const work = beginWork(now);
  if (entries.length > entryCountMaximum) drop(work.dropped, 'crowded', entries.length - entryCountMaximum);
  for (const entry of entries.slice(0, entryCountMaximum)) {
    if (isObject(entry) && isName(entry.name)) addEntry(work, entry.name, entry);
    else drop(work.dropped, 'malformed');
  }
  return work;
}

function addEntry(work: Work, name: string, { metrics, samples, sample }: Record<string, unknown>): void {
  if (samples !== undefined) eachSecond(work, samples, (second, list) => addTimes(work, name, second, list));
  if (sample !== undefined) addGauge(work, 'sample', name, work.nowSecond, sample);
  if (metrics !== undefined && !isObject(metrics)) drop(work.dropped, 'malformed');
  for (const [strategy, bySecond] of Object.entries(isObject(metrics) ? metrics : {})) {
    const times = timesOf[strategy] ?? [];
    const gauge = gaugeOf[strategy];
    for (const metric of times)
      eachSecond(work, bySecond, (second, pair) => addMean(work, metric, name, second, pair));
    if (gauge) eachSecond(work, bySecond, (second, value) => addGauge(work, gauge, name, second, value));
    else if (times.length === 0) drop(work.dropped, 'malformed');
  }
}

function eachSecond(work: Work, bySecond: unknown, add: (second: number, value: unknown) => void): void {
  if (!isObject(bySecond)) drop(work.dropped, 'malformed');
  let left = secondCountMaximum;
  for (const [key, value] of Object.entries(isObject(bySecond) ? bySecond : {})) {
    const second = /^\d{1,12}$/.test(key) ? Number(key) : Number.NaN;
    const problem = left-- > 0 ? problemWithSecond(second, work.nowSecond) : 'crowded';
    if (problem) drop(work.dropped, problem, Array.isArray(value) ? Math.max(1, value.length) : 1);
    else add(second, value);
  }
}

/** Every value by itself, as 1.x sends them. */
function addTimes(work: Work, name: string, second: number, values: unknown): void {
  if (!Array.isArray(values)) drop(work.dropped, 'malformed');
  else if (values.length === 0) work.pushed.push({ metric: 'queue-time', name, second, count: 0 });
  for (const value of Array.isArray(values) ? values : []) {
    const crowded = work.pushed.length >= valueCountMaximum ? 'crowded' : undefined;
    const problem = crowded ?? problemWithNumber(value, timeMaximumMs);
    if (problem) drop(work.dropped, problem);
    else work.pushed.push({ metric: 'queue-time', name, second, count: 1, ms: value });
  }
}

/** `[mean, count]`, or `[]` of a process that is alive and had no request. */
function addMean(work: Work, metric: TimesMetric, name: string, second: number, pair: unknown): void {
  const [ms, count, ...rest] = Array.isArray(pair) ? pair : [null];
  if (ms === undefined) {
    work.pushed.push({ metric, name, second, count: 0 });
    return;
  }
  const wrong = rest.length > 0 || !Number.isInteger(count) ? 'malformed' : undefined;
  const problem =
    wrong ?? problemWithNumber(count, requestCountMaximum) ?? problemWithNumber(ms, timeMaximumMs);
  if (problem) drop(work.dropped, problem);
  else work.pushed.push({ metric, name, second, count, ms });
}

function addGauge(work: Work, metric: GaugeMetric, name: string, second: number, value: unknown): void {
  const problem = problemWithNumber(value, metric === 'cpu' || metric === 'event-loop' ? 100 : gaugeMaximum);
  if (problem) drop(work.dropped, problem);
  else work.pushed.push({ metric, name, second, value: value as number });
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
