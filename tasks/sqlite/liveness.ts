/**
 * Whether the process behind a consumer still lives. On this host the system knows at once: the pid is gone, or belongs
 * to a process that was born at another time. A consumer of another host or container is known by its sign of life only.
 * A process that lives and gives no sign is most likely busy in a long computation, so it gets minutes.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly born: string;
  /** Its last sign of life, in milliseconds. */
  readonly seen: number;
}

const silentElsewhereMs = 30_000;
const silentHereMs = 300_000;

/** The host's name with its pid namespace: two containers may share the name and never the pids. */
export const thisHost: string = `${hostname()} ${pidNamespace()}`.trim();

export function isDead(owner: Owner, nowMs: number): boolean {
  const silentMs = nowMs - owner.seen;
  if (owner.host !== thisHost) return silentMs > silentElsewhereMs;
  return !exists(owner.pid) || birthOf(owner.pid) !== owner.born || silentMs > silentHereMs;
}

/** Clock ticks from the start of the system to that of the process; empty where there is no /proc. */
export function birthOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in brackets that may hold spaces; the birth is the twentieth after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Killed, and its parent has not noticed yet: it will do no more work. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z';
  } catch {
    return false;
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
