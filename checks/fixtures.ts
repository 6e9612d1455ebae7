/** What a test file asks for: its own Redis, its own database, its own folder. All of them go when it ends. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import { freePort, killGroup, until } from './servers.ts';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** True when the server is here; use with `describe.skipIf(!has('redisServer'))`: the run has then said so loudly. */
export function has(server: 'redisServer' | 'postgresUrl' | 'python' | 'chromium' | 'rabbitmq'): boolean {
  return inject('servers')[server] !== '';
}

/** A private redis-server without persistence; `stop()` it in afterAll. `port` brings one back where it was. */
export async function startRedis(options: { port?: number; args?: string[] } = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const folder = temporaryFolder('redis');
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder.path,
  ];
  const server = spawn(inject('servers').redisServer, [...args, ...(options.args ?? [])], {
    stdio: 'ignore',
  });
  await until(() => answers(port), 'Redis');
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop: async (signal = 'SIGTERM') => {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      if (server.exitCode === null && server.kill(signal)) await gone;
      folder.remove();
    },
  };
}

export interface RabbitServer {
  readonly url: string;
  readonly port: number;
  /** SIGKILL is a crash; `keep` leaves its data for the next one that is given its folder. */
  stop(signal?: NodeJS.Signals, keep?: boolean): Promise<void>;
  readonly folder: string;
}

/**
 * A private RabbitMQ with its own node name, folders, cookie and epmd; about 3 seconds and 220 MB. `stop()` it in
 * afterAll. `port` and `folder` bring one back where it was, with what it had.
 *
 * @param options.config lines of rabbitmq.conf
 */
export async function startRabbit(
  options: { port?: number; folder?: string; config?: string } = {},
): Promise<RabbitServer> {
  const port = options.port ?? (await freePort());
  const path = options.folder ?? temporaryFolder('rabbit').path;
  const env = await rabbitEnvironment(path, port);
  writeFileSync(join(path, 'rabbitmq.conf'), `log.console = false\n${options.config ?? ''}\n`);
  writeFileSync(join(path, '.erlang.cookie'), 'HEADCOUNTTEST', { mode: 0o400 });
  const epmd = spawn('epmd', ['-address', '127.0.0.1', '-port', env.ERL_EPMD_PORT ?? ''], {
    env,
    stdio: 'ignore',
  });
  // A process group of its own: the shell that starts Erlang passes no signal on.
  const server = spawn(inject('servers').rabbitmq, [], { env, stdio: 'ignore', detached: true });
  await until(() => greets(port), 'RabbitMQ', 60_000);
  return {
    url: `amqp://127.0.0.1:${port}`,
    port,
    folder: path,
    stop: async (signal = 'SIGKILL', keep = false) => {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      const running = server.exitCode === null && server.signalCode === null;
      killGroup(server, signal);
      if (running) await gone;
      await until(async () => !(await answers(port)), 'the end of RabbitMQ');
      epmd.kill('SIGKILL');
      if (!keep) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function rabbitEnvironment(folder: string, port: number): Promise<NodeJS.ProcessEnv> {
  rmSync(join(folder, '.erlang.cookie'), { force: true });
  return {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    HOME: folder,
    RABBITMQ_NODENAME: `headcount${port}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: String(await freePort()),
    ERL_EPMD_PORT: String(await freePort()),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    // Spinning schedulers would take the processor from what is tested.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
  };
}

/** RabbitMQ listens before it serves; it closes what is no AMQP with its own version of it. */
async function greets(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /\r\n\r\n'));
    socket.once('data', (data) => {
      resolve(data.toString('latin1').startsWith('AMQP'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

/** An empty database on the shared PostgreSQL. */
export async function freshDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const admin = inject('servers').postgresUrl;
  const name = `t${process.pid}_${Date.now().toString(36)}_${Math.random().toString(36).slice(2, 8)}`;
  await query(admin, `CREATE DATABASE ${name}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => query(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

export function temporaryFolder(what: string): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `headcount-${what}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.end(() => resolve(true)));
    socket.once('error', () => resolve(false));
  });
}
