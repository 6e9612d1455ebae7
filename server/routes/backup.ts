/** The embedded store as one file, as large as all that it knows: for `headcount backup`, and for who keeps copies by the API. */
import { createRoute, z } from '@hono/zod-openapi';
import { HeadcountError } from '../../decide/errors.ts';
import { type Deps, failures, type Routes } from '../request.ts';

const file = z.string().openapi({ format: 'binary' });

export function backupRoutes(api: Routes, { store }: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/backup',
      tags: ['configuration'],
      summary: 'The embedded store as one file, as `headcount restore` takes it',
      responses: {
        200: {
          description: 'A packed file. Where the store is in PostgreSQL there is none: 422.',
          content: { 'application/gzip': { schema: file } },
        },
        ...failures,
      },
    }),
    async (c) => {
      if (!store.backUp) throw postgresHasItsOwn();
      const bytes = await store.backUp();
      return c.body(new Uint8Array(bytes), 200, { 'content-type': 'application/gzip' });
    },
  );
}

function postgresHasItsOwn(): HeadcountError {
  return new HeadcountError(
    'OPTION_INVALID',
    'There is nothing to back up here',
    'this controller keeps its store in PostgreSQL',
    'Use pg_dump: docs/store.md says how.',
  );
}
