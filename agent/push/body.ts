/**
 * The bodies of a push. Facts: hirefire-resource 1.x and 2.0.
 *
 *   hirefire-1   {"1795324083":[5,9]}                                every wait in ms by second; seconds without requests are left out
 *   hirefire-2   [{"name":"web","metrics":{"rqt":{"1795324083":[7,2]},"cpu":{"1795324083":37.5}}},
 *                 {"name":"worker","metrics":{"jqs":{"1795324083":42}}}]
 *   headcount    the same and more: `samples`, the waits one by one, while a second has no more than 200 of them, so that percentiles are
 *                exact; `rst` response times in the shape of rqt, and `ers` those of requests
 *                that were answered with 5xx; `elu` event loop, percent; `inf` requests at work; `ltr` jobs due later
 *
 * A second in hirefire-2 is told even when it had no request; without any router that says since when requests wait it is left out.
 */
import type { Count } from '../reading.ts';
import type { Second } from './seconds.ts';
import type { Form } from './where.ts';

/** The number of one process type, at one moment, as the plan asks for it. */
export interface JobSample {
  readonly name: string;
  readonly second: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface WebSeconds {
  readonly name: string;
  readonly seconds: readonly Second[];
  /** False: this process serves no requests. */
  readonly serves: boolean;
  /** False: nobody says since when its requests wait. */
  readonly waits: boolean;
}

/** HireFire's servers and ours take no more. */
export const bodyBytesMaximum = 131_072;
const singleWaitsMaximum = 200;

/** Undefined: there is nothing to say. */
export function bodyOf(
  form: Form,
  web: WebSeconds | undefined,
  jobs: readonly JobSample[],
): string | undefined {
  if (form === 'hirefire-1') return web && bodyOfWaits(web.seconds);
  const entries = (single: boolean): object[] => [
    ...(web && web.seconds.length > 0 ? [entryOfWeb(form, web, single)] : []),
    ...jobs.map(({ name, second, metrics }) => ({
      name,
      metrics: mapped(metrics, (n) => ({ [second]: n })),
    })),
  ];
  const full = entries(form === 'headcount');
  if (full.length === 0) return undefined;
  const body = JSON.stringify(full);
  return Buffer.byteLength(body) <= bodyBytesMaximum ? body : JSON.stringify(entries(false));
}

function bodyOfWaits(seconds: readonly Second[]): string | undefined {
  const some = seconds.filter(({ waits }) => waits.length > 0);
  if (some.length === 0) return undefined;
  return JSON.stringify(Object.fromEntries(some.map(({ second, waits }) => [second, waits])));
}

function entryOfWeb(form: Form, { name, seconds, serves, waits }: WebSeconds, single: boolean): object {
  const isSingle = (one: Second): boolean =>
    single && one.waits.length === one.waitedCount && one.waitedCount <= singleWaitsMaximum;
  const samples = bySecond(waits ? seconds.filter(isSingle) : [], (one) => one.waits);
  const means = waits ? seconds.filter((one) => !isSingle(one)) : [];
  const metrics = {
    rqt: bySecond(means, (one) => mean(one.waitedMs, one.waitedCount)),
    cpu: bySecond(seconds, (one) => one.cpu),
    ...(form === 'headcount' && {
      rst: bySecond(serves ? seconds : [], (one) => mean(one.tookMs, one.tookCount)),
      ers: bySecond(serves ? seconds : [], (one) => mean(one.failedMs, one.failedCount)),
      elu: bySecond(seconds, (one) => one.eventLoop),
      inf: bySecond(serves ? seconds : [], (one) => one.inFlight),
    }),
  };
  return { name, ...filled({ samples }), metrics: filled(metrics) };
}

function mean(sumMs: number, count: number): readonly number[] {
  return count === 0 ? [] : [Math.round((100 * sumMs) / count) / 100, count];
}

function bySecond(seconds: readonly Second[], value: (one: Second) => unknown): Record<string, unknown> {
  return Object.fromEntries(
    seconds.map((one) => [String(one.second), value(one)]).filter(([, found]) => found !== undefined),
  );
}

function filled(parts: Readonly<Record<string, object>>): Record<string, object> {
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => Object.keys(part).length > 0));
}

function mapped<A, B>(from: Readonly<Record<string, A>>, make: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [key, make(value)]));
}

/**
 * What a plan's entry gets of a count. HireFire files what it gets under the strategy that it asked for; ours wants everything that is
 * known, what waits and what runs apart. Empty: this process cannot say it.
 */
export function metricsOf(
  form: Form,
  entry: { readonly strategy: string; readonly skipWorking: boolean },
  count: Count,
): Record<string, number> {
  const { value, waiting, running, later, oldestSeconds } = count;
  if (waiting === undefined) return { [entry.strategy]: value };
  const working = running === undefined ? {} : { wrk: running };
  const latency = oldestSeconds === undefined ? {} : { jql: oldestSeconds };
  if (form === 'headcount')
    return { jqs: waiting, ...working, ...latency, ...(later === undefined ? {} : { ltr: later }) };
  if (entry.strategy === 'jql') return oldestSeconds === undefined ? {} : { ...latency, ...working };
  return entry.skipWorking ? { jqs: waiting, ...working } : { jqs: value };
}
