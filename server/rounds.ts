/**
 * When checkups come: each app has one per interval, a little early or late by chance so that many apps do not beat the
 * platform at once, and never two at a time. Whatever else touches an app (a changed setting, an evaluation) waits for
 * its turn in the same line. The next checkup is set when one ends, so a slow one delays and never piles up.
 */
import { setMaxListeners } from 'node:events';
import { HeadcountError } from '../decide/errors.ts';
import { createInbox, type Inbox } from '../measure/inbox/memory.ts';
import { createPoll } from '../measure/poll.ts';
import type { App } from '../store/store.ts';
import type { CheckupEvent } from './api.ts';
import { withDeadline, wordsOf } from './clock.ts';
import { type Lines, lineUp } from './line.ts';
import { checkUp, evaluate, type Judged, type Retry } from './loop.ts';
import { createJournal, type Journal, saveLearned } from './note.ts';
import type { Behind } from './recorder.ts';
import { createSharing, digest, type Sharing } from './sharing.ts';
import {
  leaveAlone,
  type Surroundings,
  unwatch,
  type Watched,
  type WatchedManager,
  watch,
} from './watched.ts';

const jitterShare = 0.05;
const manyApps = 100;
/** Five of a thousand apps that are looked at every ten seconds; more at once would keep what apps push waiting. */
const togetherMs = 50;
const tidyEveryMs = 60_000;
/** Per app that is watched. */
const spreadMs = 15;
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
  /** The app that has this token; also one that another controller holds. */
  byToken(token: string): Watched | undefined;
  /** By its name; also one that another controller holds. */
  app(appName: string): Watched | undefined;
  /** What another controller said: something of the app was changed, or a checkup of it is done. */
  changed(appName: string, now: boolean): Promise<void>;
  heard(event: CheckupEvent): void;
  /** Reads anew what others hold: words of theirs may have been missed. */
  lookAgain(): Promise<void>;
  /** How far the history is behind, because the store did not answer. */
  behind(): Behind;
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
  /** In what time all first checkups come. Absent: its own first one is done. */
  firstWithinMs?: number;
  cancelNext(): void;
}

interface State {
  readonly around: Surroundings & { readonly intervalMs: number };
  readonly tell: (event: CheckupEvent) => void;
  readonly rounds: Map<string, Round>;
  readonly sharing: Sharing;
  /** The app's name by the digest of its token, so that looking one up takes no time that tells of it. */
  readonly tokens: Map<string, string>;
  /** By the app's name: the line in which everything that touches the app waits. */
  readonly lines: Lines;
  readonly journal: Journal;
  readonly stopping: AbortController;
  stopped?: Promise<void>;
  cancelTidy(): void;
}

