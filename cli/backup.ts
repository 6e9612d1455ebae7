/** `headcount backup FILE` and `headcount restore FILE`: the embedded store in one file; from the controller while it runs, else from its folder. */
import { join, resolve } from 'node:path';
import { loadConfig } from '../server/config.ts';
import { backUpFolder, restoreFolder, saveBackup } from '../server/copies.ts';
import { HeadcountError } from '../server/errors.ts';
import { type Running, readRunning } from './running.ts';

export interface BackupOptions {
  readonly file: string;
  readonly config?: string;
  readonly data?: string;
}

const patienceMs = 300_000;

export async function backup(options: BackupOptions): Promise<number> {
  const { data, databaseUrl } = await place(options);
  if (databaseUrl) throw inPostgres();
  const running = readRunning(data);
  const bytes = running ? await fetchBackup(running) : await backUpFolder(join(data, 'store'), Date.now());
  const file = resolve(options.file);
  await saveBackup(file, bytes);
  console.log(
    `${file}: ${(bytes.length / 1e6).toFixed(1)} MB${running ? ', while the controller runs' : ''}`,
  );
  console.log(
    `Keep ${join(data, 'secret.key')} too, where it exists, and apart: secrets in the backup are sealed with it.`,
  );
  return 0;
}

export async function restore(options: BackupOptions & { readonly force?: boolean }): Promise<number> {
  const { data, databaseUrl } = await place(options);
  if (databaseUrl) throw inPostgres();
  const folder = join(data, 'store');
  const { madeAt } = await restoreFolder(resolve(options.file), folder, options.force ?? false);
  console.log(`${folder} is as it was at ${madeAt}. Start the controller with "headcount up".`);
  return 0;
}

async function place({ config, data }: BackupOptions) {
  return await loadConfig(config, { ...(data !== undefined && { data }), keepSecrets: true });
}

async function fetchBackup({ url, key }: Running): Promise<Uint8Array> {
  const response = await fetch(new URL('/api/backup', url), {
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(patienceMs),
  });
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new HeadcountError(
    'CONTROLLER_UNREACHABLE',
    `The controller at ${url} gives no backup`,
    `it answered ${response.status}: ${(await response.text()).slice(0, 300)}`,
    'Stop it and call this again, to read its folder instead.',
  );
}

function inPostgres(): HeadcountError {
  return new HeadcountError(
    'OPTION_INVALID',
    'There is no embedded store to back up or restore',
    'DATABASE_URL is set, so the store is in PostgreSQL',
    'Use pg_dump and pg_restore: docs/store.md says how.',
  );
}
