/** One call of a controller's API, with its own errors handed on as they are. */
import type { Problem } from '../server/api.ts';
import { type ErrorCode, errorCodes, HeadcountError } from '../server/errors.ts';
import type { Running } from './running.ts';

export type Target = Pick<Running, 'url' | 'key'>;

const patienceMs = 60_000;

/** @throws HeadcountError CONTROLLER_UNREACHABLE, or what the controller answered */
export async function call<T>(target: Target, method: string, path: string, body?: unknown): Promise<T> {
  const { url, key } = target;
  const response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(patienceMs),
  }).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw unreachable(url, cause instanceof Error ? cause.message : String(cause));
  });
  const answer: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
  if (response.ok) return answer as T;
  if (response.status === 401) throw unreachable(url, 'it does not know this key');
  const { code, detail } = (answer ?? {}) as Partial<Problem>;
  if (code === undefined || !Object.hasOwn(errorCodes, code))
    throw unreachable(url, `it answered ${response.status}${detail ? `: ${detail}` : ''}`);
  throw new HeadcountError(
    code as ErrorCode,
    'The controller refused',
    detail?.replace(/\.$/, '') ?? `it answered ${response.status}`,
    'What was done before this stays.',
  );
}

function unreachable(url: string, why: string): HeadcountError {
  return new HeadcountError(
    'CONTROLLER_UNREACHABLE',
    `The controller at ${url} cannot be asked`,
    why,
    'Is it running, and is it the right one?',
  );
}
