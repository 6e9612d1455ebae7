/**
 * The real servers that tests run against, found or brought before the first test.
 *
 * For each need, in this order: an address in the environment, else a binary that is already here, else
 * `apt-get install` where this is root on Debian. What cannot be had is named loudly with how to get it, and the tests
 * that need it are skipped; with CI=true that is a failure instead. Servers listen on private ports of loopback and keep
 * their data in a temporary folder, so nothing of the machine's own is touched.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

import { freePort } from '../server/bench/free-port.ts';

export { freePort };

export interface Servers {
  /** Path of redis-server, or empty. */
  readonly redisServer: string;
  /** Address of a PostgreSQL where the user may create databases, or empty. */
  readonly postgresUrl: string;
  /** A Python that can import celery and redis, or empty. */
  readonly python: string;
  /** Path of rabbitmq-server, or empty. */
  readonly rabbitmq: string;
  /** Path of Chromium, or empty. */
  readonly chromium: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    servers: Servers;
  }
}

interface Need {
  readonly name: string;
  readonly packages: readonly string[];
  /** The address or path, or undefined when it is not here. */
  find(): string | undefined;
}

const needs: readonly Need[] = [
  { name: 'Redis', packages: ['redis-server'], find: () => binary('redis-server') },
  {
    name: 'PostgreSQL',
    packages: ['postgresql'],
    find: () => process.env.TEST_DATABASE_URL ?? postgresFolder(),
  },
  {
    name: 'Celery for Python',
    packages: ['python3-celery', 'python3-redis'],
    find: () => ['/usr/bin/python3', 'python3'].find(canImportCelery),
  },
  { name: 'RabbitMQ', packages: ['rabbitmq-server'], find: rabbitServer },
  {
    name: 'Chromium',
    packages: ['chromium', 'fonts-noto-core', 'fonts-noto-color-emoji'],
    find: () => binary('chromium') ?? binary('chromium-browser'),
  },
];

const running: (() => Promise<void>)[] = [];

export async function setup(project: TestProject): Promise<void> {
  install(needs.filter((need) => need.find() === undefined));
  const missing = needs.filter((need) => need.find() === undefined);
  for (const need of missing) complain(need);
  if (missing.length > 0 && process.env.CI === 'true')
    throw new Error(
      `CI=true and ${missing.map((need) => need.name).join(', ')} cannot be had: no test may be skipped`,
    );
  const found = (name: string): string => needs.find((need) => need.name === name)?.find() ?? '';
  project.provide('servers', {
    redisServer: found('Redis'),
    postgresUrl: await postgresUrl(found('PostgreSQL')),
    python: found('Celery for Python'),
    rabbitmq: found('RabbitMQ'),
    chromium: found('Chromium'),
  });
}

export async function teardown(): Promise<void> {
  await Promise.all(running.map((stop) => stop()));
}

function install(missing: readonly Need[]): void {
  if (missing.length === 0 || process.getuid?.() !== 0 || !binary('apt-get')) return;
  const packages = missing.flatMap((need) => need.packages);
  process.stderr.write(`tests: installing ${packages.join(' ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const apt = (...args: string[]): void => {
    execFileSync('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300', ...args], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 900_000,
    });
  };
  try {
    apt('update');
    apt('install', '--no-install-recommends', ...packages);
  } catch (error) {
    process.stderr.write(`tests: apt-get failed: ${String(error)}\n`);
  }
}

function complain(need: Need): void {
  const how = `apt-get install ${need.packages.join(' ')}`;
  process.stderr.write(`\n*** ${need.name} is missing: its tests are SKIPPED. To run them: ${how}\n\n`);
}

function binary(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/bin', '/usr/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Debian's own command in PATH insists on its user and its folders; the script behind it does not. */
function rabbitServer(): string | undefined {
  const debian = '/usr/lib/rabbitmq/bin/rabbitmq-server';
  return existsSync(debian) ? debian : binary('rabbitmq-server');
}

function canImportCelery(python: string): boolean {
  try {
    execFileSync(python, ['-c', 'import celery, redis'], { stdio: 'ignore', timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}

/** The folder with initdb and postgres. */
function postgresFolder(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort().reverse() : [];
  const folders = [...versions.map((version) => join(debian, version, 'bin')), '/usr/local/bin'];
  return folders.find((folder) => existsSync(join(folder, 'initdb')));
}

async function postgresUrl(found: string): Promise<string> {
  if (found === '' || found.startsWith('postgres')) return found;
  const folder = mkdtempSync(join(tmpdir(), 'headcount-postgres-'));
  const user = ordinaryUser();
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? 0);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder, stdio: 'ignore' as const };
  execFileSync(
    join(found, 'initdb'),
    ['-D', data, '-U', 'headcount', '-A', 'trust', '--no-sync', '-E', 'UTF8'],
    options,
  );
  const port = await freePort();
  const settings = [
    '-c',
    'fsync=off',
    '-c',
    `unix_socket_directories=${folder}`,
    '-c',
    'listen_addresses=127.0.0.1',
  ];
  const server = spawn(join(found, 'postgres'), ['-D', data, '-p', String(port), ...settings], options);
  running.push(async () => {
    const gone = new Promise((resolve) => server.once('exit', resolve));
    if (server.exitCode === null && server.kill('SIGINT')) await gone;
    rmSync(folder, { recursive: true, force: true });
  });
  await until(() => existsSync(join(folder, `.s.PGSQL.${port}`)), 'PostgreSQL');
  return `postgres://headcount@127.0.0.1:${port}/postgres`;
}

/** PostgreSQL refuses to run as root; then it runs as nobody. */
function ordinaryUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  return {
    uid: Number(execFileSync('id', ['-u', 'nobody'])),
    gid: Number(execFileSync('id', ['-g', 'nobody'])),
  };
}

/** Ends a process that leads a group, and all of the group; nothing when it has ended by itself. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has just ended.
  }
}

/** Polls a condition of another process, which can send no event; at most 30 seconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 30_000,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what} did not come within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
