/**
 * GET /metrics for Prometheus. It shows every app, so it is not for anybody who is logged in: the key of the command line or
 * `metricsToken` opens it, and `metricsOpen` opens it to all.
 */
import { HeadcountError } from '../../decide/errors.ts';
import { sameText } from '../auth.ts';
import type { Deps, Routes } from '../request.ts';

export function metricsRoutes(api: Routes, { metrics, key }: Deps): void {
  if (!metrics) return;
  const { source, token, open } = metrics;
  api.get('/metrics', async (c) => {
    const given = c.req.header('authorization')?.match(/^Bearer (\S{1,256})$/)?.[1] ?? '';
    const known = sameText(given, key) || (token !== undefined && sameText(given, token));
    if (!open && !known) throw closed();
    return c.body(await source.text(), 200, {
      'content-type': source.contentType,
      'cache-control': 'no-store',
    });
  });
}

function closed(): HeadcountError {
  return new HeadcountError(
    'LOGIN_REQUIRED',
    'The metrics are not shown',
    'the request has no key, or one that is not known',
    'Set "metricsToken" in headcount.yaml and send it as "Authorization: Bearer …", or set "metricsOpen: true".',
  );
}
