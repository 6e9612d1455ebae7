/**
 * An app under watch: its open fleet, and its managers with their open meters and memories. What cannot be opened leaves
 * its reason behind; the checkups show it as unknown and the rest goes on.
 */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { resolve } from '../decide/choice.ts';
import type { Inbox } from '../measure/inbox/memory.ts';
import type { FetchInfo } from '../measure/info.ts';
import type { Meter } from '../measure/meter.ts';
import type { Workers } from '../measure/workers.ts';
import type { Notice } from '../notify/notifier.ts';
import type { Fleet } from '../scale/fleet.ts';
import type { App, Store, StoredManager } from '../store/store.ts';
import type { IssueEvent } from './api-issues.ts';
import { type Clock, withDeadline, wordsOf } from './clock.ts';
import { takeBack } from './drain.ts';
import { type Drains, noDrains, recallDrains } from './drain-memory.ts';
import type { Kinds } from './kinds.ts';
import { blank, type Memory, recall } from './memory.ts';
import type { Outreach } from './reach.ts';
import type { Team } from './team.ts';

export interface WatchedManager {
  readonly stored: StoredManager;
  readonly meters: readonly (Meter | { readonly problem: string })[];
  readonly memory: Memory;
  readonly drains: Drains;
  /** The workers that the app's own agent reaches; nobody, until a process of this type has spoken. */
  agent(): Workers | undefined;
}

export interface Watched {
  readonly app: App;
  readonly fleet: Fleet | { readonly problem: unknown };
  readonly managers: readonly WatchedManager[];
}

export interface Surroundings {
  readonly store: Store;
  readonly kinds: Kinds;
  readonly clock: Clock;
  readonly log: Logger;
  /** Fleets keep their files below it, one folder per app. */
  readonly dataFolder: string;
  readonly inbox: Inbox;
  readonly poll: FetchInfo;
  /** Absent: the addresses of apps and meters are called wherever they lead. */
  readonly outreach?: Outreach;
  /** Absent: nobody is told of anything. */
  readonly people?: {
    tell(notice: Notice, organisationId?: string): void;
    /** Where to look at a manager. */
    urlOf(app: string, processType: string): string | undefined;
  };
  /** Absent: this controller is alone, and holds every app. */
  readonly team?: Team;
  /** Absent: nobody looks at a dashboard. */
  showIssue?(event: IssueEvent): void;
}

/** Opens an app, taking over from `before` what has not changed; the rest of `before` is closed. */
export async function watch(around: Surroundings, app: App, before?: Watched): Promise<Watched> {
  const stored = await around.store.managers.list(app.id);
  const fleet = before && sameFleet(before, app) ? before.fleet : await reopenFleet(around, app, before);
  const managers = await Promise.all(
    stored.map((manager) => {
      const known = before?.managers.find(({ stored }) => stored.id === manager.id);
      return watchManager(around, app, manager, before?.app, known);
    }),
  );
  const kept = new Set(managers.flatMap(({ meters }) => meters));
  const gone = before?.managers.filter(({ stored }) => !managers.some((one) => one.stored.id === stored.id));
  await takeAllBack(around, gone ?? []);
  await closeMeters(
    around,
    (before?.managers ?? []).flatMap(({ meters }) => meters).filter((meter) => !kept.has(meter)),
  );
  return { app, fleet, managers };
}

/** Lets go of an app: its workers take jobs again, and what its fleet started is stopped. */
export async function unwatch(around: Surroundings, watched: Watched): Promise<void> {
  await takeAllBack(around, watched.managers);
  await closeMeters(
    around,
    watched.managers.flatMap(({ meters }) => meters),
  );
  await closeFleet(around, watched);
}

/** Lets go of an app that another controller may have by now: its workers are that one's business. */
export async function leaveAlone(around: Surroundings, watched: Watched): Promise<void> {
  await closeMeters(
    around,
    watched.managers.flatMap(({ meters }) => meters),
  );
  await closeFleet(around, watched);
}

/** An app that another controller holds, as the store tells of it: to be shown and recognised, not to be asked. */
export function notHeld(
  around: Surroundings,
  app: App,
  managers: readonly StoredManager[],
  before?: Watched,
): Watched {
  const memoryOf = (id: string): Memory | undefined =>
    before?.managers.find(({ stored }) => stored.id === id)?.memory;
  return {
    app,
    fleet: { problem: heldElsewhere },
    managers: managers.map((stored) => ({
      stored,
      meters: [],
      agent: () => undefined,
      memory: memoryOf(stored.id) ?? blank(stored, around.clock.now()),
      drains: noDrains(),
    })),
  };
}

