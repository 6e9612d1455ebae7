/** What a test file asks for: its own Redis, its own database, its own folder. All of them go when it ends. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import { freePort, until } from './servers.ts';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** True when the server is here; use with `describe.skipIf(!has('redisServer'))`: the run has then said so loudly. */
export function has(server: 'redisServer' | 'postgresUrl' | 'python' | 'chromium'): boolean {
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
