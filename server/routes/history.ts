/** What happened: the series behind the charts, and the decisions. */
import { createRoute, z } from '@hono/zod-openapi';
import { appName, decision, foundDecision, point, processType } from '../api.ts';
import { presentDecision } from '../note.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';
import { findApp } from './apps.ts';
import { findManager } from './managers.ts';

const params = z.object({ app: appName, processType });
const tags = ['history'];
const hourMs = 3_600_000;
const time = z.coerce.number().int().min(0).max(8.64e15);

const series = z
  .object({ grain: z.enum(['raw', 'minute', 'hour']), points: z.array(point) })
  .openapi('Series', { description: 'Oldest first, at most 2,000 points, the finest grain that fits.' });
const decisions = z
  .object({ decisions: z.array(decision), next: z.string().optional() })
  .openapi('Decisions', { description: 'Newest first. `next` goes into `before` for the page after.' });

const found = z
  .object({ decisions: z.array(foundDecision), next: z.string().optional() })
  .openapi('FoundDecisions', { description: 'Newest first. `next` goes into `before` for the page after.' });
const paging = {
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z
    .string()
    .regex(/^\d{1,18}$|^[0-9a-f-]{36}$/)
    .optional(),
};
const search = z.object({
  app: appName.optional(),
  processType: processType.optional(),
  outcome: decision.shape.outcome.optional(),
  only: z
    .enum(['changes', 'failures'])
    .optional()
    .openapi({ description: '`changes`: another number was wanted than there was.' }),
  from: time.optional(),
  ...paging,
});

export function historyRoutes(api: Routes, deps: Deps): void {
  managerHistory(api, deps);
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/decisions',
      tags,
      summary: 'Decisions of all managers with their reasons',
      request: { query: search },
      responses: { 200: json(found, 'A page of decisions.'), ...failures },
    }),
    async (c) => {
      const { app, limit, before, processType: type, outcome, only, from } = c.req.valid('query');
      const page = await deps.store.decisions.search({
        limit,
        ...(before && { before }),
        ...(app && { appId: (await findApp(deps, app)).id }),
        ...(type && { processType: type }),
        ...(outcome && { outcome }),
        ...(only && { only }),
        ...(from !== undefined && { from }),
        organisationIds: c.get('access').organisationIds,
      });
      const next = page.length === limit ? page.at(-1)?.id : undefined;
      const shown = page.map((each) => ({
        ...presentDecision(each),
        app: each.app,
        processType: each.processType,
      }));
      return c.json({ decisions: shown, ...(next && { next }) }, 200);
    },
  );
}

function managerHistory(api: Routes, deps: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/apps/{app}/managers/{processType}/series',
      tags,
      summary: 'What was measured and desired',
      request: { params, query: z.object({ from: time.optional(), to: time.optional() }) },
      responses: { 200: json(series, 'Without `from` and `to`: the last hour.'), ...failures },
    }),
    async (c) => {
      const { stored } = await findManager(deps, c.req.valid('param'));
      // One more than now: the end is excluded, and a checkup of this millisecond belongs to it.
      const { to = deps.now() + 1, from = to - hourMs } = c.req.valid('query');
      return c.json(await deps.store.readings.series(stored.id, from, to), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/apps/{app}/managers/{processType}/decisions',
      tags,
      summary: 'Decisions with their reasons',
      request: {
        params,
        query: z.object(paging),
      },
      responses: { 200: json(decisions, 'A page of decisions.'), ...failures },
    }),
    async (c) => {
      const { stored } = await findManager(deps, c.req.valid('param'));
      const { limit, before } = c.req.valid('query');
      const found = await deps.store.decisions.list(stored.id, { limit, ...(before && { before }) });
      const next = found.length === limit ? found.at(-1)?.id : undefined;
      return c.json({ decisions: found.map(presentDecision), ...(next && { next }) }, 200);
    },
  );
}
