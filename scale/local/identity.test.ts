import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, expect, test } from 'vitest';
import { until } from '../../checks/servers.ts';
import { groupIsAlive, groupIsOurs, identityOf, isAlive, signalGroup, signalProcess } from './identity.ts';

const started: ChildProcess[] = [];
afterAll(() => {
  for (const { pid } of started) if (pid !== undefined) signalGroup(pid, 'SIGKILL');
});

function start(command: string, env: Record<string, string> = {}): number {
  const child = spawn('/bin/sh', ['-c', command], {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, ...env },
  });
  started.push(child);
  return child.pid ?? 0;
}

test('a process keeps its identity, and no other has it', () => {
  const pid = start('exec sleep 300');
  const identity = identityOf(pid) ?? '';
  expect(identity).not.toBe('');
  expect(isAlive(pid, identity)).toBe(true);
  expect(isAlive(process.pid, identity)).toBe(false);
  expect(isAlive(pid, `${identity}0`)).toBe(false);
});

test('a process that ended has none, even before its parent has looked', async () => {
  const pid = start('sleep 0.05 & exec sleep 300');
  const identity = identityOf(pid) ?? '';
  signalGroup(pid, 'SIGKILL');
  await until(() => !isAlive(pid, identity), 'the end');
  expect(groupIsAlive(pid)).toBe(false);
});

test('a group outlives its first process, and is known by what that one was called', async () => {
  const pid = start('sleep 300 & exit 0', { HEADCOUNT_PROCESS: 'worker.7' });
  await until(() => identityOf(pid) === undefined, 'the end of the first');
  expect(groupIsAlive(pid)).toBe(true);
  expect(groupIsOurs(pid, 'worker.7')).toBe(true);
  expect(groupIsOurs(pid, 'worker.77')).toBe(false);
  signalGroup(pid, 'SIGKILL');
  await until(() => !groupIsAlive(pid), 'the end of the group');
});

test('nobody is signalled by a number that is no process', () => {
  expect(signalGroup(0, 0)).toBe(false);
  expect(signalGroup(1, 0)).toBe(false);
  expect(signalGroup(-5, 0)).toBe(false);
  expect(signalProcess(2 ** 30, 0)).toBe(false);
});
