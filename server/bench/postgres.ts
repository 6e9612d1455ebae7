/** A private PostgreSQL in a temporary folder, for benches and tests that stop it: its own port, nobody else's data. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { HeadcountError } from '../../decide/errors.ts';
import { freePort } from './free-port.ts';

export interface Postgres {
  readonly url: string;
  readonly pid: () => number | undefined;
  /** SIGINT: at once, in order. SIGQUIT: at once, as a crash. The data stays. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Again, on the same port. */
  start(): Promise<void>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

const startLimitMs = 60_000;

/** The folder with initdb and postgres; nothing where it is not installed. */
export function postgresFolder(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort().reverse() : [];
  const folders = [...versions.map((version) => join(debian, version, 'bin')), '/usr/local/bin', '/usr/bin'];
  return folders.find((folder) => existsSync(join(folder, 'initdb')));
}

/** @param settings further ones, as `fsync=off` */
export async function createPostgres(settings: readonly string[] = []): Promise<Postgres> {
  const binaries = postgresFolder();
  if (!binaries) throw unavailable('it is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'headcount-own-postgres-'));
  const user = ordinaryUser();
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? 0);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder, stdio: 'ignore' as const };
  const port = await freePort();
  const url = `postgres://headcount@127.0.0.1:${port}/postgres`;
  execFileSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'headcount', '-A', 'trust', '--no-sync', '-E', 'UTF8'],
    options,
  );
  const given = [`unix_socket_directories=${folder}`, 'listen_addresses=127.0.0.1', ...settings];
  const args = ['-D', data, '-p', String(port), ...given.flatMap((setting) => ['-c', setting])];
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    server = spawn(join(binaries, 'postgres'), args, options);
    await answers(url, server);
  };
  const stop = async (signal: NodeJS.Signals = 'SIGINT'): Promise<void> => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((resolve) => server?.once('exit', resolve));
    server.kill(signal);
    await gone;
  };
  await start();
  return {
    url,
    pid: () => server?.pid,
    start,
    stop,
    remove: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function answers(url: string, server: ChildProcess): Promise<void> {
  const end = Date.now() + startLimitMs;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      await client.end().catch(() => {});
      if (server.exitCode !== null || Date.now() > end) throw unavailable(String(error));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** PostgreSQL refuses to run as root; then it runs as nobody. */
function ordinaryUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'nobody']));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

function unavailable(why: string): HeadcountError {
  return new HeadcountError(
    'STORE_UNREACHABLE',
    'A private PostgreSQL cannot be started',
    why,
    'Install it: apt-get install postgresql',
  );
}
