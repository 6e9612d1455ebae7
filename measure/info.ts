/**
 * Asks an app's info endpoint, the pull side of the HireFire protocol: `GET {app}/hirefire/<token>/info` answers
 * `[{"name":"worker","value":5}]`; older libraries write `quantity` for `value`. The token goes as the header
 * `HireFire-Token` too. Facts: the libraries hirefire-resource 0.x and 1.x for Ruby, Python and Node.
 *
 * An app that does not know the token lets the request fall through to its own pages, so HTML with status 200, a redirect to
 * a login and a 404 are all common answers; none of them is a number, and each gets its own sentence. The answer
 * comes from outside: its size and time are bounded, no redirect is followed, and the token stands in no sentence.
 * Skipping the entries that are broken was rejected: a list that is half understood hides that the other side changed.
 */
import { HeadcountError } from '../decide/errors.ts';
import { type Call, createCall } from './call.ts';

export interface InfoEntry {
  readonly name: string;
  /** Null where the app could not tell, or where what it wrote is no number that can be used. */
  readonly value: number | null;
  /** Why the value is null, as a clause. */
  readonly problem?: string;
  /** The jobs apart, which our own agent says when it is asked to: its value is what waits and what runs together. */
  readonly jobs?: JobsSaid;
}

export interface JobsSaid {
  readonly waiting: number;
  readonly running?: number;
  readonly later?: number;
  readonly oldestSeconds?: number;
}

export interface Info {
  readonly ok: boolean;
  /** The address that was asked, with the token hidden. */
  readonly url: string;
  readonly status?: number;
  /** The library that answered, as it calls itself: `Python-1.0.3`. */
  readonly library?: string;
  readonly milliseconds: number;
  /** Empty when `ok` is false. */
  readonly entries: readonly InfoEntry[];
  /** What is wrong, as a clause; present when `ok` is false. */
  readonly problem?: string;
}

export interface InfoLimits {
  /** For the whole answer. Default 5,000 ms. */
  readonly timeoutMs?: number;
}

const bodyBytesMaximum = 128 * 1024;
const entryCountMaximum = 1_000;
/** Nobody has a billion jobs in a queue, or waits 30 years: the number means something else. */
const valueMaximum = 1e9;

/** Never rejects but when `signal` is aborted, with its reason. */
export type FetchInfo = (
  appUrl: string,
  token: string,
  signal: AbortSignal,
  limits?: InfoLimits,
) => Promise<Info>;

export function createFetchInfo(call: Call): FetchInfo {
  return (appUrl, token, signal, limits) => askInfo(call, appUrl, token, signal, limits);
}

/** Wherever the address leads: for where nobody but oneself enters it. */
export const fetchInfo: FetchInfo = createFetchInfo(createCall());

async function askInfo(
  call: Call,
  appUrl: string,
  token: string,
  signal: AbortSignal,
  { timeoutMs = 5_000 }: InfoLimits = {},
): Promise<Info> {
  signal.throwIfAborted();
  const address = addressOf(appUrl);
  if (typeof address === 'string')
    return { ok: false, url: appUrl, milliseconds: 0, entries: [], problem: address };
  const started = performance.now();
  const asked = await ask(call, address, token, signal, timeoutMs);
  signal.throwIfAborted();
  const parsed: Parsed = asked.body === undefined ? { problem: asked.problem } : parseInfo(asked.body);
  const { problem, entries = [] } = parsed;
  return {
    ok: problem === undefined,
    url: `${address.base}/hirefire/…/info`,
    ...(asked.status === undefined ? {} : { status: asked.status }),
    ...(asked.library === undefined ? {} : { library: asked.library }),
    milliseconds: Math.round(performance.now() - started),
    entries,
    ...(problem === undefined ? {} : { problem }),
  };
}

interface Address {
  readonly base: string;
  readonly headers: Record<string, string>;
}

