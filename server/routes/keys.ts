/** Keys of programs: named, with a role, shown once. */
import { createRoute, z } from '@hono/zod-openapi';
import { apiKey, keySettings, newKey } from '../api-people.ts';
import { notFound } from '../problem.ts';
import { type Deps, failures, json, nothing, type Routes } from '../request.ts';
import { organisationId, refuseAbove } from './organisations.ts';

const params = z.object({ organisation: organisationId });
const path = '/api/organisations/{organisation}/keys';
const tags = ['organisations'];
const daySeconds = 24 * 3600;

export function keyRoutes(api: Routes, { auth }: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path,
      tags,
      summary: 'Keys of an organisation',
      request: { params },
      responses: { 200: json(z.array(apiKey), 'Without their secrets.'), ...failures },
    }),
    async (c) => c.json(await auth.keys.list(c.req.valid('param').organisation), 200),
  );

  api.openapi(
    createRoute({
      method: 'post',
      path,
      tags,
      summary: 'Make a key; its role is at most your own',
      request: { params, body: { required: true, ...json(keySettings, 'Without an end: for good.') } },
      responses: { 201: json(newKey, 'The key with its secret.'), ...failures },
    }),
    async (c) => {
      const { name, role, expiresInDays } = c.req.valid('json');
      refuseAbove(c.get('access').role, role);
      const made = await auth.keys.create(c.req.valid('param').organisation, {
        name,
        role,
        by: c.get('person')?.name ?? '',
        ...(expiresInDays !== undefined && { expiresInSeconds: expiresInDays * daySeconds }),
      });
      return c.json(made, 201);
    },
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: `${path}/{key}`,
      tags,
      summary: 'Revoke a key; it ends at once',
      request: { params: params.extend({ key: z.string().min(1).max(100) }) },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      const { organisation, key } = c.req.valid('param');
      if (!(await auth.keys.revoke(organisation, key))) throw notFound('such key');
      return c.body(null, 204);
    },
  );
}
