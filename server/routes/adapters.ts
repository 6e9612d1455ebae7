/** Everything that can be chosen: the dashboard draws its forms from this. */
import { createRoute } from '@hono/zod-openapi';
import { type Adapters, adapters } from '../api.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';

export function adapterRoutes(api: Routes, { kinds }: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/adapters',
      tags: ['adapters'],
      summary: 'Meters, rules, limits, fleets and notifiers with their options',
      responses: { 200: json(adapters, 'All adapters.'), ...failures },
    }),
    (c) =>
      c.json(
        {
          meters: kinds.meters.map(describe),
          rules: kinds.rules.map(describe),
          limits: kinds.limits.filter(({ always }) => !always).map(describe),
          fleets: kinds.fleets.map(describe),
          notifiers: kinds.notifiers.map(describe),
        },
        200,
      ),
  );
}

type Described = Adapters['meters'][number];

function describe({
  use,
  title,
  help,
  options,
}: Omit<Described, 'options'> & { readonly options: readonly object[] }): Described {
  return { use, title, help, options: options.map((spec) => ({ ...spec })) as Described['options'] };
}
