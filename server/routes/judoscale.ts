/**
 * Where Judoscale's adapters report. They send no header that says who they are: the secret is in the address, so the app's is
 * `JUDOSCALE_URL=https://headcount.example.com/api/<token>`, and the adapter adds `/v3/reports`.
 */
import type { Context } from 'hono';
import { HeadcountError } from '../../decide/errors.ts';
import { parseReport } from '../../measure/inbox/judoscale.ts';
import type { Deps, Env, Routes } from '../request.ts';
import { bearerOrPassword, rawBytesMaximum, readBody, textOf, tooLarge } from './push-body.ts';

export function judoscaleRoutes(api: Routes, deps: Deps): void {
  api.post('/api/:token/v3/reports', (c) => takeReport(deps, c, c.req.param('token')));
  // For whoever puts a proxy before it that keeps tokens out of addresses.
  api.post('/v3/reports', (c) => takeReport(deps, c, bearerOrPassword(c)));
}

async function takeReport(deps: Deps, c: Context<Env>, token: string | undefined): Promise<Response> {
  const watched = token ? deps.rounds.byToken(token) : undefined;
  if (!watched) throw refused();
  const inbox = deps.rounds.inbox.app(watched.app.id);
  const body = await readBody(c, rawBytesMaximum);
  if (!body) {
    inbox.refuse('too-large');
    throw tooLarge(rawBytesMaximum);
  }
  const report = parseReport(textOf(body), deps.now());
  if (!report) {
    inbox.refuse('malformed');
    throw noReport();
  }
  inbox.take('judoscale', report.agent, report);
  return c.json({}, 200);
}

function refused(): HeadcountError {
  return new HeadcountError(
    'LOGIN_REQUIRED',
    'The report was refused',
    'its token is of no app here',
    'Set JUDOSCALE_URL to this address followed by /api/ and the token that the app has here.',
  );
}

function noReport(): HeadcountError {
  return new HeadcountError(
    'BODY_INVALID',
    'The report was dropped',
    'it is no JSON object with a list of metrics',
    'Send what an adapter of Judoscale sends.',
  );
}
