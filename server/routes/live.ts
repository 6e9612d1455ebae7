/** Live updates: one event per checkup of every manager. */
import { createRoute, z } from '@hono/zod-openapi';
import { whoAsks } from '../access/asker.ts';
import type { Asker } from '../access/gate.ts';
import { checkupEvent } from '../api.ts';
import { type Deps, failures, type Routes } from '../request.ts';

export function liveRoutes(api: Routes, deps: Deps): void {
  const owners = createOwners(deps);
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
    async (c) => {
      const { headers } = c.req.raw;
      let ids = idsOf(c.get('person'));
      await owners.refresh();
      return deps.live.open(
        async () => {
          const asker = await whoAsks(deps, headers).catch(() => undefined);
          ids = idsOf(asker);
          await owners.refresh();
          return asker !== undefined;
        },
        (app) => ids === 'all' || ids.has(owners.of(app) ?? ''),
      );
    },
  );
}

function idsOf(asker: Asker | undefined): 'all' | ReadonlySet<string> {
  if (asker?.by === 'local') return 'all';
  return new Set(asker?.memberships.map(({ organisationId }) => organisationId));
}

const refreshMs = 2_000;

/** To which organisation each app belongs, without a question to the store per event and listener. */
function createOwners({ store, now, log }: Deps): {
  of(app: string): string | undefined;
  refresh(): Promise<void>;
} {
  let known = new Map<string, string>();
  let readAt = -Infinity;
  const refresh = async (): Promise<void> => {
    if (now() - readAt < refreshMs) return;
    readAt = now();
    known = new Map((await store.apps.list()).map(({ name, organisationId }) => [name, organisationId]));
  };
  return {
    refresh,
    of: (app) => {
      // A new one: its first event goes by unheard, the next does not.
      if (!known.has(app)) void refresh().catch((error) => log.warn({ err: error }, 'apps cannot be read'));
      return known.get(app);
    },
  };
}
