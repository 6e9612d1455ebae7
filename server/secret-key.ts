/** Where the key is that seals secrets in the store: the environment, else a file beside the embedded store. */
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { HeadcountError } from '../decide/errors.ts';
import { openStore } from '../store/open.ts';
import { createVault, idOf, keysIn, newKey, type Vault } from '../store/vault.ts';
import type { Config } from './config.ts';

type Place = Pick<Config, 'data' | 'databaseUrl'>;

/** @throws HeadcountError CONFIG_INVALID */
export async function openVault(place: Place, log: Logger): Promise<Vault> {
  const given = process.env['HEADCOUNT_SECRET_KEY'];
  if (given) return createVault(keysIn(given));
  if (!place.databaseUrl) return createVault(keysIn(await keyFile(place.data)));
  log.warn(
    'credentials stand unsealed in PostgreSQL: set HEADCOUNT_SECRET_KEY, made with "openssl rand -base64 32"',
  );
  return createVault([]);
}

export interface Rotation {
  /** Of the key that seals now. */
  readonly keyId: string;
  readonly from: 'environment' | 'file';
  /** The file that has the key. */
  readonly file?: string;
}

/**
 * Seals everything with the newest key. A key in a file is replaced by a new one here; a key in the environment is the user's:
 * the first of several takes over, and the others can be taken away after this.
 *
 * @throws HeadcountError CONFIG_INVALID, STORE_IN_USE, STORE_UNREACHABLE, SECRETS_LOCKED
 */
export async function rotateKey(place: Place): Promise<Rotation | undefined> {
  const storePlace = place.databaseUrl
    ? { databaseUrl: place.databaseUrl }
    : { folder: join(place.data, 'store') };
  const given = process.env['HEADCOUNT_SECRET_KEY'];
  if (given) {
    const keys = keysIn(given);
    // Opening seals anew what an older key sealed.
    await (await openStore(storePlace, createVault(keys))).close();
    return keys[0] && { keyId: idOf(keys[0]), from: 'environment' };
  }
  if (place.databaseUrl) return undefined;
  if (!existsSync(join(place.data, 'store')))
    throw new HeadcountError(
      'CONFIG_INVALID',
      `There is no embedded store in ${place.data}`,
      'no controller has run there',
      'Name its folder with --data.',
    );
  const old = keysIn(await keyFile(place.data));
  const next = newKey();
  // Both stand in the file until the store knows only the new one, so that a crash in between locks nobody out.
  await writeKeys(place.data, [next, ...old]);
  const store = await openStore(storePlace, createVault([next, ...old])).catch(async (error: unknown) => {
    if (error instanceof HeadcountError && error.code === 'STORE_IN_USE') await writeKeys(place.data, old);
    throw error;
  });
  await store.close();
  await writeKeys(place.data, [next]);
  return { keyId: idOf(next), from: 'file', file: fileIn(place.data) };
}

/** Makes the file when there is none. */
async function keyFile(data: string): Promise<string> {
  const file = fileIn(data);
  const text = `${Buffer.from(newKey()).toString('base64')}\n`;
  await writeFile(file, text, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return (await readFile(file, 'utf8')).trim();
}

async function writeKeys(data: string, keys: readonly Uint8Array[]): Promise<void> {
  const text = `${keys.map((key) => Buffer.from(key).toString('base64')).join(',')}\n`;
  const file = fileIn(data);
  await writeFile(`${file}.new`, text, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
}

function fileIn(data: string): string {
  return join(data, 'secret.key');
}
