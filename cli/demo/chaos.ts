/**
 * Kills a random worker with SIGKILL every second or two while work waits, as a machine that runs out of memory would. Never the
 * last one that lives: the fleet starts killed ones again with growing pauses, and soon nobody would be left to work.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Watch } from './watch.ts';

export interface Chaos {
  killed(): number;
  end(): void;
}

export function startChaos(fleetFolder: string, watch: Watch, signal: AbortSignal): Chaos {
  let killed = 0;
  let timer: NodeJS.Timeout | undefined;
  const again = (): void => {
    timer = setTimeout(strike, 1_000 + 1_000 * Math.random());
  };
  const strike = (): void => {
    if (signal.aborted) return;
    const point = watch.worker();
    if ((point?.waiting ?? 0) > 0 && killOne(workersOf(fleetFolder))) killed += 1;
    again();
  };
  again();
  return { killed: () => killed, end: () => clearTimeout(timer) };
}

function killOne(pids: readonly number[]): boolean {
  if (pids.length < 2) return false;
  const pid = pids[Math.floor(Math.random() * pids.length)];
  if (pid === undefined) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

function workersOf(fleetFolder: string): number[] {
  try {
    const list = JSON.parse(readFileSync(join(fleetFolder, 'processes.json'), 'utf8')) as {
      name: string;
      pid: number;
    }[];
    return list.filter(({ name }) => name.startsWith('worker.')).map(({ pid }) => pid);
  } catch {
    return [];
  }
}
