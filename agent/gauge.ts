/**
 * A meter with its guards, so that it can harm nothing: it is given a time limit, it is not called again while it hangs, and
 * whatever it throws or answers becomes a count or `undefined`, "cannot tell". Calls that come together share one measurement.
 */
import { type AnyMeter, type Count, countOf, type JobCounts } from './reading.ts';

/**
 * How much work there is for one process type: a number of jobs, or seconds, or counts of jobs. The signal is aborted when time is up.
 */
export type AgentMeter = (signal: AbortSignal) => number | JobCounts | Promise<number | JobCounts>;

export interface Gauge {
  readonly name: string;
  /** Never rejects. Undefined: it cannot tell now, and the reason has been reported. */
  read(): Promise<Count | undefined>;
}

export interface GaugeOptions {
  readonly processTypes: Readonly<Record<string, AgentMeter | AnyMeter>>;
  readonly timeoutMs?: number;
}

type Report = (processType: string, problem: unknown) => void;

const processTypeCountMaximum = 100;
const nameShape = /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/;
/** A call that hangs this many time limits long is given up, and the meter is tried anew. */
const abandonAfterTimeouts = 15;

export function gaugesOf(options: GaugeOptions, now: () => number, report: Report): Gauge[] {
  const timeoutMs = Math.min(Math.max(options.timeoutMs || 2_000, 1), 60_000);
  const gauges: Gauge[] = [];
  for (const [name, meter] of Object.entries(options.processTypes)) {
    const measure = measureOf(meter);
    if (!nameShape.test(name))
      report(name, 'left out: a process type is a letter, then letters, digits, _ and -, at most 63');
    else if (!measure) report(name, 'left out: its meter is no function and has no read()');
    else if (gauges.length >= processTypeCountMaximum)
      report(name, `left out: there are more than ${processTypeCountMaximum}`);
    else gauges.push(gaugeOf(name, measure, timeoutMs, now, (why) => report(name, why)));
  }
  return gauges;
}

type Measure = (signal: AbortSignal) => unknown;

function measureOf(meter: unknown): Measure | undefined {
  if (typeof meter === 'function') return meter as Measure;
  if (typeof meter !== 'object' || meter === null || !('read' in meter)) return undefined;
  return typeof meter.read === 'function' ? (signal) => (meter as AnyMeter).read(signal) : undefined;
}

function gaugeOf(
  name: string,
  measure: Measure,
  timeoutMs: number,
  now: () => number,
  report: (problem: unknown) => void,
): Gauge {
  let call: { readonly result: Promise<Count>; readonly since: number } | undefined;
  const start = (): Promise<Count> => {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    timer.unref();
    const result = (async () => countOf(await measure(limit.signal)))();
    const mine = { result, since: now() };
    call = mine;
    const settle = (): void => {
      clearTimeout(timer);
      if (call === mine) call = undefined;
    };
    result.then(settle, settle);
    return result;
  };
  const read = async (): Promise<Count | undefined> => {
    const pending = call && now() - call.since < timeoutMs * abandonAfterTimeouts ? call.result : undefined;
    try {
      return await within(timeoutMs, pending ?? start());
    } catch (problem) {
      report(problem);
      return undefined;
    }
  };
  return { name, read };
}

function within(timeoutMs: number, result: Promise<Count>): Promise<Count> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new TypeError(`the meter did not answer within ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    timer.unref();
    result.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