const heldElsewhere = 'another controller holds the app';

async function takeAllBack(around: Surroundings, managers: readonly WatchedManager[]): Promise<void> {
  const never = new AbortController().signal;
  await Promise.all(managers.map((manager) => takeBack({ around, manager, drains: manager.drains }, never)));
}

function sameFleet(before: Watched, app: App): boolean {
  if ('problem' in before.fleet) return false;
  return JSON.stringify([before.app.fleet, before.app.token]) === JSON.stringify([app.fleet, app.token]);
}

async function reopenFleet(around: Surroundings, app: App, before?: Watched): Promise<Watched['fleet']> {
  // The old one first: two of them in one folder would fight over the same processes.
  if (before) await closeFleet(around, before);
  try {
    const { kind, options } = resolve('fleet', around.kinds.fleets, app.fleet);
    return await kind.create(options, {
      appName: app.name,
      appToken: app.token,
      folder: join(around.dataFolder, 'fleets', app.name),
      now: around.clock.now,
      log: (process, line) => around.log.debug({ app: app.name, process }, line),
    });
  } catch (problem) {
    const again = before && 'problem' in before.fleet && wordsOf(before.fleet.problem) === wordsOf(problem);
    around.log[again ? 'debug' : 'error'](
      { app: app.name },
      `the fleet cannot be opened: ${wordsOf(problem)}`,
    );
    return { problem };
  }
}

async function watchManager(
  around: Surroundings,
  app: App,
  stored: StoredManager,
  appBefore: App | undefined,
  known: WatchedManager | undefined,
): Promise<WatchedManager> {
  const key = (a: App | undefined, m: StoredManager | undefined): string =>
    JSON.stringify([a?.url, a?.token, m?.meters]);
  const same = known && key(appBefore, known.stored) === key(app, stored);
  return {
    stored,
    meters: same ? known.meters : openMeters(around, app, stored),
    agent: () => around.inbox.app(app.id).rest.workers(stored.processType),
    ...(known ? { memory: known.memory, drains: known.drains } : await remember(around, stored)),
  };
}

function openMeters(around: Surroundings, app: App, manager: StoredManager): WatchedManager['meters'] {
  return manager.meters.map((choice) => {
    try {
      const { kind, options } = resolve('meter', around.kinds.meters, choice);
      return kind.create(options, {
        ...(app.url && { appUrl: app.url }),
        appToken: app.token,
        processType: manager.processType,
        inbox: around.inbox.app(app.id),
        poll: around.poll,
        ...(around.outreach && { call: around.outreach.call }),
        now: around.clock.now,
      });
    } catch (error) {
      return { problem: wordsOf(error) };
    }
  });
}

async function remember(
  { store, clock, log }: Surroundings,
  manager: StoredManager,
): Promise<Pick<WatchedManager, 'memory' | 'drains'>> {
  try {
    return await withDeadline(clock, 10_000, undefined, async () => ({
      memory: await recall(store, manager, clock.now()),
      drains: await recallDrains(store, manager.id),
    }));
  } catch (error) {
    log.error({ processType: manager.processType }, `starting without history: ${wordsOf(error)}`);
    return { memory: blank(manager, clock.now()), drains: noDrains() };
  }
}

async function closeMeters(around: Surroundings, meters: WatchedManager['meters']): Promise<void> {
  const close = async (meter: Meter): Promise<void> => {
    await withDeadline(around.clock, 5_000, undefined, async () => meter.close?.());
  };
  const results = await Promise.allSettled(
    meters.flatMap((meter) => ('problem' in meter ? [] : close(meter))),
  );
  for (const result of results)
    if (result.status === 'rejected')
      around.log.warn(`a meter could not be closed: ${wordsOf(result.reason)}`);
}

/** Longer than any grace time that a fleet gives its processes. */
const fleetCloseLimitMs = 120_000;

async function closeFleet(around: Surroundings, { app, fleet }: Watched): Promise<void> {
  if ('problem' in fleet) return;
  try {
    await withDeadline(around.clock, fleetCloseLimitMs, undefined, async () => fleet.close?.());
  } catch (error) {
    around.log.error({ app: app.name }, `the fleet could not be closed: ${wordsOf(error)}`);
  }
}
