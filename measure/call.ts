/**
 * One HTTP request of a meter: no redirect is followed, the answer's size and time are bounded, and connections are kept for the
 * next checkup. Where it may lead is said by a `Reach`, which the controller hands in: addresses are entered by people, and
 * must not lead into the controller's own network unless that is allowed.
 *
 * `fetch` was rejected: it takes no `lookup`, so a name would be resolved once to be judged and again to be called, and
 * may answer differently the second time.
 */
import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { Agent as HttpsAgent, request as requestSecure } from 'node:https';
import type { LookupFunction } from 'node:net';

/**
 * How the name of this address is to be resolved; nothing: as it is. An error of the lookup refuses the address.
 *
 * @throws HeadcountError ADDRESS_REFUSED when the address itself names a refused one
 */
export type Reach = (url: URL) => LookupFunction | undefined;

export interface Asking {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Present: a POST. Absent: a GET. */
  readonly body?: string;
  /** For the whole answer. */
  readonly timeoutMs: number;
  readonly bytesMaximum: number;
  /** Whether the body of an answer with this status is read. Default: always. */
  wants?(status: number): boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Absent: it was not wanted, was too large, or broke off. */
  readonly body?: string;
  readonly tooLarge?: true;
  /** Why the body broke off; a DOMException `TimeoutError` when time was up. */
  readonly broken?: unknown;
}

/**
 * Rejects when no answer began: with the signal's reason, a DOMException `TimeoutError`, an error of the network with its
 * `code`, or the HeadcountError of `Reach`.
 */
export type Call = (asking: Asking, signal: AbortSignal) => Promise<Answer>;

interface Agents {
  readonly plain: HttpAgent;
  readonly secure: HttpsAgent;
}

/** Longer than most servers keep a connection; those that nobody uses are closed. */
const idleMs = 30_000;
const idleCountMaximum = 256;

/** @param reach Absent: every address may be called. */
export function createCall(reach?: Reach): Call {
  const kept = { keepAlive: true, maxFreeSockets: idleCountMaximum, timeout: idleMs };
  const agents = { plain: new HttpAgent(kept), secure: new HttpsAgent(kept) };
  return async (asking, signal) => {
    signal.throwIfAborted();
    const lookup = reach?.(asking.url);
    const end = performance.now() + asking.timeoutMs;
    try {
      return await once(agents, asking, lookup, asking.timeoutMs, signal);
    } catch (problem) {
      // A kept connection that the other side closed in the same moment says nothing about the app: once more, on a new one.
      // Meters only read, so asking twice changes nothing.
      if (!(problem instanceof Stale)) throw problem;
      return await once(undefined, asking, lookup, Math.max(1, end - performance.now()), signal);
    }
  };
}

/** A connection that was kept had ended. */
class Stale extends Error {
  readonly code = 'ECONNRESET';
}

function once(
  agents: Agents | undefined,
  { url, headers, body, timeoutMs, bytesMaximum, wants }: Asking,
  lookup: LookupFunction | undefined,
  leftMs: number,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:';
    const call = (secure ? requestSecure : request)(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? headers : { ...headers, 'content-length': Buffer.byteLength(body) },
      agent: agents ? (secure ? agents.secure : agents.plain) : false,
      ...(lookup && { lookup }),
    });
    let answer: { readonly status: number; readonly headers: IncomingHttpHeaders } | undefined;
    const fail = (problem: unknown): void => {
      free();
      if (answer) resolve({ ...answer, broken: problem });
      else reject(problem);
      call.destroy();
    };
    const done = (rest: Pick<Answer, 'body' | 'tooLarge'>, response: IncomingMessage): void => {
      free();
      if (answer) resolve({ ...answer, ...rest });
      if (!response.complete) call.destroy();
    };
    const abort = (): void => {
      answer = undefined;
      fail(signal.reason);
    };
    const timer = setTimeout(() => fail(late(timeoutMs)), leftMs);
    const free = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    signal.addEventListener('abort', abort, { once: true });
    call.on('error', (problem: NodeJS.ErrnoException) => {
      fail(call.reusedSocket && isCut(problem) ? new Stale(problem.message) : problem);
    });
    call.on('response', (response) => {
      const status = response.statusCode ?? 0;
      answer = { status, headers: response.headers };
      response.on('error', fail);
      if (wants && !wants(status)) done({}, response);
      else readBody(response, bytesMaximum, (rest) => done(rest, response));
    });
    call.end(body);
  });
}

function readBody(
  response: IncomingMessage,
  bytesMaximum: number,
  done: (rest: Pick<Answer, 'body' | 'tooLarge'>) => void,
): void {
  const parts: Buffer[] = [];
  let bytes = 0;
  response.on('data', (part: Buffer) => {
    bytes += part.length;
    if (bytes <= bytesMaximum) parts.push(part);
    else done({ tooLarge: true });
  });
  response.on('end', () => done({ body: new TextDecoder().decode(Buffer.concat(parts)) }));
}

function isCut({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE';
}

function late(timeoutMs: number): DOMException {
  return new DOMException(`no answer within ${timeoutMs / 1_000} s`, 'TimeoutError');
}
