import { expect, test } from 'vitest';
import { freshDatabase, has, startRedis } from './fixtures.ts';

test.skipIf(!has('redisServer'))('a private Redis starts and stops', async () => {
  const redis = await startRedis();
  expect(redis.url).toMatch(/^redis:\/\/127\.0\.0\.1:\d+$/);
  await redis.stop();
});

test.skipIf(!has('postgresUrl'))('a fresh database is made and dropped', async () => {
  const database = await freshDatabase();
  expect(database.url).toContain('postgres://');
  await database.drop();
});
