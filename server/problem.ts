/** Every error that leaves the API, as problem+json (RFC 9457), made from the codes in decide/errors.ts. */
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { Logger } from 'pino';
import type { ZodError } from 'zod';
import { type ErrorCode, errorCodes, HeadcountError } from '../decide/errors.ts';
import type { Problem } from './api.ts';
import type { Routes } from './request.ts';

export function problemResponse(error: unknown, log: Logger): Response {
  if (error instanceof HeadcountError)
    return answer(error.code, errorCodes[error.code].status, error.message);
  if (error instanceof HTTPException && error.status < 500)
    return answer(
      'BODY_INVALID',
      error.status === 400 ? 422 : error.status,
      `The request cannot be read: ${error.message.replace(/\.$/, '')}. Send JSON as /api/openapi.json describes.`,
    );
  log.error({ err: error }, 'a request failed');
  return answer('INTERNAL', 500, 'Something failed inside the controller. Its log says what.');
}

/** Hook of the routes: names every member that is not as the API document says. */
export function checkRequest(
  result: { success: true } | { success: false; target: string; error: ZodError },
  _context: Context,
): void {
  if (result.success) return;
  const places = result.error.issues
    .slice(0, 10)
    .map(({ path, message }) => `${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`);
  const where = result.target === 'json' ? 'body' : result.target;
  throw new HeadcountError(
    'BODY_INVALID',
    `The ${where} of the request is wrong`,
    places.join('; '),
    'Mend it as /api/openapi.json describes.',
  );
}

export function notFound(what: string): HeadcountError {
  return new HeadcountError(
    'NOT_FOUND',
    `There is no ${what}`,
    'it was never made, or it was removed',
    'Look the name up in the list.',
  );
}

/** For a path that is there with other methods, which of them; else that there is none. */
export function noSuchRoute(api: Routes, c: Context): Response {
  const allowed = methodsOf(api, c.req.path);
  const { message } = notFound(`"${c.req.method} ${c.req.path.slice(0, 300)}"`);
  if (allowed.length === 0) return answer('NOT_FOUND', errorCodes.NOT_FOUND.status, message);
  const { status } = errorCodes.METHOD_NOT_ALLOWED;
  const detail = `"${c.req.method} ${c.req.path}" is not there: the path takes ${allowed.join(', ')}. See /api/openapi.json.`;
  const response = answer('METHOD_NOT_ALLOWED', status, detail);
  response.headers.set('allow', allowed.join(', '));
  return response;
}

function methodsOf(api: Routes, path: string): string[] {
  const parts = path.split('/');
  const found = api.routes.filter((route) => {
    const wanted = route.path.split('/');
    if (route.method === 'ALL' || route.path.includes('*') || wanted.length !== parts.length) return false;
    return wanted.every(
      (part, index) => part === parts[index] || (part.startsWith(':') && parts[index] !== ''),
    );
  });
  const methods = new Set(found.map(({ method }) => method));
  return [...methods, ...(methods.has('GET') ? ['HEAD'] : [])].sort();
}

function answer(code: ErrorCode | 'INTERNAL', status: number, detail: string): Response {
  const title = code.toLowerCase().replaceAll('_', ' ');
  const body: Problem = { type: `urn:headcount:error:${code}`, title, status, code, detail };
  return Response.json(body, { status, headers: { 'content-type': 'application/problem+json' } });
}
