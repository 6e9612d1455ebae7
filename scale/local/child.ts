/**
 * One process from its start to its end, in the keeper.
 *
 * Each process leads a group of its own, so Ctrl-C in a terminal does not reach it and everything that it started can
 * be ended with it. SIGTERM goes to the first process only: a Celery parent drains its pool on it, and would not if its
 * children got the signal as well. When the first process has ended and others of its group have not (a shell that
 * died before its program), these get the SIGTERM. What is left at the end of the grace time gets SIGKILL, as a group.
 * A process counts as ended when its whole group is gone, so no index is given out twice.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { groupIsAlive, signalGroup, signalProcess } from './identity.ts';
import type { Ending, Order } from './protocol.ts';

export interface ChildHooks {
  started(pid: number): void;
  line(text: string): void;
  report(running: number, slots: number, quiet: boolean): void;
  ended(ending: Ending): void;
}

export interface Child {
  /** Asks it to end, and ends it after the grace time. A second call changes nothing. */
  stop(): void;
  /** Take no new jobs, or take jobs again. */
  drain(quiet: boolean): void;
  kill(): void;
}

const longestLineCharacters = 16 * 1024;
const pollMs = 50;
const lastWaitMs = 2_000;

export function startChild(order: Order & { do: 'start' }, graceMs: number, hooks: ChildHooks): Child {
  const child = spawn('/bin/sh', ['-c', order.shell], {
    cwd: order.folder,
    env: { ...process.env, ...order.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(order.ipc ? (['ipc'] as const) : [])],
  });
  const { pid } = child;
  if (pid === undefined) return neverStarted(child, order.folder, hooks);
  let killAt: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const kill = (): void => {
    if (signalGroup(pid, 'SIGKILL')) hooks.line('killed with SIGKILL');
  };
  const limit = (): number => {
    if (killAt === undefined) {
      killAt = Date.now() + graceMs;
      timer = setTimeout(kill, graceMs);
    }
    return killAt;
  };
  hooks.started(pid);
  listen(child, hooks);
  child.once('exit', async (code, signal) => {
    await endGroup(pid, limit);
    clearTimeout(timer);
    await outputEnd(child);
    hooks.ended({ code, signal });
  });
  return {
    stop() {
      if (killAt !== undefined) return;
      limit();
      signalProcess(pid, 'SIGTERM');
    },
    drain: (quiet) => void (child.connected && child.send({ headcount: quiet ? 'drain' : 'work' }, ignore)),
    kill,
  };
}

/** For what the first process left behind: SIGTERM, then SIGKILL at the limit, then a last bounded wait. */
async function endGroup(group: number, limit: () => number): Promise<void> {
  if (!groupIsAlive(group)) return;
  signalGroup(group, 'SIGTERM');
  const end = limit() + lastWaitMs;
  while (groupIsAlive(group) && Date.now() < end) await delay(pollMs);
}

/** A program that left the group may hold the pipes open for ever, so this wait is bounded. */
async function outputEnd(child: ChildProcess): Promise<void> {
  const open = [child.stdout, child.stderr].filter((stream) => stream && !stream.closed);
  const closed = open.map((stream) => new Promise((resolve) => stream?.once('close', resolve)));
  const gaveUp = new AbortController();
  await Promise.race([Promise.all(closed), delay(500, undefined, { signal: gaveUp.signal }).catch(ignore)]);
  gaveUp.abort();
  for (const stream of open) stream?.destroy();
  if (child.connected) child.disconnect();
}

/** Node names the shell when it is the folder that is missing. */
function neverStarted(child: ChildProcess, folder: string, hooks: ChildHooks): Child {
  child.once('error', (error) => {
    const why = existsSync(folder) ? error.message : `the folder ${folder} is gone`;
    hooks.ended({ code: null, signal: null, why });
  });
  return { stop: ignore, drain: ignore, kill: ignore };
}

function listen(child: ChildProcess, hooks: ChildHooks): void {
  child.on('error', ignore);
  child.on('message', (message) => {
    const report = readReport(message);
    if (report) hooks.report(report.running, report.slots, report.quiet);
  });
  for (const stream of [child.stdout, child.stderr]) {
    const lines = splitLines(hooks.line);
    stream?.setEncoding('utf8').on('data', lines.push).once('close', lines.end).on('error', ignore);
  }
}

/** Cuts text into lines; a line of more than 16,384 characters becomes several. */
export function splitLines(onLine: (line: string) => void): { push(text: string): void; end(): void } {
  let rest = '';
  const pieces = (line: string): void => {
    onLine(line.slice(0, longestLineCharacters));
    for (let from = longestLineCharacters; from < line.length; from += longestLineCharacters)
      onLine(line.slice(from, from + longestLineCharacters));
  };
  return {
    push(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) pieces(line.replace(/\r$/, ''));
      if (rest.length < longestLineCharacters) return;
      pieces(rest);
      rest = '';
    },
    end() {
      if (rest !== '') pieces(rest);
      rest = '';
    },
  };
}

/** `{ headcount: { running, slots, quiet? } }`, and nothing else. */
function readReport(message: unknown): { running: number; slots: number; quiet: boolean } | undefined {
  const outer = message as { headcount?: { running?: unknown; slots?: unknown; quiet?: unknown } } | null;
  const running = outer?.headcount?.running;
  const slots = outer?.headcount?.slots;
  if (typeof running !== 'number' || typeof slots !== 'number') return undefined;
  const quiet = outer?.headcount?.quiet === true;
  return running >= 0 && slots >= 0 ? { running, slots, quiet } : undefined;
}

function ignore(): void {}
