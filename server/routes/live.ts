/** Live updates: one event per checkup of every manager. */
import { createRoute, z } from '@hono/zod-openapi';
import { checkupEvent } from '../api.ts';
import { type Deps, failures, type Routes } from '../request.ts';

export function liveRoutes(api: Routes, { live, auth }: Deps): void {
  api.openAPIRegistry.register('CheckupEvent', checkupEvent);
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/live',
      tags: ['history'],
      summary: 'Server-sent events named `checkup`; their data is a CheckupEvent',
      responses: {
        200: {
          description: 'A stream without end; a comment every 15 s shows that it lives.',
          content: { 'text/event-stream': { schema: z.string() } },
        },
        ...failures,
      },
    }),
    (c) => {
      const { headers } = c.req.raw;
      const byKey = headers.has('authorization');
      return live.open(async () => byKey || (await auth.who(headers)) !== undefined);
    },
  );
}
