import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { allowedCores, createCpu } from './cpu.ts';

const folders: { remove(): void }[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove();
});

function machine(files: Readonly<Record<string, string>>): {
  path: string;
  write(name: string, text: string): void;
} {
  const folder = temporaryFolder('cgroup');
  folders.push(folder);
  const write = (name: string, text: string): void => {
    const path = join(folder.path, 'sys/fs/cgroup', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  return { path: folder.path, write };
}

describe('what a container may use', () => {
  test.each([
    ['v2, half a core', { 'cpu.max': '50000 100000\n' }, {}, 0.5],
    ['v2, no quota', { 'cpu.max': 'max 100000\n' }, {}, availableParallelism()],
    ['v1, two cores', { 'cpu/cpu.cfs_quota_us': '200000\n', 'cpu/cpu.cfs_period_us': '100000\n' }, {}, 2],
    [
      'v1, no quota',
      { 'cpu/cpu.cfs_quota_us': '-1\n', 'cpu/cpu.cfs_period_us': '100000\n' },
      {},
      availableParallelism(),
    ],
    ['a dyno of 512 MB', { 'memory/memory.limit_in_bytes': '536870912\n' }, { DYNO: 'web.1' }, 1],
    ['a dyno of 1 GB', { 'memory/memory.limit_in_bytes': '1073741824\n' }, { DYNO: 'web.1' }, 2],
    ['Render', {}, { RENDER_CPU_COUNT: '0.5' }, 0.5],
    ['nothing said', {}, {}, availableParallelism()],
  ])('%s', (_name, files, env, cores) => {
    expect(allowedCores(machine(files).path, env)).toBe(cores);
  });
});

describe('what it used', () => {
  test.each([
    ['v2', 'cpu.stat', (ms: number) => `usage_usec ${ms * 1_000}\nuser_usec 1\n`],
    ['v1', 'cpuacct/cpuacct.usage', (ms: number) => `${ms * 1_000_000}\n`],
  ])('%s: percent of the allowance since the last look', (_name, file, text) => {
    const { path, write } = machine({ 'cpu.max': '50000 100000\n', [file]: text(1_000) });
    const cpu = createCpu(path, {});
    expect(cpu.percent(10_000)).toBeUndefined();
    write(file, text(1_125));
    expect(cpu.percent(11_000)).toBe(25);
    write(file, text(9_999));
    expect(cpu.percent(12_000)).toBe(100);
    write(file, text(0));
    expect(cpu.percent(13_000)).toBeUndefined();
  });

  test('without any of it, this process: busy is more than idle', () => {
    const cpu = createCpu(machine({}).path, { RENDER_CPU_COUNT: '1' });
    cpu.percent(0);
    const end = process.cpuUsage().user + 50_000;
    while (process.cpuUsage().user < end);
    expect(cpu.percent(1_000)).toBeGreaterThan(3);
  });
});
