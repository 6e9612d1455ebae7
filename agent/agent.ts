/**
 * The agent answers one question over HTTP: how much work waits for each process type?
 *
 *   GET /hirefire/<token>/info                      -> 200 [{"name":"worker","value":5}]
 *   GET /hirefire   with header HireFire-Token      -> the same; keeps the token out of access logs
 *
 * It lives inside somebody's app, so its first duty is to harm nothing: a request that is not exactly ours falls through to
 * the app, a wrong token too; a meter that throws, rejects, hangs or answers nonsense gives `null` ("cannot tell",
 * never 0) for its own process type and leaves the others alone. Polls that come together share one measurement, and a
 * meter that hangs is not called again until it answers or has been given up, so a slow database is
 * not asked ever more questions. The other way, one answer of 500 for all when one meter fails, is what
 * older libraries do: one broken queue then blinds the autoscaler for every process type.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** How much work waits for one process type: a number of jobs, or seconds. The signal is aborted when time is up. */
export type AgentMeter = (signal: AbortSignal) => number | Promise<number>;

export interface AgentOptions {
  /** Default: HEADCOUNT_TOKEN, then HIREFIRE_TOKEN, of the environment; without any, the literal `development`. */
  readonly token?: string;
  /** A meter per process type, named as in the Procfile. */
  readonly processTypes: Readonly<Record<string, AgentMeter>>;
  /** A meter that takes longer is answered with `null`. Default 2,000 ms. */
  readonly timeoutMs?: number;
  /** Told of every meter that failed. Default: a warning of the process, at most one a minute per process type. */
  readonly onProblem?: (processType: string, problem: unknown) => void | Promise<void>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds of a clock that only moves forward. */
  readonly now?: () => number;
}

export interface AgentRequest {
  readonly method?: string | undefined;
  /** Path and query, as node:http gives it. */
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface AgentResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Agent {
  /** Undefined at once when the request is not ours; otherwise a promise that never rejects. */
  handle(request: AgentRequest): Promise<AgentResponse> | undefined;
}

const processTypeCountMaximum = 100;
const nameShape = /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/;
/** A call that hangs this many time limits long is given up, and the meter is tried anew. */
const abandonAfterTimeouts = 15;
const headers: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  'cache-control': 'must-revalidate, private, max-age=0',
};

export function createAgent(options: AgentOptions): Agent {
  const env = options.env ?? process.env;
  const token = options.token || env.HEADCOUNT_TOKEN || env.HIREFIRE_TOKEN || 'development';
  const now = options.now ?? (() => performance.now());
  const tell = options.onProblem ?? warnOnceAMinute(now);
  const report = (processType: string, problem: unknown): void => {
    // a listener that throws or rejects must not harm the app either
    void (async () => tell(processType, problem))().catch(() => undefined);
  };
  const gauges = gaugesOf(options, now, report);
  const measure = async (): Promise<AgentResponse> => {
    const body = await Promise.all(
      gauges.map(async (gauge) => ({ name: gauge.name, value: await gauge.read() })),
    );
    return { status: 200, headers, body: JSON.stringify(body) };
  };
  return { handle: (request) => (isOurs(request, token) ? measure() : undefined) };
}

function isOurs({ method, url, headers }: AgentRequest, token: string): boolean {
  if (method !== 'GET' || !url?.startsWith('/hirefire')) return false;
  if (url === '/hirefire') return sameText(headers['hirefire-token'], token);
  return sameText(/^\/hirefire\/([^/?#]+)\/info$/.exec(url)?.[1], token);
}

/** Takes the same time wherever the first difference is. */
function sameText(given: string | readonly string[] | undefined, wanted: string): boolean {
  if (typeof given !== 'string' || given.length > 1_024) return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

interface Gauge {
  readonly name: string;
  read(): Promise<number | null>;
}

function gaugesOf(
  options: AgentOptions,
  now: () => number,
  report: (processType: string, problem: unknown) => void,
): Gauge[] {
  const timeoutMs = Math.min(Math.max(options.timeoutMs || 2_000, 1), 60_000);
  const gauges: Gauge[] = [];
  for (const [name, meter] of Object.entries(options.processTypes)) {
    const problem = problemWith(name, meter, gauges.length);
    if (problem) report(name, problem);
    else gauges.push(gaugeOf(name, meter, timeoutMs, now, (why) => report(name, why)));
  }
  return gauges;
}

function problemWith(name: string, meter: unknown, count: number): string | undefined {
  if (!nameShape.test(name))
    return 'left out: a process type is a letter, then letters, digits, _ and -, at most 63';
  if (typeof meter !== 'function') return 'left out: its meter is not a function';
  return count >= processTypeCountMaximum
    ? `left out: there are more than ${processTypeCountMaximum}`
    : undefined;
}

function gaugeOf(
  name: string,
  meter: AgentMeter,
  timeoutMs: number,
  now: () => number,
  report: (problem: unknown) => void,
): Gauge {
  let call: { readonly result: Promise<number>; readonly since: number } | undefined;
  const start = (): Promise<number> => {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    timer.unref();
    const result = (async () => checked(await meter(limit.signal)))();
    const mine = { result, since: now() };
    call = mine;
    const settle = (): void => {
      clearTimeout(timer);
      if (call === mine) call = undefined;
    };
    result.then(settle, settle);
    return result;
  };
  const read = async (): Promise<number | null> => {
    const pending = call && now() - call.since < timeoutMs * abandonAfterTimeouts ? call.result : undefined;
    try {
      return await within(timeoutMs, pending ?? start());
    } catch (problem) {
      report(problem);
      return null;
    }
  };
  return { name, read };
}

function checked(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new TypeError(
    `the meter answered ${typeof value === 'number' ? value : typeof value}, not a finite number`,
  );
}

function within(timeoutMs: number, result: Promise<number>): Promise<number> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new TypeError(`the meter did not answer within ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    timer.unref();
    result.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function warnOnceAMinute(now: () => number): (processType: string, problem: unknown) => void {
  const told = new Map<string, number>();
  return (processType, problem) => {
    if (now() - (told.get(processType) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
    told.set(processType, now());
    const why = problem instanceof Error ? problem.message : String(problem);
    process.emitWarning(`headcount: process type ${processType}: ${why}`);
  };
}
