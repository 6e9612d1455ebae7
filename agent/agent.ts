/**
 * The agent answers one question over HTTP: how much work is there for each process type?
 *
 *   GET /hirefire/<token>/info                      -> 200 [{"name":"worker","value":5}]
 *   GET /hirefire   with header HireFire-Token      -> the same; keeps the token out of access logs
 *
 * and, where the environment names an address, it pushes the same numbers and those of the web requests (push/).
 *
 * It lives inside somebody's app, so its first duty is to harm nothing: a request that is not exactly ours falls through to
 * the app, a wrong token too; a meter that throws, rejects, hangs or answers nonsense gives `null` ("cannot tell",
 * never 0) for its own process type and leaves the others alone. Polls that come together share one measurement, and a
 * meter that hangs is not called again until it answers or has been given up, so a slow database is
 * not asked ever more questions. The other way, one answer of 500 for all when one meter fails, is what
 * older libraries do: one broken queue then blinds the autoscaler for every process type.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type AgentMeter, type Gauge, gaugesOf } from './gauge.ts';
import { startPush } from './push/push.ts';
import type { PushOptions } from './push/where.ts';
import type { AnyMeter, Count } from './reading.ts';

export interface AgentOptions {
  /** Default: HEADCOUNT_TOKEN, then HIREFIRE_TOKEN, of the environment; without any, the literal `development`. */
  readonly token?: string;
  /** A meter per process type, named as in the Procfile. Without any, only web requests are measured. */
  readonly processTypes?: Readonly<Record<string, AgentMeter | AnyMeter>>;
  /** A meter that takes longer is answered with `null`. Default 2,000 ms. */
  readonly timeoutMs?: number;
  /** Where and what to push. Default: as the environment says, see README. False: never. */
  readonly push?: PushOptions | false;
  /**
   * Told of every meter that failed, and of failed pushes as `push`. Default: a warning of the process, at most one a minute
   * for each.
   */
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
  /** Stops pushing and watching requests; requests are answered on. */
  close(): void;
}

const headers: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  'cache-control': 'must-revalidate, private, max-age=0',
};

export function createAgent(options: AgentOptions = {}): Agent {
  const env = options.env ?? process.env;
  const given = options.token || env.HEADCOUNT_TOKEN || env.HIREFIRE_TOKEN;
  const token = given || 'development';
  const now = options.now ?? (() => performance.now());
  const tell = options.onProblem ?? warnOnceAMinute(now);
  const report = (processType: string, problem: unknown): void => {
    // a listener that throws or rejects must not harm the app either
    void (async () => tell(processType, problem))().catch(() => undefined);
  };
  const { timeoutMs, processTypes = {} } = options;
  const gauges = gaugesOf({ processTypes, ...(timeoutMs && { timeoutMs }) }, now, report);
  const { push = {} } = options;
  const pushing =
    given && push !== false ? startPush({ token: given, gauges, env, report, push }) : undefined;
  return {
    handle: (request) =>
      isOurs(request, token) ? answer(gauges, request.headers['headcount-detail'] === 'jobs') : undefined,
    close: () => pushing?.stop(),
  };
}

async function answer(gauges: readonly Gauge[], detailed: boolean): Promise<AgentResponse> {
  const entry = async ({ name, read }: Gauge): Promise<object> => {
    const count: Partial<Count> = (await read()) ?? {};
    const value = count.value ?? null;
    return detailed ? { name, ...count, value } : { name, value };
  };
  const body = await Promise.all(gauges.map(entry));
  return { status: 200, headers, body: JSON.stringify(body) };
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

function warnOnceAMinute(now: () => number): (processType: string, problem: unknown) => void {
  const told = new Map<string, number>();
  return (processType, problem) => {
    if (now() - (told.get(processType) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
    told.set(processType, now());
    const why = problem instanceof Error ? problem.message : String(problem);
    process.emitWarning(`headcount: ${processType === 'push' ? '' : 'process type '}${processType}: ${why}`);
  };
}
