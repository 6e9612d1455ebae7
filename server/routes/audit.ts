/** The audit log: what was changed, by whom, in the organisations in which the asker is an admin. */
import { createRoute, z } from '@hono/zod-openapi';
import { inWords } from '../access/audit-words.ts';
import { atLeast } from '../access/table.ts';
import { auditPage } from '../api-people.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';

export function auditRoutes(api: Routes, { store }: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/audit',
      tags: ['organisations'],
      summary: 'Every change: who, what, before and after, when, from where',
      request: {
        query: z.object({
          limit: z.coerce.number().int().min(1).max(500).default(50),
          before: z
            .string()
            .regex(/^\d{1,18}$/)
            .optional(),
        }),
      },
      responses: { 200: json(auditPage, 'A page of changes.'), ...failures },
    }),
    async (c) => {
      const { limit, before } = c.req.valid('query');
      const ids = (c.get('person')?.memberships ?? [])
        .filter(({ role }) => atLeast(role, 'admin'))
        .map(({ organisationId }) => organisationId);
      const found = await store.audit.list(ids, { limit, ...(before && { before }) });
      const next = found.length === limit ? found.at(-1)?.id : undefined;
      const entries = found.map(({ organisationId: _, ...shown }) => ({ ...shown, said: inWords(shown) }));
      return c.json({ entries, ...(next && { next }) }, 200);
    },
  );
}
