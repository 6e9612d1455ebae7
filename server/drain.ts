/**
 * The acting half of drain-first: tells those that are to go to take no new jobs, looks whether they are idle, and takes them
 * back when they may stay. Deciding stays pure: what was seen is written on the processes, and decide() is asked again.
 *
 *   decide -> who is to go? -> ask the workers -> decide with what they said -> tell -> ask and decide once more
 *
 * Workers are reached in three ways: through a meter (measure/workers.ts) or by the app's own agent (measure/inbox/rest.ts), by a
 * name that begins with that of the process, or by the fleet that started them. The truth is always what they answer; kept is only what is needed to take them
 * back, in the store, so that a worker told by a controller that was killed is recognised by the next one. A state
 * machine of our own per worker was rejected: processes crash, restart under the same name and miss commands.
 */
import { decide } from '../decide/decide.ts';
import { isFree, leavingOrder } from '../decide/leaving.ts';
import type { Decision, Leaving, Process, View } from '../decide/words.ts';
import { type NodeQueues, type NodeSeen, processOf, type Workers } from '../measure/workers.ts';
import type { Fleet } from '../scale/fleet.ts';
import { withDeadline, wordsOf } from './clock.ts';
import { type Drains, forgetGone, save, type Told } from './drain-memory.ts';
import type { Surroundings, WatchedManager } from './watched.ts';

const use = 'drain-first';
const roundLimitMs = 5_000;
/** Whoever answers and has not obeyed by then cannot be told. */
const obeyLimitMs = 15_000;
/**
 * A worker of which nothing listens any more for so long, while its process is up, is gone for us: it lost its broker
 * or hangs, and nobody will ever hear that it is idle. Longer than a worker takes to find its broker again: Celery tries
 * every 32 s at the rarest.
 */
const goneAfterMs = 10 * 60_000;

export interface Drained {
  readonly decision: Decision;
  /** Who goes first, for fleets that let go whom they are told. */
  readonly first: readonly string[];
}

export interface DrainScene {
  readonly around: Surroundings;
  readonly fleet: Fleet;
  readonly manager: WatchedManager;
  readonly drains: Drains;
  readonly view: View;
  readonly signal: AbortSignal;
}

/**
 * Whether and how this manager's processes can be told; undefined when nobody can. Where the limit is not listed, a fleet
 * that could speak with its processes does not suffice: one of them must have spoken.
 */
export function leavingFor(
  fleet: Fleet,
  manager: WatchedManager,
  processes: readonly Process[],
): Leaving | undefined {
  const isListed = manager.stored.limits.some((limit) => limit.use === use);
  const byFleet = isListed ? fleet.drain !== undefined : processes.some((process) => speaks(fleet, process));
  return byFleet || workersOf(manager).length > 0 ? fleet.leaving : undefined;
}

/** What was last seen, written on the processes as the fleet counted them. */
export function withSeen(processes: readonly Process[], drains: Drains | undefined): Process[] {
  return processes.map((process) => ({ ...process, ...drains?.seen.get(process.name) }));
}

/** @param first what was decided before anybody was asked */
export async function drainFirst(scene: DrainScene, first: Decision): Promise<Drained> {
  const { drains, view, manager } = scene;
  forgetGone(drains, view.processes);
  const mustLook = drains.told.size > 0 || leaving(scene, first, view.processes).length > 0;
  if (!mustLook && (drains.looked || view.leaving === undefined)) {
    drains.seen = new Map();
    return { decision: first, first: [] };
  }
  let decision = first;
  let processes: readonly Process[] = view.processes;
  for (let turn = 0; turn < 2; turn++) {
    const looked = await look(scene);
    processes = seen(scene, looked);
    decision = decide(manager.stored, { ...view, processes }, scene.around.clock.now());
    const told = await tell(scene, looked, processes, leaving(scene, decision, processes));
    if (!told) break;
  }
  await save(scene.around, manager, drains);
  return { decision, first: inOrder(leaving(scene, decision, processes)) };
}

/** Everybody takes jobs again: the controller stops, or the manager goes. Best effort, bounded. */
export async function takeBack(
  scene: Pick<DrainScene, 'around' | 'manager' | 'drains'>,
  signal: AbortSignal,
): Promise<void> {
  const workers = workersOf(scene.manager);
  const nodes = [...scene.drains.told.values()].flatMap(nodesOf);
  if (nodes.length === 0) return;
  await bounded(scene, signal, (inner) =>
    Promise.all(workers.map((each) => each.resume(nodes, inner))).then(() => {}),
  );
}

/** Nobody is to go any more: who was told to rest takes jobs again. */
export async function releaseAll(
  scene: Pick<DrainScene, 'around' | 'manager' | 'drains'>,
  signal: AbortSignal,
): Promise<void> {
  if (scene.drains.told.size === 0) return;
  await takeBack(scene, signal);
  scene.drains.told.clear();
  await save(scene.around, scene.manager, scene.drains);
}

