/**
 * POST /metrics/workers: what the workers of one process of an app do; the answer says whether they are to rest. The app's token is the
 * key, as for all that apps push (ingest.ts). Protocol: agent/rest.ts.
 */
import { z } from 'zod';
import { HeadcountError } from '../../decide/errors.ts';
import type { Deps, Routes } from '../request.ts';
import { readBody, textOf, tooLarge } from './push-body.ts';

const bytesMaximum = 16_384;
const report = z.object({
  id: z.string().regex(/^[\w-]{1,64}$/),
  process: z.string().regex(/^[A-Za-z0-9][\w.-]{0,127}$/),
  queues: z.array(z.string().min(1).max(256)).max(100),
  quiet: z.boolean(),
  jobs: z.number().int().min(0).max(1_000_000),
  leaves: z.boolean().default(false),
});

export function workersRoutes(api: Routes, deps: Deps): void {
  api.post('/metrics/workers', async (c) => {
    const token = c.req.header('hirefire-token') ?? '';
    const watched = token === '' || token.length > 256 ? undefined : deps.rounds.byToken(token);
    if (!watched) throw unknownToken();
    const body = await readBody(c, bytesMaximum);
    if (!body) throw tooLarge(bytesMaximum);
    const parsed = report.safeParse(parse(textOf(body)));
    if (!parsed.success) throw noReport(parsed.error.issues[0]);
    return c.json({ rest: deps.rounds.inbox.app(watched.app.id).rest.report(parsed.data) });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unknownToken(): HeadcountError {
  return new HeadcountError(
    'LOGIN_REQUIRED',
    'What the workers do was refused',
    'its token is of no app here',
    "Set HEADCOUNT_TOKEN as the app's page shows it.",
  );
}

function noReport(
  issue: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined,
): HeadcountError {
  return new HeadcountError(
    'BODY_INVALID',
    'What the workers do was dropped',
    issue ? `${issue.path.join('.') || 'the body'}: ${issue.message}` : 'it cannot be read',
    'Send {"id":"…","process":"worker.5","queues":["mail"],"quiet":false,"jobs":2}.',
  );
}
