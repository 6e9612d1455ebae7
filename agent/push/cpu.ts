/**
 * How much of the CPU that this container may use it has used: cgroup v2, else v1, else the clock of this process; divided by the
 * quota, else by what the platform is known to give (a Heroku dyno of 512 MB has 1 core, of 1 GB 2; Render says it), else by the cores.
 *
 * The files are read synchronously, about 30 µs a second: they are in memory, and a promise each would cost more.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Env } from './where.ts';

export interface Cpu {
  /** Percent of the allowance since the last call, 0 to 100; undefined at the first one, or when it cannot be told. */
  percent(now: number): number | undefined;
}

/** @param root where /sys and /proc are: `/` */
export function createCpu(root: string, env: Env): Cpu {
  let last: { readonly at: number; readonly usedMs: number } | undefined;
  return {
    percent: (now) => {
      const usedMs = usedIn(root);
      const before = last;
      last = { at: now, usedMs };
      if (!before || now <= before.at || usedMs < before.usedMs) return undefined;
      const share = (usedMs - before.usedMs) / ((now - before.at) * allowedCores(root, env));
      return Math.round(Math.min(share, 1) * 10_000) / 100;
    },
  };
}

function usedIn(root: string): number {
  const v2 = /^usage_usec (\d+)/m.exec(text(root, 'sys/fs/cgroup/cpu.stat'))?.[1];
  if (v2 !== undefined) return Number(v2) / 1_000;
  for (const folder of ['cpuacct', 'cpu,cpuacct', 'cpu']) {
    const v1 = /^\d+/.exec(text(root, `sys/fs/cgroup/${folder}/cpuacct.usage`))?.[0];
    if (v1 !== undefined) return Number(v1) / 1e6;
  }
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Cores of which the container may use the whole time. */
export function allowedCores(root: string, env: Env): number {
  const [quota = '', period = ''] = text(root, 'sys/fs/cgroup/cpu.max').trim().split(' ');
  const inV2 = Number(quota) / Number(period);
  if (inV2 > 0 && Number.isFinite(inV2)) return inV2;
  for (const folder of ['cpu', 'cpu,cpuacct']) {
    const v1 = ['quota', 'period'].map((name) =>
      Number(text(root, `sys/fs/cgroup/${folder}/cpu.cfs_${name}_us`)),
    );
    const inV1 = (v1[0] ?? 0) / (v1[1] ?? 0);
    if (inV1 > 0 && Number.isFinite(inV1)) return inV1;
  }
  return platformCores(root, env) ?? availableParallelism();
}

function platformCores(root: string, env: Env): number | undefined {
  const megabytes = Number(text(root, 'sys/fs/cgroup/memory/memory.limit_in_bytes')) / 1_048_576;
  if (env.DYNO && megabytes === 512) return 1;
  if (env.DYNO && megabytes === 1_024) return 2;
  const render = Number(env.RENDER_CPU_COUNT);
  return render > 0 && Number.isFinite(render) ? render : undefined;
}

function text(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return ''; // not this kind of machine
  }
}