/** Those that the decision wants away, the first to go first: as many as were wanted away before drain-first spoke. */
function leaving(
  { view }: Pick<DrainScene, 'view'>,
  { current, desired, reasons }: Decision,
  processes: readonly Process[],
): Process[] {
  if (view.leaving === undefined) return [];
  const said = reasons.find(({ by }) => by === use);
  const wanted = said ? said.from : desired;
  return leavingOrder(processes, view.leaving).slice(0, Math.max(0, current - wanted));
}

function inOrder(processes: readonly Process[]): string[] {
  const since = ({ quietSince = Number.POSITIVE_INFINITY }: Process): number => quietSince;
  return processes
    .toSorted((a, b) => Number(isFree(b)) - Number(isFree(a)) || since(a) - since(b))
    .map(({ name }) => name);
}

interface Node extends NodeSeen {
  readonly workers: Workers;
}

interface Looked {
  readonly nodes: readonly Node[];
  /** Workers that heard and said nothing, or all of them when nobody could be asked. */
  readonly silent: boolean;
}

async function look(scene: DrainScene): Promise<Looked> {
  const { drains, manager, around, signal, view } = scene;
  const sources = workersOf(manager);
  const censuses = await Promise.all(
    sources.map((workers) => bounded(scene, signal, (inner) => workers.ask(inner))),
  );
  const nodes = new Map<string, Node>();
  for (const [index, census] of censuses.entries()) {
    const workers = sources[index];
    // Two meters of one broker see the same workers; the first that does speaks with them.
    for (const node of census?.nodes ?? [])
      if (workers && !nodes.has(node.node)) nodes.set(node.node, { ...node, workers });
  }
  const silent = censuses.some((census) => census === undefined || census.silentCount > 0);
  if (!drains.looked && view.leaving !== undefined)
    adopt(drains, [...nodes.values()], view.processes, around.clock.now());
  drains.looked = true;
  return { nodes: [...nodes.values()], silent };
}

/** A worker that is found without any queue was told by a controller that could not write it down. */
function adopt(drains: Drains, nodes: readonly Node[], processes: readonly Process[], now: number): void {
  for (const { node, quiet, queues, workers } of nodes) {
    const name = processOf(node);
    if (!quiet || drains.told.has(name) || !processes.some((process) => process.name === name)) continue;
    const back = queues.length > 0 ? queues : [workers.queue];
    drains.told.set(name, { since: now, nodes: { [node]: [...back] } });
  }
}

/** Writes on the processes what the workers said, and keeps it for those who ask before the next look. */
function seen({ drains, fleet, view, around }: DrainScene, { nodes, silent }: Looked): Process[] {
  const now = around.clock.now();
  drains.seen = new Map();
  return view.processes.map((process) => {
    const told = drains.told.get(process.name);
    const mine = nodes.filter(({ node }) => processOf(node) === process.name);
    const isLate = told !== undefined && now - told.since > obeyLimitMs;
    const { quietSince: _, jobs: __, deaf: ___, ...bare } = process;
    if (mine.length === 0 && speaks(fleet, process)) {
      const stubborn = isLate && process.quietSince === undefined && process.busy === false;
      return stubborn ? { ...process, deaf: 'it does not react' } : process;
    }
    const absentMs = absence(drains, process.name, mine.length > 0 || silent, now);
    const said =
      mine.length > 0 ? ofNodes(mine, told, isLate, now) : ofNobody(process, told, silent, absentMs);
    drains.seen.set(process.name, said);
    return { ...bare, ...said };
  });
}

function ofNodes(
  nodes: readonly Node[],
  told: Told | undefined,
  isLate: boolean,
  now: number,
): Partial<Process> {
  const jobs = nodes.reduce((sum, node) => sum + node.jobs, 0);
  if (nodes.every(({ quiet }) => quiet)) return { jobs, quietSince: told?.since ?? now };
  return isLate ? { jobs, deaf: 'it takes jobs although it was told not to' } : { jobs };
}

/** Milliseconds since when nobody of that name has been there, at every look. Whoever is silent may be of that name. */
function absence({ absent }: Drains, name: string, isThere: boolean, now: number): number {
  if (isThere) absent.delete(name);
  else if (!absent.has(name)) absent.set(name, now);
  return now - (absent.get(name) ?? now);
}

/** Nobody of that name answered. Who was there before, or may be among the silent, is at work, but not for ever. */
function ofNobody(
  { name, state }: Process,
  told: Told | undefined,
  silent: boolean,
  absentMs: number,
): Partial<Process> {
  if (absentMs >= goneAfterMs && state === 'up')
    return { deaf: `nobody named ${name} has listened for ${Math.floor(absentMs / 60_000)} min` };
  if (silent || (told && nodesOf(told).length > 0)) return told ? { quietSince: told.since } : {};
  return state === 'up' ? { deaf: `no worker named ${name} answers` } : {};
}

