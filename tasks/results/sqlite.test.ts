import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { resultsContract } from './contract.ts';
import { openSqliteResults } from './sqlite.ts';

resultsContract({ test, expect }, 'sqlite', async () => {
  const folder = temporaryFolder('sqlite-results');
  return {
    open: (expiresSeconds = 60) => openSqliteResults(join(folder.path, 'broker.db'), { expiresSeconds }),
    stop: async () => folder.remove(),
  };
});
