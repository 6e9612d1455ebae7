/** What happened: the series behind the charts, and the decisions. */
import { createRoute, z } from '@hono/zod-openapi';
import { appName, decision, point, processType } from '../api.ts';
import { presentDecision } from '../note.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';
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

export function historyRoutes(api: Routes, deps: Deps): void {
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
        query: z.object({
          limit: z.coerce.number().int().min(1).max(500).default(50),
          before: z
            .string()
            .regex(/^\d{1,18}$|^[0-9a-f-]{36}$/)
            .optional(),
        }),
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
