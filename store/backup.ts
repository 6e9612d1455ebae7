/**
 * A copy of the embedded store in one file, made while the controller runs, and a store made from such a file.
 *
 * The file is gzip: one line of JSON that says what it is, then the database's files as tar. They are read after a checkpoint
 * and between two statements, so they are what a kill at that moment would leave, which PostgreSQL opens (kill.test.ts).
 * Rows as SQL were rejected: the one connection would be taken for as long as the history is, and a restored store would have
 * to be put together from migrations of then and of now. PostgreSQL has pg_dump.
 */
import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { PGlite } from '@electric-sql/pglite';
import { HeadcountError } from '../decide/errors.ts';
import { openEmbedded, withFolder } from './embedded.ts';
import { knownMigrations } from './migrate.ts';

const format = 1;
const marker = 'headcount-backup';

interface Header {
  readonly what: typeof marker;
  readonly format: number;
  readonly madeAt: string;
  /** The numbers and checksums of the steps that its tables have had. */
  readonly migrations: readonly { readonly number: number; readonly checksum: string }[];
}

/** The bytes of a backup file. About as large as the database when it is packed: all of it is in memory meanwhile. */
export async function backUp(pglite: PGlite, now: number): Promise<Uint8Array> {
  await pglite.query('checkpoint');
  const { rows } = await pglite.query<Header['migrations'][number]>(
    'select number, checksum from schema_migrations order by number',
  );
  const files = await pglite.dumpDataDir('none');
  const header: Header = {
    what: marker,
    format,
    madeAt: new Date(now).toISOString(),
    migrations: rows,
  };
  const line = Buffer.from(`${JSON.stringify(header)}\n`);
  return await promisify(gzip)(Buffer.concat([line, Buffer.from(await files.arrayBuffer())]));
}

/** Of a store that nobody has open. @throws HeadcountError STORE_IN_USE, STORE_UNREACHABLE */
export async function backUpFolder(folder: string, now: number): Promise<Uint8Array> {
  if (!existsSync(join(folder, 'database'))) throw nothingThere(folder);
  const { pglite, close } = await openEmbedded(folder);
  try {
    return await backUp(pglite, now);
  } finally {
    await close();
  }
}

export interface Restored {
  readonly madeAt: string;
}

/**
 * Makes the store in the folder from a backup file; nothing that stands there is touched before the backup is whole beside it.
 *
 * @param force replaces the database that stands there
 * @throws HeadcountError BACKUP_INVALID, STORE_NEWER, STORE_IN_USE, STORE_EXISTS
 */
export async function restore(file: string, folder: string, force = false): Promise<Restored> {
  const { header, files } = await read(file);
  await refuseNewer(file, header);
  return await withFolder(folder, async (database) => {
    if (existsSync(database) && !force) throw exists(folder);
    const aside = join(folder, 'database.new-restored');
    await rm(aside, { recursive: true, force: true });
    const { PGlite } = await import('@electric-sql/pglite');
    const loadDataDir = new Blob([new Uint8Array(files)], { type: 'application/x-tar' });
    const made = await PGlite.create({ dataDir: aside, loadDataDir }).catch((error: unknown) => {
      throw invalid(
        file,
        `its files are no database: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
    await made.close();
    const old = join(folder, 'database.new-replaced');
    await rm(old, { recursive: true, force: true });
    if (existsSync(database)) await rename(database, old);
    await rename(aside, database);
    await rm(old, { recursive: true, force: true });
    return { madeAt: header.madeAt };
  });
}

/** Written beside it first: a backup that was interrupted does not stand there as a whole one. */
export async function saveBackup(file: string, bytes: Uint8Array): Promise<void> {
  const half = `${file}.half`;
  await writeFile(half, bytes, { mode: 0o600 });
  await rename(half, file);
}

async function read(file: string): Promise<{ header: Header; files: Buffer }> {
  const packed = await readFile(file).catch((error: Error) => {
    throw invalid(file, error.message);
  });
  const bytes = await promisify(gunzip)(packed).catch(() => {
    throw invalid(file, 'it is no whole gzip file');
  });
  const end = bytes.indexOf(10);
  const header = parse(bytes.subarray(0, Math.max(0, end)).toString());
  if (header?.what !== marker) throw invalid(file, 'it was not made by "headcount backup"');
  if (header.format > format)
    throw newer(file, `its format is ${header.format}, and this version knows ${format}`);
  return { header, files: bytes.subarray(end + 1) };
}

function parse(line: string): Header | undefined {
  try {
    return JSON.parse(line) as Header;
  } catch {
    return undefined;
  }
}

async function refuseNewer(file: string, { migrations }: Header): Promise<void> {
  const known = new Map((await knownMigrations()).map(({ number, checksum }) => [number, checksum]));
  const foreign = migrations.find(({ number, checksum }) => known.get(number) !== checksum);
  if (foreign)
    throw newer(file, `its tables have had step ${foreign.number}, which this version does not have`);
}

function nothingThere(folder: string): HeadcountError {
  return new HeadcountError(
    'STORE_UNREACHABLE',
    `There is no store in ${folder}`,
    'no controller has made one there',
    "Give the controller's folder with --data.",
  );
}

function invalid(file: string, why: string): HeadcountError {
  return new HeadcountError(
    'BACKUP_INVALID',
    `${file} cannot be restored`,
    why,
    'Give a file that "headcount backup" made.',
  );
}

function newer(file: string, why: string): HeadcountError {
  return new HeadcountError(
    'STORE_NEWER',
    `The backup ${file} is of a newer version of Headcount`,
    why,
    'Restore it with that version.',
  );
}

function exists(folder: string): HeadcountError {
  return new HeadcountError(
    'STORE_EXISTS',
    `Nothing was restored into ${folder}`,
    'there is a database already',
    'Give another folder with --data, or --force to replace it.',
  );
}
