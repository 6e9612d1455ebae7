import { join } from 'node:path';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { messages } from '../brokers/contract.ts';
import { openSqliteBroker } from '../brokers/sqlite.ts';

test('while a write waits for the lock of another process, the depth can be read, and both end well', async () => {
  const folder = temporaryFolder('file');
  const file = join(folder.path, 'broker.db');
  const broker = await openSqliteBroker(file);
  await broker.publish('q', messages(1));
  const other = new Database(file);
  other.exec('BEGIN IMMEDIATE');
  const publishing = broker.publish('q', messages(2));
  expect((await broker.depth?.('q'))?.waiting).toBe(1);
  expect((await broker.depth?.('q'))?.waiting).toBe(1);
  other.exec('COMMIT');
  await publishing;
  expect((await broker.depth?.('q'))?.waiting).toBe(3);
  other.close();
  await broker.close();
  folder.remove();
});
