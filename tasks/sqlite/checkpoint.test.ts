import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { messages } from '../brokers/contract.ts';
import { openSqliteBroker } from '../brokers/sqlite.ts';
import { logOf } from './checkpoint.ts';

test('a long log is copied into the file by a thread, without a commit that does it', async () => {
  const folder = temporaryFolder('checkpoint');
  const file = join(folder.path, 'broker.db');
  const broker = await openSqliteBroker(file);
  const batch = messages(1_000).map((one) => ({ ...one, args: ['x'.repeat(1_000)] }));
  while (logOf(file).pages < 5_000) await broker.publish('q', batch);
  await until(() => logOf(file).copied >= 5_000, 'the copy');
  expect((await broker.depth?.('q'))?.waiting).toBeGreaterThan(5_000);
  await broker.close();
  folder.remove();
});

test.skipIf(!existsSync('/proc/locks'))('a look takes no lock away from SQLite', async () => {
  const folder = temporaryFolder('checkpoint');
  const file = join(folder.path, 'broker.db');
  const broker = await openSqliteBroker(file);
  await broker.publish('q', messages(1));
  const inode = statSync(`${file}-shm`).ino;
  const locks = (): string[] =>
    readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .filter((line) => line.includes(`:${inode} `));
  expect(locks().length).toBeGreaterThan(0);
  logOf(file);
  logOf(file);
  expect(locks().length).toBeGreaterThan(0);
  await broker.close();
  folder.remove();
});

test('a file that is not there has no log', () => {
  expect(logOf('/nowhere/broker.db')).toEqual({ pages: 0, copied: 0 });
});
