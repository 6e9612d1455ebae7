/**
 * Which process is it? A pid alone does not say: the system hands it out again. A pid together with the moment when
 * the process started does. On Linux that moment stands in /proc as clock ticks since the boot, so the boot's own id
 * goes with it; elsewhere `ps` tells it to the second. A zombie counts as gone: it does nothing any more, and in a
 * container without an init nobody collects it.
 *
 * Asking the environment of a process for a mark was the other way. It needs /proc as well, and any grandchild
 * carries the same mark; it serves here only where the first process of a group is gone and its group is not.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const hasProc = existsSync('/proc/self/stat');

/** A text that no other process will ever have together with this pid; undefined when there is no such process. */
export function identityOf(pid: number): string | undefined {
  if (!hasProc) return startedAccordingToPs(pid);
  const stat = readStat(pid);
  return stat && !stat.dead ? `${bootId()}/${stat.startTicks}` : undefined;
}

export function isAlive(pid: number, identity: string): boolean {
  return identityOf(pid) === identity;
}

/** True when a live process of the group exists. */
export function groupIsAlive(group: number): boolean {
  if (!signalGroup(group, 0)) return false;
  return !hasProc || groupMembers(group).length > 0;
}

/** True when the group's first process is gone and a live member carries this name in its environment. */
export function groupIsOurs(group: number, name: string): boolean {
  return groupMembers(group).some((pid) => environmentOf(pid).includes(`HEADCOUNT_PROCESS=${name}`));
}

/** False when nobody was there to receive it. Signal 0 only asks. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** A group has the pid of its first process and keeps it as long as any member lives. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  return group > 1 && signalProcess(-group, signal);
}

function groupMembers(group: number): number[] {
  if (!hasProc) return [];
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => {
    const stat = readStat(pid);
    return stat !== undefined && !stat.dead && stat.group === group;
  });
}

/** The name of the program stands in parentheses and may itself contain any character, so fields count from the last ")". */
function readStat(pid: number): { dead: boolean; group: number; startTicks: string } | undefined {
  const text = read(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields;
  const startTicks = fields[19];
  if (state === undefined || startTicks === undefined) return undefined;
  return { dead: state === 'Z' || state === 'X', group: Number(group), startTicks };
}

function environmentOf(pid: number): string[] {
  return read(`/proc/${pid}/environ`).split('\0');
}

let knownBootId: string | undefined;

function bootId(): string {
  knownBootId ??= read('/proc/sys/kernel/random/boot_id').trim();
  return knownBootId;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function startedAccordingToPs(pid: number): string | undefined {
  try {
    const args = ['-o', 'stat=,lstart=', '-p', String(pid)];
    const text = execFileSync('ps', args, { encoding: 'utf8', timeout: 5_000 }).trim();
    const [state = '', ...started] = text.split(/\s+/);
    return text === '' || state.startsWith('Z') ? undefined : started.join(' ');
  } catch {
    return undefined;
  }
}
