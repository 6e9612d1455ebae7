/** `headcount rotate-key`: everything secret in the store is sealed with a new key. */
import { loadConfig } from '../server/config.ts';
import { HeadcountError } from '../server/errors.ts';
import { rotateKey } from '../server/secret-key.ts';

export async function rotate(options: { config?: string; data?: string }): Promise<number> {
  const config = await loadConfig(options.config, options.data === undefined ? {} : { data: options.data });
  const done = await rotateKey(config);
  if (!done)
    throw new HeadcountError(
      'CONFIG_INVALID',
      'There is no key to change to',
      'DATABASE_URL is set and HEADCOUNT_SECRET_KEY is not',
      'Set HEADCOUNT_SECRET_KEY to "new,old", then call this again.',
    );
  console.log(
    done.from === 'file'
      ? `All secrets are sealed with the new key ${done.keyId} in ${done.file}. Backups made before need the old one.`
      : `All secrets are sealed with the key ${done.keyId}. The other keys of HEADCOUNT_SECRET_KEY can be taken away.`,
  );
  return 0;
}
