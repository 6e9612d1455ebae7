/** Apps: list, add, change, remove, a new token, and a test of the info endpoint. */
import { randomBytes } from 'node:crypto';
import { createRoute, z } from '@hono/zod-openapi';
import { type FetchInfo, fetchInfo } from '../../measure/info.ts';
import type { App as StoredApp, StoredManager } from '../../store/store.ts';
import type { Asker } from '../access/gate.ts';
import { atLeast } from '../access/table.ts';
import { type App, app, appChange, appName, appSettings, type InfoTest, infoTest } from '../api.ts';
import { onePage, pageQuery } from '../paging.ts';
import { notFound } from '../problem.ts';
import { type Deps, failures, json, nothing, type Routes } from '../request.ts';
import { checkFleet, hidden, hideSecrets, presentManager, restoreSecrets } from '../settings.ts';

const params = z.object({ app: appName });
const tags = ['apps'];

export function appRoutes(api: Routes, deps: Deps): void {
  listRoutes(api, deps);
  oneRoutes(api, deps);
  tokenRoutes(api, deps);
}

function listRoutes(api: Routes, deps: Deps): void {
  const { store, rounds, kinds } = deps;

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/apps',
      tags,
      summary: 'All apps with their managers',
      request: { query: pageQuery },
      responses: { 200: json(z.array(app), 'The apps, by name.'), ...failures },
    }),
    async (c) => {
      const { organisationIds } = c.get('access');
      const all = (await store.apps.list()).filter((one) => organisationIds.includes(one.organisationId));
      const apps = onePage(c, all, c.req.valid('query'));
      const managers = await store.managers.byApp(apps.map(({ id }) => id));
      const person = c.get('person');
      const shown = apps.map((stored) => presentApp(deps, stored, person, managers.get(stored.id) ?? []));
      return c.json(await Promise.all(shown), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/apps',
      tags,
      summary: 'Add an app',
      request: { body: { required: true, ...json(appSettings, 'Without a fleet: a dry run.') } },
      responses: { 201: json(app, 'The app with its new token.'), ...failures },
    }),
    async (c) => {
      const { name, url, fleet = { use: 'dry-run', options: {} } } = c.req.valid('json');
      checkFleet(kinds, fleet);
      await deps.outreach?.judge(url === undefined ? [] : [url]);
      const created = await store.apps.create({
        name,
        token: newToken(),
        ...(url && { url: url.replace(/\/+$/, '') }),
        fleet,
        createdAt: deps.now(),
        organisationId: c.get('access').organisationId,
      });
      await rounds.refresh(name).catch(async (error) => {
        await store.apps.remove(created.id);
        await rounds.refresh(name);
        throw error;
      });
      return c.json(await presentApp(deps, created, c.get('person')), 201);
    },
  );
}

function oneRoutes(api: Routes, deps: Deps): void {
  const { store, rounds, kinds } = deps;

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/apps/{app}',
      tags,
      summary: 'One app with its managers',
      request: { params },
      responses: { 200: json(app, 'The app.'), ...failures },
    }),
    async (c) =>
      c.json(await presentApp(deps, await findApp(deps, c.req.valid('param').app), c.get('person')), 200),
  );

  api.openapi(
    createRoute({
      method: 'patch',
      path: '/api/apps/{app}',
      tags,
      summary: 'Change the address or the fleet of an app',
      request: { params, body: { required: true, ...json(appChange, '`url: null` removes the address.') } },
      responses: { 200: json(app, 'The app.'), ...failures },
    }),
    async (c) => {
      const before = await findApp(deps, c.req.valid('param').app);
      const { url, fleet } = c.req.valid('json');
      const [restored] = fleet ? restoreSecrets(kinds, 'fleets', [fleet], [before.fleet]) : [];
      if (restored) checkFleet(kinds, restored);
      await deps.outreach?.judge(url ? [url] : []);
      const changed = await store.apps.update(before.id, {
        ...(url !== undefined && { url: url?.replace(/\/+$/, '') ?? null }),
        ...(restored && { fleet: restored }),
      });
      await rounds.refresh(before.name).catch(async (error) => {
        await store.apps.update(before.id, { url: before.url ?? null, fleet: before.fleet });
        await rounds.refresh(before.name);
        throw error;
      });
      return c.json(await presentApp(deps, changed, c.get('person')), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: '/api/apps/{app}',
      tags,
      summary: 'Remove an app with its managers and history; its processes are stopped',
      request: { params },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      const { id, name } = await findApp(deps, c.req.valid('param').app);
      await store.apps.remove(id);
      // Letting processes finish takes as long as their grace time; nobody waits for an answer that long.
      void rounds
        .refresh(name)
        .catch((error) => deps.log.error({ err: error, app: name }, 'letting go failed'));
      return c.body(null, 204);
    },
  );
}

