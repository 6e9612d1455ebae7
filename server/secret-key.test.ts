import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { openStore } from '../store/open.ts';
import { idOf, keysIn, newKey } from '../store/vault.ts';
import { openVault, rotateKey } from './secret-key.ts';

const log = pino({ level: 'silent' });
const folder = temporaryFolder('secret-key');
const place = { folder: join(folder.path, 'store') };
const keysNow = (): Uint8Array[] => keysIn(readFileSync(join(folder.path, 'secret.key'), 'utf8').trim());

afterEach(() => vi.unstubAllEnvs());
afterAll(() => folder.remove());

test('a key of its own is made beside the embedded store, for its owner only, and can be changed', async () => {
  await expect(rotateKey({ data: folder.path })).rejects.toThrow('no controller has run there');
  const store = await openStore(place, await openVault({ data: folder.path }, log));
  const [first] = keysNow();
  expect(statSync(join(folder.path, 'secret.key')).mode & 0o777).toBe(0o600);
  await store.settings.set('auth.secret', 'cookies');

  await expect(rotateKey({ data: folder.path })).rejects.toMatchObject({ code: 'STORE_IN_USE' });
  expect(keysNow()).toEqual([first]);
  await store.close();

  const done = await rotateKey({ data: folder.path });
  const [second, ...others] = keysNow();
  expect(others).toEqual([]);
  expect(second).not.toEqual(first);
  expect(done).toEqual({
    keyId: second && idOf(second),
    from: 'file',
    file: join(folder.path, 'secret.key'),
  });
  const again = await openStore(place, await openVault({ data: folder.path }, log));
  expect(await again.settings.get('auth.secret')).toBe('cookies');
  await again.close();
});

test('the environment goes before the file; PostgreSQL has no file', async () => {
  const vault = await openVault({ data: folder.path, databaseUrl: 'postgres://x/y' }, log);
  expect(vault.seal('plain', 'a')).toBe('plain');
  expect(await rotateKey({ data: folder.path, databaseUrl: 'postgres://x/y' })).toBeUndefined();
  const key = newKey();
  vi.stubEnv('HEADCOUNT_SECRET_KEY', Buffer.from(key).toString('base64'));
  const sealing = await openVault({ data: folder.path, databaseUrl: 'postgres://x/y' }, log);
  expect(sealing.seal('plain', 'a')).toContain(idOf(key));
});
