/** Opens the store: PGlite in a folder, or PostgreSQL at an address. From here on both are the same. */
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { HeadcountError } from '../decide/errors.ts';
import { createApps } from './apps.ts';
import { createAudit } from './audit.ts';
import { backUp } from './backup.ts';
import { type Bus, createBus } from './bus.ts';
import { createChannels } from './channels.ts';
import type { Database, StoreKind } from './database.ts';
import { createDecisions } from './decisions.ts';
import { openEmbedded } from './embedded.ts';
import { createHistory } from './history.ts';
import { createIssues } from './issues.ts';
import { createLeases, type Leases } from './leases.ts';
import { createManagers } from './managers.ts';
import { migrate } from './migrate.ts';
import { createOrganisations } from './organisations.ts';
import { parsers } from './parsers.ts';
import { pgliteDialect } from './pglite-dialect.ts';
import { createReadings } from './readings.ts';
import { resealAll } from './reseal.ts';
import { createSettings } from './settings.ts';
import type { Store } from './store.ts';
import { createTasks } from './tasks.ts';
import { createTidy } from './tidy.ts';
import { createUsage, type ReadUsage } from './usage.ts';
import { createVault, type Vault } from './vault.ts';

/** Where the store is: a folder for the embedded one, or the address of a PostgreSQL database. */
export type StorePlace = { readonly folder: string } | { readonly databaseUrl: string };

/** `kysely` is for those who bring tables of their own, such as accounts. */
export type OpenStore = Store & {
  readonly kysely: Kysely<Database>;
  readonly kind: StoreKind;
  /** How many processes ran, of many managers at once. */
  readonly usage: ReadUsage;
  /** The bytes of a backup file. Absent: the store has its own way. */
  readonly backUp?: () => Promise<Uint8Array>;
  /** How several controllers share it. Absent: the store can have only one. */
  readonly several?: { readonly leases: Leases; readonly bus: Bus };
  /** Steps that a newer version has applied to the tables, and that this one does without. Absent: none. */
  readonly newerSteps?: readonly string[];
};

interface Opened {
  readonly kind: StoreKind;
  readonly backUp?: () => Promise<Uint8Array>;
  readonly kysely: Kysely<Database>;
  readonly several?: NonNullable<OpenStore['several']>;
  close(): Promise<void>;
}

/**
 * @param vault seals secrets, and what was sealed otherwise is sealed anew at once; absent: they stand in the store as they are
 * @throws HeadcountError STORE_UNREACHABLE, STORE_IN_USE, STORE_NEWER, SECRETS_LOCKED
 */
export async function openStore(place: StorePlace, vault: Vault = createVault([])): Promise<OpenStore> {
  const { kind, kysely, several, backUp, close } =
    'folder' in place ? await openFolder(place.folder) : await openPostgres(place.databaseUrl);
  let newerSteps: readonly string[];
  try {
    newerSteps = await migrate(kysely, Date.now());
    await resealAll(kysely, vault);
  } catch (error) {
    await close();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    kind,
    kysely,
    ...(backUp && { backUp }),
    ...(several && { several }),
    ...(newerSteps.length > 0 && { newerSteps }),
    apps: createApps(kysely, vault),
    managers: createManagers(kysely, vault),
    readings: createReadings(kysely),
    decisions: createDecisions(kysely),
    history: createHistory(kysely),
    issues: createIssues(kysely),
    channels: createChannels(kysely, vault),
    settings: createSettings(kysely, vault),
    tasks: createTasks(kysely),
    organisations: createOrganisations(kysely),
    audit: createAudit(kysely),
    usage: createUsage(kysely),
    tidy: createTidy(kysely, kind),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function openFolder(folder: string): Promise<Opened> {
  const embedded = await openEmbedded(folder);
  const kysely = new Kysely<Database>({ dialect: pgliteDialect(embedded.pglite) });
  return {
    kind: 'embedded',
    kysely,
    // In a turn of its own: nobody's transaction is half done then.
    backUp: async () =>
      await kysely.connection().execute(async () => await backUp(embedded.pglite, Date.now())),
    close: async () => {
      await kysely.destroy();
      await embedded.close();
    },
  };
}

async function openPostgres(databaseUrl: string): Promise<Opened> {
  const pool = createPool(databaseUrl);
  try {
    (await pool.connect()).release();
  } catch (error) {
    await pool.end();
    throw unreachable(databaseUrl, error);
  }
  const kysely = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  // Connections of their own: a lease that waits behind a thousand readings of history would run out.
  const leasePool = createPool(databaseUrl, leaseConnections);
  const leases = new Kysely<Database>({ dialect: new PostgresDialect({ pool: leasePool }) });
  const bus = createBus(databaseUrl, pool);
  return {
    kind: 'postgres',
    kysely,
    several: { leases: createLeases(leases), bus },
    close: async () => {
      await bus.close();
      await leases.destroy();
      await kysely.destroy();
    },
  };
}

const leaseConnections = 3;

function createPool(databaseUrl: string, max = 10): pg.Pool {
  if (!URL.canParse(databaseUrl) || !/^postgres(ql)?:$/.test(new URL(databaseUrl).protocol))
    throw new HeadcountError(
      'CONFIG_INVALID',
      'DATABASE_URL is not the address of a PostgreSQL database',
      'it does not have the form postgres://user:password@host:port/database',
      'Correct it, or remove it to use the embedded store.',
    );
  const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
    (format !== 'binary' && parsers[oid]) || pg.types.getTypeParser(oid, format as 'text');
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max,
    connectionTimeoutMillis: 10_000,
    application_name: 'headcount',
    types: { getTypeParser },
  });
  // A connection that breaks while idle is replaced at the next query; without a listener it would end the process.
  pool.on('error', () => {});
  // One that breaks between two statements of a transaction: the next statement says so.
  pool.on('connect', (client) => void client.on('error', () => {}));
  return pool;
}

function unreachable(databaseUrl: string, error: unknown): HeadcountError {
  const { host, pathname } = new URL(databaseUrl);
  return new HeadcountError(
    'STORE_UNREACHABLE',
    `PostgreSQL at ${host}${pathname} cannot be used`,
    reasonOf(error),
    'Start it, or correct DATABASE_URL, or remove DATABASE_URL to use the embedded store.',
    { cause: error },
  );
}

/** Node reports several failed addresses as one error without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
