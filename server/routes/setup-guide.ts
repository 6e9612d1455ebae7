/** How to set up an app: commands and lines of code, with its token in them. */
import { createRoute, z } from '@hono/zod-openapi';
import { appName, processType } from '../api.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';
import { guideFor, measures, setupGuide } from '../setup-guide.ts';
import { findApp } from './apps.ts';

export function setupGuideRoutes(api: Routes, deps: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/apps/{app}/setup-guide',
      tags: ['apps'],
      summary: 'The commands and lines of code that make the app speak to this controller',
      request: {
        params: z.object({ app: appName }),
        query: z.object({
          processType: processType.default('worker'),
          measure: z.enum(measures).default('jobs'),
          /** Where the app reaches this controller, where that is not known here. */
          address: z.url({ protocol: /^https?$/ }).optional(),
        }),
      },
      responses: { 200: json(setupGuide, 'Text to copy.'), ...failures },
    }),
    async (c) => {
      const { token } = await findApp(deps, c.req.valid('param').app);
      const { processType: type, measure, address } = c.req.valid('query');
      const own = address ?? deps.publicUrl ?? new URL(c.req.url).origin;
      // Its path too: below one, the controller answers nowhere else.
      const { origin, pathname } = new URL(own);
      const at = `${origin}${pathname.replace(/\/+$/, '')}`;
      return c.json(guideFor({ token, address: at, processType: type, measure }), 200);
    },
  );
}
