/** The real servers of a bench, private to it: ports of their own on loopback, data in a folder that goes with them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../server/bench/free-port.ts';

export interface Place {
  readonly url: string;
  readonly folder: string;
  stop(): void;
}

export async function startRedis(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-bench-'));
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  await answer(port, 'PING\r\n', '+PONG');
  return { url: `redis://127.0.0.1:${port}`, folder, stop: () => end([server], folder) };
}

/** Undefined where it is not installed. */
export async function startRabbit(): Promise<Place | undefined> {
  const binary = '/usr/lib/rabbitmq/bin/rabbitmq-server';
  if (!existsSync(binary)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'headcount-bench-'));
  const port = await freePort();
  writeFileSync(join(folder, 'rabbitmq.conf'), 'log.console = false\n');
  writeFileSync(join(folder, '.erlang.cookie'), 'HEADCOUNTBENCH', { mode: 0o400 });
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    LANG: 'C.UTF-8',
    RABBITMQ_NODENAME: `bench${port}@localhost`,
    RABBITMQ_NODE_PORT: `${port}`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: `${await freePort()}`,
    ERL_EPMD_PORT: `${await freePort()}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
  };
  const epmd = spawn('epmd', ['-address', '127.0.0.1', '-port', env.ERL_EPMD_PORT], { env, stdio: 'ignore' });
  const server = spawn(binary, [], { env, stdio: 'ignore', detached: true });
  await answer(port, 'GET /\r\n\r\n', 'AMQP');
  return { url: `amqp://127.0.0.1:${port}`, folder, stop: () => end([server, epmd], folder) };
}

/** Seconds of processor time that a process and its descendants have used; Linux only, else undefined. */
export function cpuSeconds(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const stats = new Map<number, { parent: number; ticks: number }>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const text = readText(`/proc/${name}/stat`);
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // Fields 4, 14 and 15 of proc(5).
    stats.set(Number(name), { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) });
  }
  const within = (id: number | undefined): boolean =>
    id === pid || (id !== undefined && id > 1 && within(stats.get(id)?.parent));
  let ticks = 0;
  for (const [id, stat] of stats) if (within(id)) ticks += stat.ticks;
  return ticks / 100;
}

export function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readText(`/proc/${pid}/status`))?.[1] ?? Number.NaN) / 1024;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Until it says so, at most a minute; after that the first command fails and says why. */
async function answer(port: number, question: string, expected: string): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await pause(50)) {
    const heard = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(question));
      socket.once('data', (data) => resolve(data.toString('latin1')));
      socket.once('error', () => resolve('')).once('close', () => resolve(''));
      setTimeout(() => socket.destroy(), 2_000).unref();
    });
    if (heard.startsWith(expected)) return;
  }
}

function end(servers: readonly ChildProcess[], folder: string): void {
  for (const server of servers) {
    // Erlang runs under a shell that passes no signal on; that one has a group of its own.
    try {
      process.kill(-(server.pid ?? 0), 'SIGKILL');
    } catch {
      server.kill('SIGKILL');
    }
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
