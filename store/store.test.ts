import { afterAll, beforeAll, describe } from 'vitest';
import { freshDatabase, has, temporaryFolder } from '../checks/fixtures.ts';
import { storeContract } from './contract.ts';
import { openStore } from './open.ts';

describe('embedded', () => {
  const folder = temporaryFolder('store');
  afterAll(() => folder.remove());
  storeContract(() => openStore({ folder: folder.path }));
});

describe.skipIf(!has('postgresUrl'))('PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());
  storeContract(() => openStore({ databaseUrl: database.url }));
});
