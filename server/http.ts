/**
 * The HTTP side: Request in, Response out, so that all of it is tested without a socket. In this order: security headers,
 * the packing of answers, a limit on bodies, who is asking, whether a foreign page is asking, then the routes; what is left is
 * the dashboard.
 */
import { getConnInfo } from '@hono/node-server/conninfo';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import { HeadcountError } from '../decide/errors.ts';
import { whoAsks } from './access/asker.ts';
import { audited } from './access/audit.ts';
import { gate } from './access/gate.ts';
import { peerHeader } from './auth.ts';
import { compressed } from './compressed.ts';
import { idempotent } from './idempotency.ts';
import { page } from './pages.ts';
import { prefixOf } from './path-prefix.ts';
import { checkRequest, noSuchRoute, problemResponse } from './problem.ts';
import { readyText } from './ready.ts';
import type { Deps, Env, Routes } from './request.ts';
import { adapterRoutes } from './routes/adapters.ts';
import { appRoutes } from './routes/apps.ts';
import { auditRoutes } from './routes/audit.ts';
import { backupRoutes } from './routes/backup.ts';
import { channelRoutes } from './routes/channels.ts';
import { configurationRoutes } from './routes/configuration.ts';
import { crewRoutes } from './routes/crew.ts';
import { documentRoutes } from './routes/document.ts';
import { historyRoutes } from './routes/history.ts';
import { inboxRoutes } from './routes/inbox.ts';
import { ingestRoutes } from './routes/ingest.ts';
import { invitationRoutes } from './routes/invitations.ts';
import { issueRoutes } from './routes/issues.ts';
import { judoscaleRoutes } from './routes/judoscale.ts';
import { keyRoutes } from './routes/keys.ts';
import { liveRoutes } from './routes/live.ts';
import { managerRoutes } from './routes/managers.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { organisationRoutes } from './routes/organisations.ts';
import { overviewRoutes } from './routes/overview.ts';
import { peopleRoutes } from './routes/people.ts';
import { sendAgainRoutes } from './routes/send-again.ts';
import { setupGuideRoutes } from './routes/setup-guide.ts';
import { taskRoutes } from './routes/tasks.ts';
import { whatIfRoute } from './routes/what-if.ts';

const bodyLimitBytes = 1_000_000;

export function createHttp(deps: Deps): Routes {
  const api: Routes = new OpenAPIHono<Env>({ defaultHook: checkRequest });
  api.onError((error) => problemResponse(error, deps.log));
  // Before the headers that are for browsers: thousands of pushes a second need none.
  ingestRoutes(api, deps);
  judoscaleRoutes(api, deps);
  api.use(headers());
  api.use(compressed(deps.publicUrl));
  api.get('/healthz', (c) => c.text('ok\n'));
  api.get('/readyz', (c) => (deps.ready() ? c.text(readyText(deps)) : c.text('stopping\n', 503)));
  metricsRoutes(api, deps);
  api.use('/api/*', bodyLimit({ maxSize: bodyLimitBytes, onError: tooLarge }));
  api.use('/api/*', whoIsAsking(deps));
  api.use('/api/*', idempotent(deps));
  api.use('/api/*', gate(deps));
  api.use('/api/*', audited(deps));
  appRoutes(api, deps);
  managerRoutes(api, deps);
  whatIfRoute(api, deps);
  historyRoutes(api, deps);
  issueRoutes(api, deps);
  channelRoutes(api, deps);
  adapterRoutes(api, deps);
  liveRoutes(api, deps);
  peopleRoutes(api, deps);
  organisationRoutes(api, deps);
  invitationRoutes(api, deps);
  keyRoutes(api, deps);
  auditRoutes(api, deps);
  inboxRoutes(api, deps);
  setupGuideRoutes(api, deps);
  taskRoutes(api, deps);
  sendAgainRoutes(api, deps);
  overviewRoutes(api, deps);
  crewRoutes(api, deps);
  configurationRoutes(api, deps);
  backupRoutes(api, deps);
  documentRoutes(api, deps);
  api.all('/api/*', (c) => noSuchRoute(api, c));
  api.get('*', (c) =>
    page(deps.webFolder, c.req.path, prefixOf(deps.publicUrl), c.req.header('accept-encoding')),
  );
  api.notFound((c) => noSuchRoute(api, c));
  return api;
}

/** Scripts only from here. Mantine sets styles on elements, so inline styles are allowed; inline scripts are not. */
function headers(): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      baseUri: ["'self'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
    xFrameOptions: 'DENY',
    referrerPolicy: 'no-referrer',
    // Only a proxy in front speaks https; it decides about this.
    strictTransportSecurity: false,
    // A page that allows itself less says so.
    overwrite: false,
  });
}

function tooLarge(): never {
  throw new HeadcountError(
    'BODY_TOO_LARGE',
    'The body of the request is too large',
    `at most ${bodyLimitBytes / 1e6} MB are taken`,
    'Send less at once.',
  );
}

function whoIsAsking(deps: Deps): MiddlewareHandler<Env> {
  return async (c, next) => {
    c.req.raw.headers.set(peerHeader, peer(c, deps.publicUrl !== undefined));
    if (!c.req.header('authorization')?.startsWith('Bearer ')) refuseForeignPage(deps, c);
    c.set('person', await whoAsks(deps, c.req.raw.headers));
    if (c.req.path !== '/api/live') c.header('cache-control', 'no-store');
    await next();
  };
}

/**
 * A page of another site can make a browser send its cookies here, but cannot hide where it comes from: every browser names
 * the page's origin in a request that changes something.
 */
function refuseForeignPage({ publicUrl }: Deps, c: Context<Env>): void {
  if (['GET', 'HEAD', 'OPTIONS'].includes(c.req.method)) return;
  const origin = c.req.header('origin');
  if (origin === undefined) return;
  const own = [publicUrl && new URL(publicUrl).host, c.req.header('host'), new URL(c.req.url).host];
  if (URL.canParse(origin) && own.includes(new URL(origin).host)) return;
  throw new HeadcountError(
    'ORIGIN_FOREIGN',
    'The request was refused',
    `it comes from a page of ${origin.slice(0, 200)}`,
    'Open the dashboard at its own address. Behind a proxy, set publicUrl.',
  );
}

/** The address of the other end: what slows down guessing of passwords counts by it. */
function peer(c: Context<Env>, behindProxy: boolean): string {
  const forwarded = behindProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  if (forwarded) return forwarded;
  // Without a socket, as in tests, there is no other end.
  return Object.hasOwn(c.env ?? {}, 'incoming')
    ? (getConnInfo(c).remote.address ?? '127.0.0.1')
    : '127.0.0.1';
}