/** A user and password in the address become the header they mean: they stand in no sentence. */
function addressOf(appUrl: string): Address | string {
  if (!URL.canParse(appUrl)) return `"${appUrl}" is no address: write one like https://music.example.com`;
  const url = new URL(appUrl);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `the app's address begins with ${url.protocol}// where http:// or https:// is needed`;
  const base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  if (!url.username && !url.password) return { base, headers: {} };
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { base, headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` } };
}

interface Asked {
  readonly status?: number;
  readonly library?: string;
  readonly body?: string;
  readonly problem?: string;
}

async function ask(
  call: Call,
  { base, headers }: Address,
  token: string,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Asked> {
  try {
    const { status, ...answer } = await call(
      {
        url: new URL(`${base}/hirefire/${encodeURIComponent(token)}/info`),
        headers: {
          accept: 'application/json',
          'user-agent': 'headcount',
          'hirefire-token': token,
          'headcount-detail': 'jobs',
          ...headers,
        },
        timeoutMs,
        bytesMaximum: bodyBytesMaximum,
        wants: (status) => status === 200,
      },
      signal,
    );
    const problem = problemWithStatus(status, answer.headers.location ?? null, token);
    if (problem !== undefined) return { status, problem };
    if (answer.tooLarge) return { status, problem: 'the answer is larger than 128 KB' };
    if (answer.body === undefined)
      return { status, problem: networkProblem(answer.broken, 'the answer was not complete', timeoutMs) };
    const library = answer.headers['hirefire-resource']?.toString().slice(0, 64);
    return { status, body: answer.body, ...(library === undefined ? {} : { library }) };
  } catch (problem) {
    return { problem: networkProblem(problem, 'no answer came', timeoutMs) };
  }
}

function problemWithStatus(status: number, location: string | null, token: string): string | undefined {
  if (status === 200) return undefined;
  if (status >= 300 && status < 400) {
    const target = (location ?? 'nowhere').replaceAll(token, '…').slice(0, 200);
    return `status ${status} leads to ${target}: give the app's final address, and check that its token is this app's`;
  }
  if (status === 404) return 'status 404: the app has no agent, or its token is another one';
  if (status === 401 || status === 403)
    return `status ${status}: something in front of the app asks for a login`;
  return `status ${status} where 200 was expected`;
}

function networkProblem(problem: unknown, late: string, timeoutMs: number): string {
  if (problem instanceof DOMException && problem.name === 'TimeoutError')
    return `${late} within ${timeoutMs / 1_000} s`;
  if (problem instanceof HeadcountError) return problem.message;
  const code = typeof problem === 'object' && problem && 'code' in problem ? String(problem.code) : '';
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'the connection was refused',
    ECONNRESET: 'the connection was cut',
    EPIPE: 'the connection was cut',
    ENOTFOUND: 'the host name is not known',
    EAI_AGAIN: 'the host name could not be looked up',
  };
  return (
    known[code] ??
    `the request failed (${code || (problem instanceof Error ? problem.message : String(problem))})`
  );
}

export interface Parsed {
  readonly entries?: readonly InfoEntry[];
  readonly problem?: string | undefined;
}

/** The entries of a well-formed answer, or what is wrong with it. */
export function parseInfo(body: string): Parsed {
  let list: unknown;
  try {
    list = JSON.parse(body);
  } catch {
    return {
      problem: /^\s*</.test(body)
        ? 'the answer is a page, not JSON: the app has no agent, or its token is another one'
        : 'the answer is not JSON',
    };
  }
  if (!Array.isArray(list)) return { problem: 'the answer is JSON, but not a list' };
  if (list.length > entryCountMaximum)
    return { problem: `the list has more than ${entryCountMaximum} entries` };
  const entries = list.map(parseEntry);
  const broken = entries.indexOf(undefined);
  if (broken >= 0) return { problem: `entry ${broken + 1} of the list has no name` };
  return { entries: entries.filter((entry) => entry !== undefined) };
}

function parseEntry(entry: unknown): InfoEntry | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const { name, value, quantity, ...others } = entry as Record<string, unknown>;
  if (typeof name !== 'string' || name === '') return undefined;
  const number = value ?? quantity;
  const problem = problemWithValue(number);
  if (problem !== undefined) return { name, value: null, problem };
  const jobs = jobsIn(others);
  return { name, value: number as number, ...(jobs && { jobs }) };
}

function jobsIn({ waiting, running, later, oldestSeconds }: Record<string, unknown>): JobsSaid | undefined {
  if (problemWithValue(waiting) !== undefined) return undefined;
  const known = Object.entries({ running, later, oldestSeconds }).filter(
    ([, value]) => problemWithValue(value) === undefined,
  );
  return { waiting: waiting as number, ...(Object.fromEntries(known) as Partial<JobsSaid>) };
}

function problemWithValue(value: unknown): string | undefined {
  if (value === null || value === undefined) return 'the app says that it cannot tell (null)';
  if (typeof value !== 'number') return `${JSON.stringify(value)?.slice(0, 40)} is not a number`;
  if (!Number.isFinite(value) || value < 0 || value > valueMaximum)
    return `${value} is out of bounds (0 to ${valueMaximum})`;
  return undefined;
}
