/** Asks another service for JSON: bounded in time, size and tries; what it says is told without the secrets that were sent. */
import { HeadcountError } from '../../server/errors.ts';

export interface Ask {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How the service is called in messages. */
  readonly service: string;
  /** Never to be shown. */
  readonly secret: string;
}

const timeoutMs = 15_000;
const bytesMaximum = 5_000_000;
const tries = 3;
/** Longer than any limit of a minute. */
const longestPauseMs = 70_000;

/**
 * The parsed body; nothing at 404.
 *
 * @throws HeadcountError IMPORT_FAILED
 */
export async function fetchJson(ask: Ask, pauseMs: number = 1_000): Promise<unknown> {
  for (let left = tries - 1; ; left--) {
    const response = await fetchOnce(ask);
    if (response.status === 404) return undefined;
    if (response.ok) return await bodyOf(ask, response);
    const again = response.status === 429 || response.status >= 500;
    if (!again || left <= 0) throw refused(ask, response.status);
    const asked = Number(response.headers.get('retry-after')) * 1_000;
    await new Promise((resolve) =>
      setTimeout(resolve, Math.min(longestPauseMs, asked > 0 ? asked : pauseMs)),
    );
  }
}

async function fetchOnce(ask: Ask): Promise<Response> {
  try {
    return await fetch(ask.url, {
      headers: { ...ask.headers },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw failed(ask, `it cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

async function bodyOf(ask: Ask, response: Response): Promise<unknown> {
  const text = await response.text();
  if (text.length > bytesMaximum) throw failed(ask, 'it answered more than 5 MB');
  try {
    return JSON.parse(text);
  } catch {
    throw failed(ask, 'it answered something that is no JSON');
  }
}

function refused(ask: Ask, status: number): HeadcountError {
  if (status === 401 || status === 403)
    return failed(ask, `it answered ${status}: it does not know this key`);
  return failed(ask, `it answered ${status}`);
}

function failed({ service, secret }: Ask, why: string): HeadcountError {
  return new HeadcountError(
    'IMPORT_FAILED',
    `${service} cannot be asked`,
    why.replaceAll(secret, '…'),
    'Check the key and the address, and try again; nothing was changed.',
  );
}
