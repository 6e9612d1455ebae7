import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { freshDatabase, has } from '../../checks/fixtures.ts';
import { freePort, until } from '../../checks/servers.ts';
import { succeeded } from '../results.ts';
import { resultsContract } from './contract.ts';
import { openPostgresqlResults } from './postgresql.ts';

describe.skipIf(!has('postgresUrl'))('results in PostgreSQL', () => {
  resultsContract(
    { test, expect },
    'postgresql',
    async () => {
      const { url, drop } = await freshDatabase();
      return {
        open: (expiresSeconds = 60) => openPostgresqlResults(url, { expiresSeconds }),
        cut: () =>
          query(
            url,
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
          ).then(() => {}),
        stop: drop,
      };
    },
    async () =>
      openPostgresqlResults(`postgresql://127.0.0.1:${await freePort()}/none`, { expiresSeconds: 60 }),
  );

  test('several who find no table make it once', async () => {
    const { url, drop } = await freshDatabase();
    const clients = await Promise.all(
      Array.from({ length: 6 }, () => openPostgresqlResults(url, { expiresSeconds: 60 })),
    );
    await Promise.all(clients.map((one, i) => one.store(succeeded(`id-${i}`, i, 0))));
    expect(await query(url, 'SELECT count(*)::int AS count FROM headcount_taskmeta')).toEqual([{ count: 6 }]);
    for (const one of clients) await one.close();
    await drop();
  });

  test('who may not create a table uses one that is there', async () => {
    const { url, drop } = await freshDatabase();
    const owner = await openPostgresqlResults(url, { expiresSeconds: 60 });
    await owner.store(succeeded('id', 1, 0));
    await owner.close();
    const role = `r${process.pid}_${Date.now().toString(36)}`;
    await query(
      url,
      `CREATE ROLE ${role} LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON headcount_taskmeta TO ${role}`,
    );
    const limited = new URL(url);
    limited.username = role;
    const user = await openPostgresqlResults(limited.href, { expiresSeconds: 60 });
    await user.store(succeeded('id-2', 2, 0));
    expect(await user.get('id-2')).toMatchObject({ result: 2 });
    await user.close();
    await query(url, `REVOKE ALL ON headcount_taskmeta FROM ${role}; DROP ROLE ${role}`);
    await drop();
  });

  test('what is over is thrown away by who stores next', async () => {
    const { url, drop } = await freshDatabase();
    const results = await openPostgresqlResults(url, { expiresSeconds: 0.001 });
    await results.store(succeeded('old', 1, 0));
    const later = await openPostgresqlResults(url, { expiresSeconds: 60 });
    await later.store(succeeded('new', 1, 0));
    await until(
      async () =>
        (await query(url, 'SELECT task_id FROM headcount_taskmeta')).every(
          ({ task_id }) => task_id === 'new',
        ),
      'the end of the old one',
    );
    await results.close();
    await later.close();
    await drop();
  });
});

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}
