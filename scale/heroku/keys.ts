/**
 * The key of calls to Heroku. One that a person made (`authorizations:create`) does not end. One that an OAuth client was given
 * ends after eight hours and is made anew with the refresh token: before the first call when there is none yet, and once
 * when Heroku does not know it any more. A new one just before its end was the other way; it needs the clock of
 * Heroku, and a key that was revoked would be found out no sooner.
 *
 * Facts: devcenter.heroku.com/articles/oauth: `grant_type`, `refresh_token` and `client_secret` as a form. The refresh token
 * is used again and again; where a platform in between exchanges it, the first one must stay valid.
 */
import { HeadcountError } from '../../decide/errors.ts';
import { textWithin } from './answer-text.ts';

export interface Keys {
  /** For the next call. */
  get(signal: AbortSignal): Promise<string>;
  /** Makes a new one in place of this one, which Heroku does not know. False: there is no way to. */
  renew(old: string, signal: AbortSignal): Promise<boolean>;
}

export interface Renewal {
  readonly tokenUrl: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
}

export interface KeysOptions {
  readonly key?: string;
  readonly renewal?: Renewal;
  readonly timeoutMs: number;
  now(): number;
}

/** A refused refresh token is not tried at every checkup. */
const pauseMs = 60_000;
const newAuthorization = 'Authorize the OAuth client again and set "refreshToken" and "clientSecret".';

export function createKeys({ key, renewal, timeoutMs, now }: KeysOptions): Keys {
  let current = key;
  let refusal: { readonly error: HeadcountError; readonly until: number } | undefined;
  let making: Promise<string> | undefined;

  async function make(given: Renewal): Promise<string> {
    if (refusal && now() < refusal.until) throw refusal.error;
    try {
      current = await fetchKey(given, timeoutMs);
      refusal = undefined;
      return current;
    } catch (error) {
      const known = error instanceof HeadcountError ? error : failed(given, 'it cannot be reached');
      refusal = { error: known, until: now() + pauseMs };
      throw known;
    }
  }
  /** Those who ask at the same time share one, so nobody's signal ends it; its time limit does. */
  const shared = (given: Renewal): Promise<string> => {
    making ??= make(given).finally(() => {
      making = undefined;
    });
    return making;
  };
  return {
    async get(signal) {
      signal.throwIfAborted();
      if (current !== undefined) return current;
      return renewal ? await abortable(shared(renewal), signal) : '';
    },
    async renew(old, signal) {
      if (!renewal) return false;
      // Somebody else found it out meanwhile.
      if (current !== old) return true;
      await abortable(shared(renewal), signal);
      return true;
    },
  };
}

async function fetchKey(renewal: Renewal, timeoutMs: number): Promise<string> {
  const { tokenUrl, clientSecret, refreshToken } = renewal;
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_secret: clientSecret };
  const response = await fetch(tokenUrl, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { accept: 'application/json', 'user-agent': 'headcount' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await textWithin(response, 65_536);
  if (response.status >= 500 || response.status === 429)
    throw failed(renewal, `it answers ${response.status}`);
  if (!response.ok) throw refusedToken(response.status);
  const token = tokenIn(text);
  if (token === undefined) throw failed(renewal, 'its answer has no access_token');
  return token;
}

function tokenIn(text: string): string | undefined {
  try {
    const { access_token: token } = JSON.parse(text) as { access_token?: unknown };
    // An error of fetch about a wrong header would contain it.
    return typeof token === 'string' && /^[\x21-\x7e]{1,4096}$/.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}

async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {});
  signal.throwIfAborted();
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  return await Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', stop));
}

function refusedToken(status: number): HeadcountError {
  return new HeadcountError(
    'FLEET_FAILED',
    'Heroku makes no new key for this OAuth client',
    `it does not take the refresh token or the client secret (${status})`,
    newAuthorization,
  );
}

/** Heroku's words may repeat what was sent, so they are not passed on. */
function failed({ tokenUrl }: Renewal, why: string): HeadcountError {
  return new HeadcountError(
    'FLEET_FAILED',
    `No new key could be got from ${new URL(tokenUrl).host}`,
    why,
    'It is tried again after a minute. See https://status.heroku.com.',
  );
}
