/** The embedded store as one file, for `headcount backup`. Not in the API document: it is as large as the store. */
import { HeadcountError } from '../../decide/errors.ts';
import type { Deps, Routes } from '../request.ts';

export function backupRoutes(api: Routes, { store }: Deps): void {
  api.get('/api/backup', async (c) => {
    if (!store.backUp) throw postgresHasItsOwn();
    const bytes = await store.backUp();
    return c.body(new Uint8Array(bytes), 200, { 'content-type': 'application/gzip' });
  });
}

function postgresHasItsOwn(): HeadcountError {
  return new HeadcountError(
    'OPTION_INVALID',
    'There is nothing to back up here',
    'this controller keeps its store in PostgreSQL',
    'Use pg_dump: docs/store.md says how.',
  );
}