/** Answers whether somebody was told something new. */
async function tell(
  scene: DrainScene,
  { nodes, silent }: Looked,
  processes: readonly Process[],
  going: readonly Process[],
): Promise<boolean> {
  const { drains, around, fleet } = scene;
  const now = around.clock.now();
  const names = new Set(going.map(({ name }) => name));
  const quieten = nodes.filter(
    ({ node, quiet, queues }) => !quiet && queues.length > 0 && names.has(processOf(node)),
  );
  for (const process of going) {
    const mine = quieten.filter(({ node }) => processOf(node) === process.name);
    if (process.state === 'crashed' || (mine.length === 0 && !silent && !speaks(fleet, process))) continue;
    const told = drains.told.get(process.name) ?? { since: now, nodes: {} };
    const added = Object.fromEntries(mine.map(({ node, queues }) => [node, [...queues]]));
    drains.told.set(process.name, { since: told.since, nodes: { ...told.nodes, ...added } });
  }
  const retell = missed(drains, nodes, names);
  const back = returning(drains, nodes, names, processes, fleet);
  // First what is to be taken back is written down: who is told and forgotten would rest for ever.
  await save(around, scene.manager, drains);
  await Promise.all([
    ...workersOf(scene.manager).map((workers) =>
      bounded(scene, scene.signal, async (inner) => {
        const own = quieten.filter((node) => node.workers === workers);
        if (own.length > 0 || retell.length > 0) await workers.quiet([...own, ...retell], inner);
        if (back.length > 0) await workers.resume(back, inner);
      }),
    ),
    tellFleet(scene, processes, names),
  ]);
  return quieten.length > 0;
}

/** Silent ones that are to go may have missed the word: it lives for half a minute only. */
function missed(drains: Drains, nodes: readonly Node[], going: ReadonlySet<string>): NodeQueues[] {
  const answered = new Set(nodes.map(({ node }) => node));
  return [...drains.told]
    .filter(([name]) => going.has(name))
    .flatMap(([, told]) => nodesOf(told).filter(({ node }) => !answered.has(node)));
}

/** Told ones that may stay; forgotten when they are seen at work again. */
function returning(
  drains: Drains,
  nodes: readonly Node[],
  going: ReadonlySet<string>,
  processes: readonly Process[],
  fleet: Fleet,
): NodeQueues[] {
  return [...drains.told].flatMap(([name, told]) => {
    if (going.has(name)) return [];
    const resting = nodesOf(told).filter(
      ({ node }) => nodes.find((one) => one.node === node)?.quiet !== false,
    );
    const process = processes.find((one) => one.name === name);
    const byFleet = process !== undefined && speaks(fleet, process) && process.quietSince !== undefined;
    if (resting.length === 0 && !byFleet) drains.told.delete(name);
    return resting;
  });
}

async function tellFleet(
  scene: DrainScene,
  processes: readonly Process[],
  going: ReadonlySet<string>,
): Promise<void> {
  const { fleet, manager, signal } = scene;
  const able = processes.filter((process) => speaks(fleet, process));
  const differs = able.some(({ name, quietSince }) => going.has(name) !== (quietSince !== undefined));
  if (!fleet.drain || !differs) return;
  const quiet = {
    [manager.stored.processType]: able.map(({ name }) => name).filter((name) => going.has(name)),
  };
  await bounded(scene, signal, async (inner) => fleet.drain?.(quiet, inner));
}

/** The fleet hears from this process, so it can be told over the same channel. */
function speaks(fleet: Fleet, { busy }: Process): boolean {
  return fleet.drain !== undefined && busy !== undefined;
}

function nodesOf({ nodes }: Told): NodeQueues[] {
  return Object.entries(nodes).map(([node, queues]) => ({ node, queues }));
}

/** Everybody through whom the workers of a manager can be spoken with. */
export function workersOf({ meters, agent }: Pick<WatchedManager, 'meters' | 'agent'>): Workers[] {
  const own = agent();
  const byMeters = meters.flatMap((meter) => ('workers' in meter && meter.workers ? [meter.workers] : []));
  return own ? [...byMeters, own] : byMeters;
}

/** Undefined when it failed; that is logged, and tried again at the next checkup. */
async function bounded<T>(
  { around, manager }: Pick<DrainScene, 'around' | 'manager'>,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await withDeadline(around.clock, roundLimitMs, signal, work);
  } catch (error) {
    const who = { processType: manager.stored.processType };
    around.log.warn(who, `the workers cannot be spoken with: ${wordsOf(error)}`);
    return undefined;
  }
}
