/**
 * The apps that other controllers hold, as far as this one has to know them: to recognise their tokens, to show their newest
 * numbers, and to take one up at once when it becomes ours. They are read from the store when something was changed;
 * their numbers come with the checkups that the others tell of.
 */
import { createHash } from 'node:crypto';
import type { App, Point, StoredManager } from '../store/store.ts';
import type { CheckupEvent } from './api.ts';
import type { Team } from './team.ts';
import { notHeld, type Surroundings, type Watched } from './watched.ts';

/** So many apps are taken up at a time: each reads its history, in statements that they share. */
const takenAtOnce = 50;

export interface Sharing {
  /** Held here or by another. */
  app(name: string): Watched | undefined;
  start(team: Team): Promise<void>;
  lookAgain(): Promise<void>;
  isOurs(app: App): Promise<boolean>;
  keepAside(app: App): Promise<void>;
  set(app: App, managers: readonly StoredManager[]): void;
  forget(name: string): void;
  hear(event: CheckupEvent): void;
}

interface Given {
  readonly around: Surroundings;
  held(name: string): Watched | undefined;
  /** The app's name by the digest of its token. */
  readonly tokens: Map<string, string>;
  refresh(name: string): Promise<void>;
  handOver(name: string, lost: boolean): Promise<void>;
}

interface State extends Given {
  readonly others: Map<string, Watched>;
  /** By the app's id, of all apps ever seen. */
  readonly names: Map<string, string>;
}

export function createSharing(given: Given): Sharing {
  const state: State = { ...given, others: new Map(), names: new Map() };
  const { around, others, held } = state;
  return {
    app: (name) => held(name) ?? others.get(name),
    start: async (team) => await start(state, team),
    lookAgain: async () => await lookAgain(state),
    isOurs: async (app) => {
      const { team } = around;
      if (!team || team.tenure.holds(app.id)) return true;
      // A new one is nobody's yet, and then it may well become ours.
      if (!others.has(app.name)) {
        state.names.set(app.id, app.name);
        await team.tenure.beatNow();
      }
      return team.tenure.holds(app.id);
    },
    keepAside: async (app) => {
      const managers = await around.store.managers.list(app.id);
      if (!held(app.name)) set(state, app, managers);
    },
    set: (app, managers) => set(state, app, managers),
    forget: (name) => forget(state, name),
    hear: (event) => hear(state, event),
  };
}

export function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

async function start(state: State, team: Team): Promise<void> {
  const { names, refresh } = state;
  await lookAgain(state);
  const line = createLine(takenAtOnce);
  await team.tenure.start({
    take: async (appId) => {
      if (!names.has(appId)) await lookAgain(state).catch(() => {});
      const name = names.get(appId);
      // What cannot be opened is logged and shown at its checkups.
      if (name !== undefined) await line(() => refresh(name).catch(() => {}));
    },
    letGo: async (appId, lost) => {
      const name = names.get(appId);
      if (name !== undefined) await state.handOver(name, lost).catch(() => {});
    },
    gaveBack: () => team.relay.say({ say: 'look' }),
  });
}

/** Runs so many at a time; the others wait for their turn. */
function createLine(width: number): (work: () => Promise<void>) => Promise<void> {
  const ends: Promise<void>[] = Array.from({ length: width }, () => Promise.resolve());
  let next = 0;
  return async (work) => {
    const place = next++ % width;
    const turn = (ends[place] ?? Promise.resolve()).then(work);
    ends[place] = turn;
    await turn;
  };
}

async function lookAgain(state: State): Promise<void> {
  const { around, others, held, names, refresh } = state;
  const { store } = around;
  const [apps, managers] = await Promise.all([store.apps.list(), store.managers.byApp()]);
  const there = new Set(apps.map(({ name }) => name));
  for (const name of others.keys()) if (!there.has(name)) forget(state, name);
  for (const app of apps) {
    const watched = held(app.name);
    const theirs = managers.get(app.id) ?? [];
    names.set(app.id, app.name);
    if (!watched) set(state, app, theirs);
    else if (isStale(watched, app, theirs)) await refresh(app.name).catch(() => {});
  }
}

function isStale(watched: Watched, app: App, managers: readonly StoredManager[]): boolean {
  const settingsOf = (those: readonly StoredManager[]): string =>
    JSON.stringify(those.map(({ learned: _, ...settings }) => settings));
  const known = watched.managers.map(({ stored }) => stored);
  return JSON.stringify(app) !== JSON.stringify(watched.app) || settingsOf(managers) !== settingsOf(known);
}

function set({ around, others, tokens, names }: State, app: App, managers: readonly StoredManager[]): void {
  const before = others.get(app.name);
  if (before) tokens.delete(digest(before.app.token));
  tokens.set(digest(app.token), app.name);
  names.set(app.id, app.name);
  others.set(app.name, notHeld(around, app, managers, before));
}

function forget({ others, tokens }: State, name: string): void {
  const before = others.get(name);
  if (before) tokens.delete(digest(before.app.token));
  others.delete(name);
}

function hear({ others }: State, { app, processType, point, unknown, draining }: CheckupEvent): void {
  const memory = others.get(app)?.managers.find(({ stored }) => stored.processType === processType)?.memory;
  if (!memory) return;
  memory.latest = point as Point;
  if (unknown === undefined) delete memory.unknown;
  else memory.unknown = unknown;
  if (draining === undefined) delete memory.draining;
  else memory.draining = draining;
}
