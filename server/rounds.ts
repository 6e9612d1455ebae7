/**
 * When checkups come: each app has one per interval, a little early or late by chance so that many apps do not beat the
 * platform at once, and never two at a time. Whatever else touches an app (a changed setting, an evaluation) waits for
 * its turn in the same line. The next checkup is set when one ends, so a slow one delays and never piles up.
 */
import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { HeadcountError } from '../decide/errors.ts';
import { createInbox, type Inbox } from '../measure/inbox/memory.ts';
import { createPoll } from '../measure/poll.ts';
import type { App } from '../store/store.ts';
import type { CheckupEvent } from './api.ts';
import { withDeadline, wordsOf } from './clock.ts';
import { checkUp, evaluate, type Judged, type Retry } from './loop.ts';
import { type Journal, saveLearned } from './note.ts';
import { type Surroundings, unwatch, type Watched, type WatchedManager, watch } from './watched.ts';

const jitterShare = 0.05;
const tidyEveryMs = 60_000;
const stopLimitMs = 5_000;
const priceLimitMs = 10_000;

export interface Rounds {
  /** Opens every app of the store and begins. */
  start(): Promise<void>;
  /** Takes up what changed in the store about an app, or lets go of a removed one. Rejects when it cannot be opened. */
  refresh(appName: string): Promise<void>;
  /** @throws HeadcountError NOT_FOUND */
  evaluate(appName: string, processType: string): Promise<Judged>;
  /** What is remembered of an app's manager, where it is watched. */
  manager(appName: string, processType: string): WatchedManager | undefined;
  /** What the app's fleet wants to be known. */
  warnings(appName: string): readonly string[];
  /** Whether its checkups come from this controller. */
  holds(appName: string): boolean;
  /** Money per process and second by process type. Nothing: its fleet does not tell, or is not open here. */
  prices(appName: string): Promise<Readonly<Record<string, number>> | undefined>;
  /** What apps push to us. */
  readonly inbox: Inbox;
  /** The watched app that has this token. */
  byToken(token: string): Watched | undefined;
  /** One checkup now, in its turn. */
  checkUp(appName: string): Promise<void>;
  /** Resolves when no checkup runs. */
  idle(): Promise<void>;
  /** Finishes running checkups (5 s at most), then closes meters and fleets. */
  stop(): Promise<void>;
}

interface Round {
  watched: Watched;
  readonly retry: Retry;
  cancelNext(): void;
}

interface State {
  readonly around: Surroundings & { readonly intervalMs: number };
  readonly tell: (event: CheckupEvent) => void;
  readonly rounds: Map<string, Round>;
  /** The app's name by the digest of its token, so that looking one up takes no time that tells of it. */
  readonly tokens: Map<string, string>;
  /** By the app's name: the line in which everything that touches the app waits. */
  readonly lines: Map<string, Promise<void>>;
  readonly journal: Journal;
  readonly stopping: AbortController;
  stopped?: Promise<void>;
  cancelTidy(): void;
}

export function createRounds(given: Omit<State['around'], 'inbox' | 'poll'>, tell: State['tell']): Rounds {
  const around = { ...given, inbox: createInbox(given.clock.now), poll: createPoll() };
  const stopping = new AbortController();
  // Every call of every app's checkup listens to it; they are as many as there are apps, and each leaves again.
  setMaxListeners(0, stopping.signal);
  const state: State = {
    around,
    tell,
    rounds: new Map(),
    tokens: new Map(),
    lines: new Map(),
    journal: { lost: false, pendingCount: 0 },
    stopping,
    cancelTidy: () => {},
  };
  const managerOf = (name: string, processType: string): WatchedManager | undefined => {
    const round = state.rounds.get(name);
    return round && find(round, processType);
  };
  return {
    start: async () => {
      const apps = await around.store.apps.list();
      // What an app cannot open is logged and shown at its checkups; the others go on.
      await Promise.all(apps.map(({ name }) => refresh(state, name).catch(() => {})));
      tidyLater(state);
    },
    refresh: (name) => refresh(state, name),
    evaluate: (name, processType) =>
      inLine(state, name, async () => {
        const round = state.rounds.get(name);
        const manager = round && find(round, processType);
        if (!manager) throw notWatched(name, processType);
        return await evaluate(around, round.watched, manager);
      }),
    manager: managerOf,
    warnings: (name) => {
      const fleet = state.rounds.get(name)?.watched.fleet;
      return fleet && !('problem' in fleet) ? (fleet.warnings?.() ?? []) : [];
    },
    holds: (name) => state.rounds.has(name),
    prices: async (name) => {
      const fleet = state.rounds.get(name)?.watched.fleet;
      if (!fleet || 'problem' in fleet || !fleet.cost) return undefined;
      return await withDeadline(around.clock, priceLimitMs, state.stopping.signal, async (inner) =>
        fleet.cost?.(inner),
      );
    },
    inbox: around.inbox,
    byToken: (token) => {
      const watched = state.rounds.get(state.tokens.get(digest(token)) ?? '')?.watched;
      return watched?.app.token === token ? watched : undefined;
    },
    checkUp: async (name) => {
      const round = state.rounds.get(name);
      if (round) await checkUpInLine(state, round);
    },
    idle: async () => {
      await Promise.all(state.lines.values());
    },
    stop: () => {
      state.stopped ??= Promise.resolve().then(() => stop(state));
      return state.stopped;
    },
  };
}

