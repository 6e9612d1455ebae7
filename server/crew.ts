/**
 * Who runs now: the processes as the fleet counted them at the last checkup, with what their workers say of themselves. Those
 * are asked when somebody looks, at most every five seconds however many look, because asking is a broadcast to all of them;
 * asking at every checkup was rejected for the same reason. Whoever does not answer has unknown jobs, never none.
 */
import type { Process } from '../decide/words.ts';
import { type Census, type NodeSeen, processOf } from '../measure/workers.ts';
import type { CrewType, CrewWorker } from './api-workers.ts';
import { type Clock, withDeadline } from './clock.ts';
import { workersOf } from './drain.ts';
import type { WatchedManager } from './watched.ts';

const askLimitMs = 3_000;
const freshMs = 5_000;
const mostRemembered = 10_000;

/** What the workers of one manager said. Absent census: nobody could be asked. */
export interface Said {
  readonly nodes: readonly NodeSeen[];
  readonly jobs: CrewType['jobs'];
}

export type AskCrew = (manager: WatchedManager) => Promise<Said>;

export function createAskCrew(clock: Clock): AskCrew {
  const known = new Map<string, { readonly at: number; readonly said: Promise<Said> }>();
  return async (manager) => {
    const { id } = manager.stored;
    const before = known.get(id);
    if (before && clock.now() - before.at < freshMs) return await before.said;
    if (known.size >= mostRemembered) known.clear();
    const said = ask(clock, manager);
    known.set(id, { at: clock.now(), said });
    return await said;
  };
}

/** Never rejects. */
async function ask(clock: Clock, manager: WatchedManager): Promise<Said> {
  const sources = workersOf(manager);
  if (sources.length === 0) return { nodes: [], jobs: 'unasked' };
  const censuses = await Promise.all(
    sources.map(
      (workers): Promise<Census | undefined> =>
        withDeadline(clock, askLimitMs, undefined, (signal) => workers.ask(signal)).catch(() => undefined),
    ),
  );
  const nodes = new Map<string, NodeSeen>();
  // Two meters of one broker see the same workers.
  for (const node of censuses.flatMap((census) => census?.nodes ?? []))
    if (!nodes.has(node.node)) nodes.set(node.node, node);
  const silent = censuses.some((census) => census === undefined || census.silentCount > 0);
  return { nodes: [...nodes.values()], jobs: silent ? 'silent' : 'told' };
}

export function presentCrew({ stored, memory, drains }: WatchedManager, { nodes, jobs }: Said): CrewType {
  const { processes, latest, unknown } = memory;
  const list = processes?.list ?? [];
  const names = new Set(list.map(({ name }) => name));
  const stale = unknown !== undefined && (processes === undefined || (latest?.at ?? 0) > processes.at);
  return {
    processType: stored.processType,
    ...(processes && { countedAt: processes.at }),
    ...(stale && { unknown }),
    ...(latest && { desired: latest.desired }),
    workers: list.map((process) => presentWorker({ ...process, ...drains.seen.get(process.name) }, nodes)),
    others: nodes
      .filter(({ node }) => !names.has(processOf(node)))
      .map(({ node, jobs: held, quiet }) => ({ name: node, jobs: held, quiet })),
    jobs,
  };
}

/** What its workers say now goes before what they said when somebody was last to go. */
function presentWorker(process: Process, nodes: readonly NodeSeen[]): CrewWorker {
  const { name, state, since, busy, quietSince, deaf } = process;
  const mine = nodes.filter(({ node }) => processOf(node) === name);
  const jobs = mine.length > 0 ? mine.reduce((sum, node) => sum + node.jobs, 0) : process.jobs;
  return {
    name,
    state,
    since,
    ...(jobs !== undefined && { jobs }),
    ...(busy !== undefined && { busy }),
    ...(quietSince !== undefined && { quietSince }),
    ...(deaf !== undefined && { deaf }),
  };
}