function tokenRoutes(api: Routes, deps: Deps): void {
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/apps/{app}/token',
      tags,
      summary: 'Give the app a new token; the old one ends',
      request: { params },
      responses: { 200: json(app, 'The app with its new token.'), ...failures },
    }),
    async (c) => {
      const { id, name } = await findApp(deps, c.req.valid('param').app);
      const changed = await deps.store.apps.update(id, { token: newToken() });
      void deps.rounds
        .refresh(name)
        .catch((error) => deps.log.error({ err: error, app: name }, 'refresh failed'));
      return c.json(await presentApp(deps, changed, c.get('person')), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/apps/{app}/test',
      tags,
      summary: "Ask the app's info endpoint now",
      request: { params },
      responses: { 200: json(infoTest, 'What it answered, good or bad.'), ...failures },
    }),
    async (c) => {
      const { url, token } = await findApp(deps, c.req.valid('param').app);
      return c.json(await test(deps.outreach?.fetchInfo ?? fetchInfo, url, token, c.req.raw.signal), 200);
    },
  );
}

async function test(
  ask: FetchInfo,
  url: string | undefined,
  token: string,
  signal: AbortSignal,
): Promise<InfoTest> {
  if (!url)
    return {
      ok: false,
      url: '',
      milliseconds: 0,
      entries: [],
      problem: 'the app has no address: set its url',
    };
  const info = await ask(url, token, signal);
  const broken = info.entries.flatMap(({ name, problem }) => (problem ? [`${name}: ${problem}`] : []));
  const problem = info.problem ?? (broken.join('; ') || undefined);
  return {
    ...info,
    entries: info.entries.map(({ name, value }) => ({ name, value })),
    ...(problem && { problem }),
  };
}

/** @throws HeadcountError NOT_FOUND */
export async function findApp(deps: Deps, name: string): Promise<StoredApp> {
  const found = await deps.store.apps.get(name);
  if (!found) throw notFound(`app "${name}"`);
  return found;
}

export function newToken(): string {
  return randomBytes(24).toString('base64url');
}

async function presentApp(
  { store, rounds, kinds }: Deps,
  stored: StoredApp,
  asker: Asker | undefined,
  known?: readonly StoredManager[],
): Promise<App> {
  const { id, name, url, fleet, createdAt, organisationId } = stored;
  const membership = asker?.memberships.find((one) => one.organisationId === organisationId);
  // Whoever has the token can speak for the app.
  const token = atLeast(membership?.role, 'admin') ? stored.token : hidden;
  const managers = known ?? (await store.managers.list(id));
  const warnings = rounds.warnings(name);
  return {
    name,
    token,
    ...(url && { url }),
    fleet: hideSecrets(kinds, 'fleets', fleet),
    createdAt,
    organisationId,
    ...(warnings.length > 0 && { warnings: [...warnings] }),
    managers: managers.map((manager) =>
      presentManager(kinds, manager, rounds.manager(name, manager.processType)),
    ),
  };
}
