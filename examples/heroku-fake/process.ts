/**
 * A dyno's process as a real one on this machine: `sh -c` in a group of its own, with DYNO and PORT.
 *
 * Heroku sends SIGTERM to all processes of a dyno, so the whole group gets it. A dyno ends with its first process; what
 * that left behind is killed. A Node program gets an IPC channel, over which it may say `{ headcount: { running } }`, so
 * that the fake can tell whether somebody busy was killed. Heroku has no such channel: it only serves to count.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Body, BodyHooks, Dyno, StartBody } from './dyno.ts';

const webBootLimitMs = 60_000;
const pollMs = 50;
const longestLineCharacters = 10_000;

export function startProcesses(folder: string, config: () => Readonly<Record<string, string>>): StartBody {
  return (dyno, hooks) => {
    let group: number | undefined;
    let asked: 'SIGTERM' | 'SIGKILL' | undefined;
    let over = false;
    const exited = (code: number | null, signal: string | null): void => {
      if (over) return;
      over = true;
      if (group !== undefined) signalGroup(group, 'SIGKILL');
      hooks.exited(code, signal);
    };
    const body: Body = {
      signal(signal) {
        asked = signal;
        if (group !== undefined) signalGroup(group, signal);
      },
    };
    void freePort().then((port) => {
      if (asked !== undefined) return exited(0, null);
      const child = start(dyno, folder, { ...config(), DYNO: dyno.name, PORT: String(port) });
      group = child.pid;
      child.once('error', () => exited(127, null)).once('exit', exited);
      listen(child, hooks);
      if (dyno.type !== 'web') return hooks.up();
      return waitForPort(port, () => over).then((open) => {
        if (open) return hooks.up(port);
        hooks.line(
          'Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch',
        );
        return body.signal('SIGKILL');
      });
    });
    return body;
  };
}

function start({ command }: Dyno, cwd: string, env: Readonly<Record<string, string>>): ChildProcess {
  return spawn('/bin/sh', ['-c', isPlain(command) ? `exec ${command}` : command], {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(isNode(command) ? (['ipc'] as const) : [])],
  });
}

/** A plain command takes the place of the shell, so that the shell does not die before its program. */
function isPlain(command: string): boolean {
  return (
    /^[\w./-]+(\s|$)/.test(command) && !/[;&|<>()`\n]/.test(command) && !/^(cd|exec|export)\s/.test(command)
  );
}

function isNode(command: string): boolean {
  return /(^|[\s/])(node|npm|npx)(\s|$)/.test(command);
}

function listen(child: ChildProcess, hooks: BodyHooks): void {
  child.on('message', (message) => {
    const running = (message as { headcount?: { running?: unknown } } | null)?.headcount?.running;
    if (typeof running === 'number' && running >= 0) hooks.report(running);
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = (lines.pop() ?? '').slice(0, longestLineCharacters);
      for (const line of lines) hooks.line(line.slice(0, longestLineCharacters));
    });
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nobody is left in the group.
  }
}

async function waitForPort(port: number, over: () => boolean): Promise<boolean> {
  const until = Date.now() + webBootLimitMs;
  while (!over() && Date.now() < until) {
    if (await accepts(port)) return true;
    await delay(pollMs);
  }
  return over();
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.end(() => resolve(true))).once('error', () => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
