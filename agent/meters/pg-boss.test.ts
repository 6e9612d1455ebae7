import PgBoss from 'pg-boss';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase, has } from '../../checks/fixtures.ts';
import { pgBoss } from '../index.ts';

const patience = AbortSignal.timeout(600_000);

describe.skipIf(!has('postgresUrl'))('pg-boss on PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  let boss: PgBoss;
  beforeAll(async () => {
    database = await freshDatabase();
    boss = new PgBoss({
      connectionString: database.url,
      schema: 'jobs',
      supervise: false,
      schedule: false,
    });
    boss.on('error', () => undefined);
  });
  afterAll(async () => {
    await boss.stop({ graceful: false, wait: true }).catch(() => undefined);
    await database.drop();
  });
  const read = (queue = 'mail') => pgBoss({ boss, queues: [queue], schema: 'jobs' }).read(patience);

  test('before it is started it is unknown', async () => {
    expect(await read()).toEqual([
      { kind: 'unknown', at: expect.any(Number), why: 'pg-boss mail: pg-boss has not been started' },
    ]);
  });

  test('waiting, running, later, the oldest, retries; of its own queue only', async () => {
    boss = new PgBoss({ connectionString: database.url, schema: 'jobs', supervise: false, schedule: false });
    boss.on('error', () => undefined);
    await boss.start();
    await boss.createQueue('mail');
    await boss.createQueue('other');
    expect(await read()).toMatchObject([
      { queue: 'mail', waiting: 0, running: 0, later: 0, oldestSeconds: 0 },
    ]);
    const long = new Date(Date.now() - 90_000);
    for (let n = 0; n < 5; n++) await boss.send('mail', { n }, n === 0 ? { startAfter: long } : {});
    await boss.send('mail', {}, { startAfter: 3_600 });
    await boss.send('other', {});
    const [taken] = await boss.fetch('mail');
    const [failing] = await boss.fetch('mail');
    expect(await read()).toMatchObject([{ waiting: 3, running: 2, later: 1 }]);
    await boss.fail('mail', failing?.id ?? '');
    expect(await read()).toMatchObject([{ waiting: 4, running: 1, later: 1 }]);
    await boss.complete('mail', taken?.id ?? '');
    const [reading] = await read();
    expect(reading).toMatchObject({ waiting: 4, running: 0, later: 1 });
    const waitsSince = reading?.kind === 'jobs' ? (reading.oldestSeconds ?? -1) : -1;
    expect(waitsSince).toBeGreaterThan(0);
    expect(waitsSince).toBeLessThan(600);
  });

  test('a queue that does not exist is unknown', async () => {
    expect(await read('mial')).toMatchObject([
      { kind: 'unknown', why: 'pg-boss mial: pg-boss has no such queue' },
    ]);
  });

  test('a database that is gone is unknown', async () => {
    await boss.stop({ graceful: false, wait: true });
    const [reading] = await read();
    expect(reading?.kind).toBe('unknown');
  });
});
