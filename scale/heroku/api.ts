/**
 * Calls of Heroku's Platform API: its key (keys.ts), a limit of time and of size for every answer, redirects not followed.
 *
 * Heroku gives an account 4,500 calls and 75 more each minute. `remaining` is what the last answer said is left. After a
 * 429 nothing is sent before Retry-After, or 15 seconds and then twice as long each time, is over: a call would only be
 * refused again. The official client for Node was the other way; it is generated, old, and knows none of these limits.
 */
import { HeadcountError } from '../../decide/errors.ts';
import { textWithin } from './answer-text.ts';
import type { Keys } from './keys.ts';
import { causeOf, refused, unreachable } from './refusals.ts';

export interface Api {
  /** All pages of a list. */
  list(path: string, signal: AbortSignal): Promise<unknown[]>;
  send(method: 'PATCH' | 'DELETE', path: string, body: unknown, signal: AbortSignal): Promise<unknown>;
  /** Calls left, as the last answer said; undefined before the first. */
  remaining(): number | undefined;
}

export interface ApiOptions {
  readonly baseUrl: string;
  readonly app: string;
  readonly keys: Keys;
  readonly timeoutMs: number;
  now(): number;
}

interface Answer {
  readonly value: unknown;
  readonly nextRange: string | null;
}

const largestBytes = 4 * 1024 * 1024;
const mostPages = 10;
const firstPauseMs = 15_000;
const longestPauseMs = 5 * 60_000;

export function createApi(options: ApiOptions): Api {
  const { baseUrl, keys, timeoutMs, now, app } = options;
  const pause = { until: 0, nextMs: firstPauseMs };
  let remaining: number | undefined;

  async function ask(path: string, init: RequestInit, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted();
    if (now() < pause.until) throw paused(pause.until - now());
    const key = await keys.get(signal);
    try {
      return await askWith(key, path, init, signal);
    } catch (error) {
      // Once: a new key that is not known either says that something else is wrong.
      if (causeOf(error).status !== 401 || !(await keys.renew(key, signal))) throw error;
      return await askWith(await keys.get(signal), path, init, signal);
    }
  }

  async function askWith(key: string, path: string, init: RequestInit, signal: AbortSignal): Promise<Answer> {
    const limit = AbortSignal.timeout(timeoutMs);
    const both = AbortSignal.any([signal, limit]);
    const headers = {
      accept: 'application/vnd.heroku+json; version=3',
      authorization: `Bearer ${key}`,
      'user-agent': 'headcount',
    };
    try {
      const url = `${baseUrl}${path}`;
      const asked = { ...init, headers: { ...headers, ...init.headers }, signal: both };
      const response = await fetch(url, { ...asked, redirect: 'manual' });
      remaining = readCount(response.headers.get('ratelimit-remaining')) ?? remaining;
      const text = await textWithin(response, largestBytes);
      if (response.status === 429) pauseAfter(response, pause, now());
      else pause.nextMs = firstPauseMs;
      if (!response.ok) throw refused({ app, key, url: baseUrl }, response, text);
      return { value: JSON.parse(text), nextRange: response.headers.get('next-range') };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HeadcountError) throw error;
      throw unreachable(baseUrl, limit.aborted ? `no answer within ${timeoutMs / 1000} s` : error);
    }
  }

  return {
    remaining: () => remaining,
    async list(path, signal) {
      const items: unknown[] = [];
      let range: string | null = 'id ..; max=1000';
      for (let page = 0; range !== null && page < mostPages; page++) {
        const { value, nextRange }: Answer = await ask(path, { headers: { range } }, signal);
        if (!Array.isArray(value)) throw unreachable(baseUrl, `${path} is no list`);
        items.push(...value);
        range = nextRange;
      }
      return items;
    },
    async send(method, path, body, signal) {
      const headers = { 'content-type': 'application/json' };
      const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
      return (await ask(path, init, signal)).value;
    },
  };
}

function pauseAfter(response: Response, pause: { until: number; nextMs: number }, now: number): void {
  const asked = readRetryAfter(response.headers.get('retry-after'), now);
  pause.until = now + Math.min(longestPauseMs, asked ?? pause.nextMs);
  pause.nextMs = Math.min(longestPauseMs, pause.nextMs * 2);
}

/** Seconds, or a date. */
function readRetryAfter(text: string | null, now: number): number | undefined {
  if (text === null) return undefined;
  const seconds = readCount(text);
  if (seconds !== undefined) return seconds * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function readCount(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text.trim()) ? Number(text) : undefined;
}

function paused(waitMs: number): HeadcountError {
  return new HeadcountError(
    'FLEET_FAILED',
    'Heroku is not called for a while',
    `the limit of calls was reached; next call in ${Math.ceil(waitMs / 1000)} s`,
    'It goes on by itself. If it stays so, raise intervalSeconds, or find what else uses this account.',
  );
}
