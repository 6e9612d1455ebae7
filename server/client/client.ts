/**
 * The typed client of the HTTP API, for Node and the browser: `headcount/client`. One function per call of the API document; what
 * the API refuses is an `ApiError` with its code.
 *
 * A change carries a key of its own, so a call without an answer is tried once more and is still carried out only once. It has
 * no dependency and holds nothing open.
 */
import type { ErrorCode } from '../../decide/errors.ts';
import { type Client, calls } from './calls.ts';

export type { ErrorCode } from '../../decide/errors.ts';
export type { Client } from './calls.ts';
export type * from './shapes.ts';

export interface ClientOptions {
  /** Of the controller, with its path where it has one: `https://example.com/headcount`. */
  readonly url: string;
  /** An API key, or the one of controller.json. Absent in a browser: the session's cookie. */
  readonly key?: string;
  /** Default: the one of the platform. */
  readonly fetch?: typeof fetch;
  /** Time for one answer. Default: 30 s. */
  readonly timeoutMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** For a change that is to be repeatable from elsewhere. Default: a random one. */
  readonly idempotencyKey?: string;
}

/** `UNREACHABLE`: no answer came. `UNEXPECTED`: an answer that is none of the API's, such as a proxy's. */
export type ApiErrorCode = ErrorCode | 'INTERNAL' | 'UNREACHABLE' | 'UNEXPECTED';

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  /** Of the answer; 0 where none came. */
  readonly status: number;

  constructor(code: ApiErrorCode, status: number, detail: string, options?: { cause?: unknown }) {
    super(detail, options);
    this.code = code;
    this.status = status;
  }
}

type Asked = Readonly<Record<string, unknown>> & { readonly body?: unknown };

export function createClient(options: ClientOptions): Client {
  const functions = Object.entries(calls).map(([name, [method, path, ...query]]) => [
    name,
    (asked: Asked = {}, given: CallOptions = {}) =>
      send(options, method, addressOf(options.url, path, query, asked), asked.body, given),
  ]);
  return Object.fromEntries(functions) as Client;
}

function addressOf(url: string, path: string, query: readonly string[], asked: Asked): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(asked[name])));
  const search = new URLSearchParams();
  for (const name of query) if (asked[name] !== undefined) search.set(name, String(asked[name]));
  return `${url.replace(/\/+$/, '')}${filled}${search.size > 0 ? `?${search}` : ''}`;
}

async function send(
  { key, fetch: ask = fetch, timeoutMs = 30_000 }: ClientOptions,
  method: string,
  address: string,
  body: unknown,
  { signal, idempotencyKey }: CallOptions,
): Promise<unknown> {
  const headers = {
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(method !== 'GET' && { 'idempotency-key': idempotencyKey ?? randomKey() }),
  };
  const request = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
  // Node 20 lets the garbage collector take a limit that nobody but AbortSignal.any knows, and then the time is never up.
  const limits: AbortSignal[] = [];
  const once = (): Promise<Response> => {
    const limit = AbortSignal.timeout(timeoutMs);
    limits.push(limit);
    return ask(address, { ...request, signal: signal ? AbortSignal.any([signal, limit]) : limit });
  };
  try {
    // The second try is safe: a change carries its key.
    const response = await once().catch((error: unknown) => {
      if (signal?.aborted) throw error;
      return once();
    });
    return await read(response);
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    const words = error instanceof Error ? error.message : String(error);
    throw new ApiError('UNREACHABLE', 0, `The controller cannot be reached: ${words}.`, { cause: error });
  } finally {
    limits.splice(0);
  }
}

async function read(response: Response): Promise<unknown> {
  const type = response.headers.get('content-type') ?? '';
  const isJson = /[/+]json\b/.test(type);
  if (response.ok && type === 'application/gzip') return await response.arrayBuffer();
  if (response.ok) return isJson ? await response.json() : undefined;
  const { code, detail } = (isJson ? await response.json() : {}) as { code?: ApiErrorCode; detail?: string };
  if (code === undefined)
    throw new ApiError('UNEXPECTED', response.status, `The controller answered ${response.status}.`);
  throw new ApiError(code, response.status, detail ?? code);
}

function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