export function createRounds(given: Omit<State['around'], 'inbox' | 'poll'>, tell: State['tell']): Rounds {
  const state = createState(given, tell);
  const { around, sharing } = state;
  const managerOf = (name: string, processType: string): WatchedManager | undefined => {
    const watched = sharing.app(name);
    return watched && find({ watched }, processType);
  };
  return {
    start: async () => {
      if (around.team) await sharing.start(around.team);
      else {
        const apps = await around.store.apps.list();
        // What an app cannot open is logged and shown at its checkups; the others go on.
        await Promise.all(apps.map(({ name }) => refresh(state, name).catch(() => {})));
      }
      tidyLater(state);
    },
    refresh: async (name) => {
      try {
        await refresh(state, name);
      } finally {
        around.team?.relay.say({ say: 'changed', app: name, now: false });
      }
    },
    evaluate: (name, processType) =>
      lineUp(state.lines, name, async () => {
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
      const watched = sharing.app(state.tokens.get(digest(token)) ?? '');
      return watched?.app.token === token ? watched : undefined;
    },
    app: sharing.app,
    changed: async (name, now) => {
      if (!now) return await refresh(state, name);
      const round = state.rounds.get(name);
      if (round) await checkUpInLine(state, round);
    },
    behind: () => state.journal.recorder.behind(),
    heard: sharing.hear,
    lookAgain: sharing.lookAgain,
    checkUp: async (name) => {
      const round = state.rounds.get(name);
      if (round) await checkUpInLine(state, round);
      else around.team?.relay.say({ say: 'changed', app: name, now: true });
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

function createState(given: Omit<State['around'], 'inbox' | 'poll'>, tell: State['tell']): State {
  const around = {
    ...given,
    inbox: createInbox(given.clock.now),
    poll: createPoll(given.outreach?.fetchInfo),
  };
  const stopping = new AbortController();
  // Every call of every app's checkup listens to it; they are as many as there are apps, and each leaves again.
  setMaxListeners(0, stopping.signal);
  const rounds: State['rounds'] = new Map();
  const tokens: State['tokens'] = new Map();
  const state: State = {
    around,
    tell,
    rounds,
    tokens,
    sharing: createSharing({
      around,
      held: (name) => rounds.get(name)?.watched,
      tokens,
      refresh: (name) => refresh(state, name),
      handOver: (name, lost) => lineUp(state.lines, name, () => handOver(state, name, lost)),
    }),
    lines: new Map(),
    journal: createJournal(around),
    stopping,
    cancelTidy: () => {},
  };
  return state;
}

async function refresh(state: State, name: string): Promise<void> {
  await lineUp(state.lines, name, async () => {
    if (state.stopped) return;
    const app = await state.around.store.apps.get(name);
    const round = state.rounds.get(name);
    if (app && !(await state.sharing.isOurs(app))) return await state.sharing.keepAside(app);
    state.sharing.forget(name);
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
  const withinMs = firstWithinMs(rounds.size + 1, around.intervalMs);
  const round: Round = { watched, retry, firstWithinMs: withinMs, cancelNext: () => {} };
  rounds.set(app.name, round);
  state.tokens.set(digest(app.token), app.name);
  setNext(state, round, withinMs * around.clock.random());
  throwProblem(watched);
}

async function remove({ around, rounds, tokens }: State, round: Round): Promise<void> {
  rounds.delete(round.watched.app.name);
  tokens.delete(digest(round.watched.app.token));
  around.inbox.forget(round.watched.app.id);
  round.cancelNext();
  await unwatch(around, round.watched);
}

/** From here on another controller decides about the app; when it was lost, perhaps already. */
async function handOver({ around, rounds, sharing }: State, name: string, lost: boolean): Promise<void> {
  const round = rounds.get(name);
  if (!round) return;
  const { watched } = round;
  rounds.delete(name);
  round.cancelNext();
  sharing.set(
    watched.app,
    watched.managers.map(({ stored }) => stored),
  );
  if (lost) return await leaveAlone(around, watched);
  await save(around, watched.managers);
  await unwatch(around, watched);
}

/** Many apps that are taken up at once are looked at within seconds, and yet not all at one moment. */
function firstWithinMs(appCount: number, intervalMs: number): number {
  return Math.min(intervalMs, Math.max(1_000, appCount * spreadMs));
}

function setNext(state: State, round: Round, delayMs: number): void {
  round.cancelNext = state.around.clock.after(delayMs, () => {
    void checkUpInLine(state, round).finally(() => {
      if (isWatched(state, round)) setNext(state, round, together(state, gapMs(state, round)));
    });
  });
}

/** Until an app's next checkup: one interval; but many that came within seconds are first spread over all of it. */
function gapMs({ around, rounds }: State, round: Round): number {
  const [{ clock, intervalMs }, early] = [around, round.firstWithinMs];
  delete round.firstWithinMs;
  if (early && rounds.size >= manyApps) return early + (intervalMs - early) * clock.random();
  return intervalMs * (1 - jitterShare + 2 * jitterShare * clock.random());
}

/** Checkups that come together are written down together. Where they are few, each comes by itself. */
function together({ around, rounds }: State, delayMs: number): number {
  if (rounds.size < manyApps) return delayMs;
  return delayMs + togetherMs - ((around.clock.now() + delayMs) % togetherMs);
}

async function checkUpInLine(state: State, round: Round): Promise<void> {
  const { around, journal, stopping, tell } = state;
  try {
    await lineUp(state.lines, round.watched.app.name, async () => {
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
  const cancel = around.clock.after(stopLimitMs, () => stopping.abort());
  await around.team?.tenure.stop();
  const all = [...rounds.values()];
  for (const round of all) round.cancelNext();
  await Promise.all(lines.values());
  cancel();
  await save(
    around,
    all.flatMap(({ watched }) => watched.managers),
  );
  await Promise.all(all.map(({ watched }) => unwatch(around, watched)));
  rounds.clear();
}

async function save(around: Surroundings, managers: readonly WatchedManager[]): Promise<void> {
  const work = withDeadline(around.clock, stopLimitMs, undefined, () => saveLearned(around, managers));
  await work.catch((error) => around.log.warn(`what was learned is not saved: ${wordsOf(error)}`));
}

function find({ watched }: Pick<Round, 'watched'>, processType: string): WatchedManager | undefined {
  return watched.managers.find(({ stored }) => stored.processType === processType);
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
