/**
 * Ends what an earlier controller left behind, before anything new is started: an old keeper that still drains is
 * waited for; processes that nobody keeps any more are asked to end and, after the grace time, killed.
 * A pid that was given to another program since is left alone (identity.ts).
 *
 * Adopting the old processes was the other way. Their pipes ended with their keeper, so their output and reports would
 * be lost, and the code of the app may be newer now.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { HeadcountError } from '../../decide/errors.ts';
import { groupIsAlive, groupIsOurs, isAlive, signalGroup, signalProcess } from './identity.ts';
import { appendHistory, type ProcessRecord, readKeeper, readProcesses, writeProcesses } from './records.ts';

const pollMs = 50;
const marginMs = 5_000;

/**
 * The processes that an earlier controller left and that still live.
 *
 * @throws HeadcountError FLEET_FAILED when another living controller keeps them
 */
export function findRemains(folder: string): ProcessRecord[] {
  const keeper = readKeeper(folder);
  const kept = keeper && isAlive(keeper.pid, keeper.identity);
  if (kept && isAlive(keeper.controllerPid, keeper.controllerIdentity))
    throw new HeadcountError(
      'FLEET_FAILED',
      `The processes in ${folder} belong to another controller`,
      `process ${keeper.controllerPid} runs them`,
      'Stop that controller first, or give this one another data folder.',
    );
  return readProcesses(folder).filter(stillThere);
}

/** Returns when none of them lives any more; at most about twice the grace time and some seconds. */
export async function endRemains(folder: string, graceMs: number): Promise<void> {
  await waitForKeeper(folder, graceMs);
  const remains = readProcesses(folder).filter(stillThere);
  for (const { pid, identity } of remains)
    if (!isAlive(pid, identity)) signalGroup(pid, 'SIGTERM');
    else signalProcess(pid, 'SIGTERM');
  await waitWhile(() => remains.some(stillThere), graceMs);
  for (const record of remains.filter(stillThere)) signalGroup(record.pid, 'SIGKILL');
  await waitWhile(() => remains.some(stillThere), marginMs);
  for (const record of remains) appendHistory(folder, record, Date.now(), { code: null, signal: null });
  writeProcesses(folder, []);
}

/** An old keeper whose controller is gone ends by itself; one that hangs is killed. */
async function waitForKeeper(folder: string, graceMs: number): Promise<void> {
  const keeper = readKeeper(folder);
  if (!keeper) return;
  const lives = (): boolean => isAlive(keeper.pid, keeper.identity);
  await waitWhile(lives, graceMs + 2 * marginMs);
  if (!lives()) return;
  signalProcess(keeper.pid, 'SIGKILL');
  await waitWhile(lives, marginMs);
}

/** The process itself, or what it left in its group. */
function stillThere({ pid, identity, name }: ProcessRecord): boolean {
  return isAlive(pid, identity) || (groupIsAlive(pid) && !signalProcess(pid, 0) && groupIsOurs(pid, name));
}

async function waitWhile(condition: () => boolean, mostMs: number): Promise<void> {
  const end = Date.now() + mostMs;
  while (condition() && Date.now() < end) await delay(pollMs);
}
