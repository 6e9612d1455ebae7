/** Issues: what needs a person, now and before. */
import { createRoute, z } from '@hono/zod-openapi';
import type { StoredIssue } from '../../store/store.ts';
import { appName } from '../api.ts';
import { type Issue, issue } from '../api-issues.ts';
import { type IssueKind, todos } from '../issues.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';
import { findApp } from './apps.ts';

const page = z
  .object({ issues: z.array(issue), next: z.string().optional() })
  .openapi('Issues', { description: 'Newest first. `next` goes into `before` for the page after.' });

export function issueRoutes(api: Routes, deps: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/issues',
      tags: ['issues'],
      summary: 'What needs a person',
      request: {
        query: z.object({
          app: appName.optional(),
          open: z.enum(['true', 'false']).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(50),
          before: z
            .string()
            .regex(/^\d{1,18}$/)
            .optional(),
        }),
      },
      responses: { 200: json(page, 'A page of issues.'), ...failures },
    }),
    async (c) => {
      const { app, open, limit, before } = c.req.valid('query');
      const found = await deps.store.issues.list({
        limit,
        ...(before && { before }),
        ...(app && { appId: (await findApp(deps, app)).id }),
        ...(open && { open: open === 'true' }),
        organisationIds: c.get('access').organisationIds,
      });
      const next = found.length === limit ? found.at(-1)?.id : undefined;
      return c.json({ issues: found.map(presentIssue), ...(next && { next }) }, 200);
    },
  );
}

export function presentIssue({
  managerId: _,
  ...shown
}: StoredIssue & { readonly app: string; readonly processType: string }): Issue {
  // One that an older controller stored may be of a kind that is no more.
  const todo: string | undefined = todos[shown.kind as IssueKind];
  return { ...shown, todo: todo ?? '' };
}
