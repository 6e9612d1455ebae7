/**
 * What of better-auth a browser may reach. It has many more calls than this dashboard needs, so those that are needed are
 * listed and every other is answered as if it were not there. Answers lose the token of the session: it is in the
 * cookie, where scripts cannot read it. Guessing is slowed down here by account, whatever address it comes from; better-auth
 * slows it down by address.
 */
import { HTTPException } from 'hono/http-exception';
import { HeadcountError } from '../../decide/errors.ts';
import { notFound } from '../problem.ts';
import type { Deps } from '../request.ts';
import { hashOf } from './asker.ts';
import { providerId } from './options.ts';

const doors: ReadonlySet<string> = new Set([
  'POST sign-in/email',
  'POST sign-in/social',
  `GET callback/${providerId}`,
  'POST sign-out',
  'POST change-password',
  'POST request-password-reset',
  'POST reset-password',
  'POST two-factor/enable',
  'POST two-factor/disable',
  'POST two-factor/verify-totp',
  'POST two-factor/verify-backup-code',
  'POST two-factor/generate-backup-codes',
  'GET passkey/generate-register-options',
  'POST passkey/verify-registration',
  'GET passkey/generate-authenticate-options',
  'POST passkey/verify-authentication',
  'POST passkey/delete-passkey',
]);

/** Per account; better-auth allows 8 a minute per address. */
export const failuresMaximum = 20;
const failuresSpanMs = 15 * 60_000;

export async function throughDoor(deps: Deps, request: Request): Promise<Response> {
  const path = new URL(request.url).pathname.replace(/^\/api\/auth\//, '');
  if (!doors.has(`${request.method} ${path}`)) throw notFound(`"${request.method} /api/auth/${path}"`);
  const answer = path === 'sign-in/email' ? await slowly(deps, request) : await deps.auth.handle(request);
  if (answer.status >= 500) throw new HTTPException(500, { message: 'better-auth failed' });
  if (answer.status >= 400) throw await loginError(answer);
  return await withoutToken(answer);
}

async function slowly({ auth, store, now }: Deps, request: Request): Promise<Response> {
  const given = (await request
    .clone()
    .json()
    .catch(() => ({}))) as { email?: unknown };
  const account = hashOf(
    String(given?.email ?? '')
      .trim()
      .toLowerCase(),
  );
  if ((await store.audit.loginFailures(account, now() - failuresSpanMs)) >= failuresMaximum)
    throw new HeadcountError(
      'TOO_MANY_TRIES',
      'Logging in to this account is closed for a while',
      'too many wrong passwords were tried for it',
      'Wait 15 minutes, use a passkey, or ask for a new password.',
    );
  const answer = await auth.handle(request);
  if (answer.status === 401) await store.audit.loginFailed(account, now(), failuresSpanMs);
  else if (answer.ok) await store.audit.loginWorked(account);
  return answer;
}

async function withoutToken(answer: Response): Promise<Response> {
  if (!/json/.test(answer.headers.get('content-type') ?? '')) return answer;
  const body: unknown = await answer.json().catch(() => null);
  const headers = new Headers(answer.headers);
  headers.delete('content-length');
  const { status } = answer;
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return Response.json(body, { status, headers });
  const { token: _, session: __, ...rest } = body as Record<string, unknown>;
  return Response.json(rest, { status, headers });
}

/** better-auth answers with its own words and codes; what a person can meet of them is told like every other error. */
async function loginError(answer: Response): Promise<HeadcountError> {
  const { message = 'no reason was given' } = (await answer.json().catch(() => ({}))) as { message?: string };
  const why = message.replace(/\.$/, '').toLowerCase();
  if (answer.status === 429)
    return new HeadcountError(
      'TOO_MANY_TRIES',
      'Logging in is closed',
      why,
      'Wait a minute, then try again.',
    );
  if (answer.status === 401)
    return new HeadcountError('LOGIN_FAILED', 'You are not logged in', why, 'Check both and try again.');
  if (answer.status === 403)
    return new HeadcountError(
      'ORIGIN_FOREIGN',
      'The request was refused',
      why,
      'Use the dashboard, at its own address.',
    );
  if (answer.status === 404)
    return new HeadcountError('NOT_FOUND', 'There is no such call', why, 'See /api/openapi.json.');
  return new HeadcountError('BODY_INVALID', 'This was refused', why, 'Mend it and try again.');
}