async function refresh(state: State, name: string): Promise<void> {
  await inLine(state, name, async () => {
    if (state.stopped) return;
    const app = await state.around.store.apps.get(name);
    const round = state.rounds.get(name);
    if (!round || app?.id !== round.watched.app.id) {
      if (round) await remove(state, round);
      if (app) await add(state, app);
      return;
    }
    state.tokens.delete(digest(round.watched.app.token));
    state.tokens.set(digest(app.token), name);
    round.watched = await watch(state.around, app, round.watched);
    throwProblem(round.watched);
  });
}

/** Watches an app from now on, also when its fleet cannot be opened; then it rejects. */
async function add(state: State, app: App): Promise<void> {
  const { around, rounds } = state;
  const watched = await watch(around, app);
  const retry = { failures: 0, notBefore: 0 };
  const round: Round = { watched, retry, cancelNext: () => {} };
  rounds.set(app.name, round);
  state.tokens.set(digest(app.token), app.name);
  setNext(state, round, Math.min(1_000, around.intervalMs) * around.clock.random());
  throwProblem(watched);
}

async function remove({ around, rounds, tokens }: State, round: Round): Promise<void> {
  rounds.delete(round.watched.app.name);
  tokens.delete(digest(round.watched.app.token));
  around.inbox.forget(round.watched.app.id);
  round.cancelNext();
  await unwatch(around, round.watched);
}

function setNext(state: State, round: Round, delayMs: number): void {
  const { clock, intervalMs } = state.around;
  round.cancelNext = clock.after(delayMs, () => {
    void checkUpInLine(state, round).finally(() => {
      if (isWatched(state, round))
        setNext(state, round, intervalMs * (1 - jitterShare + 2 * jitterShare * clock.random()));
    });
  });
}

async function checkUpInLine(state: State, round: Round): Promise<void> {
  const { around, journal, stopping, tell } = state;
  try {
    await inLine(state, round.watched.app.name, async () => {
      if (!isWatched(state, round)) return;
      if ('problem' in round.watched.fleet)
        round.watched = await watch(around, round.watched.app, round.watched);
      for (const event of await checkUp(around, round.watched, round.retry, journal, stopping.signal))
        tell(event);
    });
  } catch (error) {
    around.log.error({ app: round.watched.app.name }, `the checkup failed: ${wordsOf(error)}`);
  }
}

function isWatched({ rounds, stopped }: State, round: Round): boolean {
  return !stopped && rounds.get(round.watched.app.name) === round;
}

async function inLine<T>({ lines }: State, name: string, work: () => Promise<T>): Promise<T> {
  const turn = (lines.get(name) ?? Promise.resolve()).then(work);
  const leave = (): void => {
    if (lines.get(name) === line) lines.delete(name);
  };
  const line: Promise<void> = turn.then(leave, leave);
  lines.set(name, line);
  return await turn;
}

function tidyLater(state: State): void {
  const { clock, store, log } = state.around;
  state.cancelTidy = clock.after(tidyEveryMs, () => {
    void store
      .tidy(clock.now())
      .catch((error) => log.warn(`old readings could not be folded: ${wordsOf(error)}`))
      .finally(() => {
        if (!state.stopped) tidyLater(state);
      });
  });
}

async function stop({ around, rounds, lines, stopping, cancelTidy }: State): Promise<void> {
  cancelTidy();
  const all = [...rounds.values()];
  for (const round of all) round.cancelNext();
  const cancel = around.clock.after(stopLimitMs, () => stopping.abort());
  await Promise.all(lines.values());
  cancel();
  const managers = all.flatMap(({ watched }) => watched.managers);
  const save = withDeadline(around.clock, stopLimitMs, undefined, () =>
    Promise.all(managers.map((manager) => saveLearned(around, manager))),
  );
  await save.catch((error) => around.log.warn(`what was learned is not saved: ${wordsOf(error)}`));
  await Promise.all(all.map(({ watched }) => unwatch(around, watched)));
  rounds.clear();
}

function find({ watched }: Round, processType: string): WatchedManager | undefined {
  return watched.managers.find(({ stored }) => stored.processType === processType);
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

function throwProblem({ fleet }: Watched): void {
  if ('problem' in fleet) throw fleet.problem;
}

function notWatched(app: string, processType: string): HeadcountError {
  return new HeadcountError(
    'NOT_FOUND',
    `There is no manager "${processType}" in the app "${app}"`,
    'it was never made, or it was removed',
    'Look the names up in the list of apps.',
  );
}
