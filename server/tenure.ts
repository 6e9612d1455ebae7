/**
 * Which apps this controller decides about, where several share a PostgreSQL: keeps its leases (store/leases.ts) alive, takes
 * up what it gains and lets go of what it loses.
 *
 * A lease is believed for less time than the database gives it, counted from before it was asked for, so a controller that
 * hears nothing stops before another may begin. Then it goes on deciding, and carries out only where nobody else can: it
 * was alone when the database last answered, or every other controller says that it hears nothing either. For the same
 * reason whoever comes back from a silence leaves expired leases alone for one length of a lease: their owners may just
 * have been silent as well. More apps than its share go to the others a few at a time, each when its checkup is over.
 */
import type { Logger } from 'pino';
import type { Claimant, Lease, Leases, Standing } from '../store/leases.ts';
import { type Clock, withDeadline, wordsOf } from './clock.ts';

export interface Permit {
  readonly lease: Lease;
  /** Aborts when the app may be another's. */
  readonly signal: AbortSignal;
}

export interface Tenure {
  readonly me: Claimant;
  readonly leases: Leases;
  /** This controller decides about the app, whether or not it may carry it out. */
  holds(appId: string): boolean;
  /** What allows to carry a decision out now; nothing where another may hold the app. */
  permit(appId: string): Permit | undefined;
  /** The others, as of the last answer. */
  peers(): readonly Claimant[];
  /** False while the database does not answer. */
  inContact(): boolean;
  /** Whoever gave something back says so: takes it without waiting for the next beat. */
  beatNow(): Promise<void>;
  /** Resolves when what it gained first is taken up. */
  start(work: Work): Promise<void>;
  /** Lets go of everything and gives it back at once. */
  stop(): Promise<void>;
}

/** What a change of hands means here. Neither rejects. */
export interface Work {
  take(appId: string): Promise<void>;
  /** `lost`: another may have it already. */
  letGo(appId: string, lost: boolean): Promise<void>;
  /** Something was given back: the others may look. */
  gaveBack(): void;
}

export interface TenureOptions {
  readonly me: Claimant;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether another controller hears nothing from the database either; false when that is not sure. */
  readonly isSilent: (peer: Claimant) => Promise<boolean>;
  readonly times?: TenureTimes;
}

export interface TenureTimes {
  readonly leaseMs: number;
  readonly beatMs: number;
}

const usual: TenureTimes = { leaseMs: 5_000, beatMs: 1_000 };
/** So much earlier than the database does this controller take a lease for over. */
export const marginMs = 1_000;
const answerLimitMs = 2_000;
const movesPerBeat = 50;
const quickMs = 50;
const stopLimitMs = 5_000;

interface State extends TenureOptions {
  readonly times: TenureTimes;
  readonly held: Map<string, Held>;
  /** Given up here; the database is to be told. */
  readonly toGiveBack: Set<string>;
  readonly leaving: Set<string>;
  validUntil: number;
  contactSince: number | undefined;
  standing: Standing | undefined;
  /** When all the others last said that they hear nothing. */
  allSilentAt: number;
  beating: Promise<void> | undefined;
  /** Takes nothing more. */
  closing: boolean;
  stopped: boolean;
  work: Work;
  cancelBeat(): void;
  cancelEnd(): void;
}

interface Held {
  lease: Lease;
  may: AbortController;
}

const idle: Work = { take: async () => {}, letGo: async () => {}, gaveBack: () => {} };

export function createTenure(options: TenureOptions): Tenure {
  const state: State = {
    times: usual,
    ...options,
    held: new Map(),
    toGiveBack: new Set(),
    leaving: new Set(),
    validUntil: Number.NEGATIVE_INFINITY,
    contactSince: undefined,
    standing: undefined,
    allSilentAt: Number.NEGATIVE_INFINITY,
    beating: undefined,
    closing: false,
    stopped: false,
    work: idle,
    cancelBeat: () => {},
    cancelEnd: () => {},
  };
  return {
    me: state.me,
    leases: state.leases,
    holds: (appId) => state.held.has(appId),
    permit: (appId) => {
      const held = state.held.get(appId);
      if (!held || !mayCarryOut(state)) return undefined;
      if (held.may.signal.aborted) held.may = new AbortController();
      return { lease: held.lease, signal: held.may.signal };
    },
    peers: () => state.standing?.peers ?? [],
    inContact: () => state.contactSince !== undefined,
    beatNow: () => beatNow(state),
    start: async (work) => {
      state.work = work;
      await beatNow(state, true);
    },
    stop: () => stop(state),
  };
}

function mayCarryOut(state: State): boolean {
  const { clock, validUntil, standing, allSilentAt } = state;
  if (clock.now() < validUntil) return true;
  if (!standing) return false;
  return standing.peers.length === 0 || clock.now() - allSilentAt < 2 * answerLimitMs;
}

async function beatNow(state: State, first = false): Promise<void> {
  if (state.stopped) return;
  state.cancelBeat();
  state.beating ??= beat(state, first).finally(() => {
    state.beating = undefined;
    beatLater(state);
  });
  await state.beating;
}

function beatLater(state: State): void {
  if (state.stopped) return;
  const { clock, times, standing, held, toGiveBack } = state;
  const more = standing && standing.freeCount > 0 && held.size < standing.share && state.contactSince;
  const delayMs = more || toGiveBack.size > 0 ? quickMs : times.beatMs;
  state.cancelBeat();
  state.cancelBeat = clock.after(delayMs, () => void beatNow(state));
}

async function beat(state: State, first: boolean): Promise<void> {
  const { clock, leases, me, times, log } = state;
  const asked = clock.now();
  const since = state.contactSince;
  const long = since !== undefined && asked - since >= times.leaseMs;
  const take = state.closing ? 'nothing' : long ? 'expired' : 'free';
  try {
    await giveBack(state);
    const standing = await withDeadline(clock, answerLimitMs, undefined, () =>
      leases.renew(me, { ttlMs: times.leaseMs, take }),
    );
    if (since === undefined) log.info({ apps: standing.held.length }, 'the leases are kept');
    state.contactSince ??= asked;
    state.standing = standing;
    believeUntil(state, asked + times.leaseMs - marginMs);
    const gained = apply(state, standing);
    if (first) await Promise.all(gained);
  } catch (error) {
    if (since !== undefined || first) log.warn(`the leases cannot be renewed: ${wordsOf(error)}`);
    state.contactSince = undefined;
    await askOthers(state);
  }
}

/** Also when a renewal hangs: what may be another's is stopped in time. */
function believeUntil(state: State, until: number): void {
  const { clock } = state;
  state.validUntil = until;
  state.cancelEnd();
  state.cancelEnd = clock.after(Math.max(0, until - clock.now()), () => revoke(state));
}

function revoke(state: State): void {
  if (mayCarryOut(state)) return;
  if (state.held.size > 0)
    state.log.warn(
      { apps: state.held.size },
      'the leases may be over: nothing is carried out until they are renewed',
    );
  for (const { may } of state.held.values()) may.abort(leaseOver());
}

async function askOthers(state: State): Promise<void> {
  const { clock, standing, isSilent } = state;
  const peers = standing?.peers ?? [];
  if (peers.length > 0) {
    const asked = clock.now();
    const silent = await Promise.all(peers.map((peer) => isSilent(peer).catch(() => false)));
    state.allSilentAt = silent.every(Boolean) ? asked : Number.NEGATIVE_INFINITY;
  }
  if (clock.now() >= state.validUntil) revoke(state);
}

/** Answers what is taken up. */
function apply(state: State, { held, share, peers }: Standing): Promise<void>[] {
  const now = new Map(held.map((lease) => [lease.appId, lease]));
  for (const [appId, one] of [...state.held])
    if (now.get(appId)?.fence !== one.lease.fence) {
      state.held.delete(appId);
      one.may.abort(leaseOver());
      void state.work.letGo(appId, true);
    }
  const gained: Promise<void>[] = [];
  for (const lease of held) {
    if (state.held.has(lease.appId) || state.leaving.has(lease.appId)) continue;
    state.held.set(lease.appId, { lease, may: new AbortController() });
    gained.push(state.work.take(lease.appId));
  }
  const excess = peers.length > 0 ? state.held.size - share - state.leaving.size : 0;
  for (const appId of [...state.held.keys()].slice(0, Math.min(Math.max(0, excess), movesPerBeat)))
    void letGo(state, appId).then(() => beatNow(state));
  return gained;
}

/** While its last checkup runs the lease is renewed; what may still be carried out ends with it. */
async function letGo(state: State, appId: string): Promise<void> {
  if (state.leaving.has(appId)) return;
  state.leaving.add(appId);
  await state.work.letGo(appId, false);
  state.held.delete(appId);
  state.toGiveBack.add(appId);
}

async function giveBack(state: State): Promise<void> {
  const { clock, leases, me, toGiveBack, leaving, work } = state;
  const appIds = [...toGiveBack];
  if (appIds.length === 0) return;
  await withDeadline(clock, answerLimitMs, undefined, () => leases.giveBack(me, appIds));
  for (const appId of appIds) {
    toGiveBack.delete(appId);
    leaving.delete(appId);
  }
  work.gaveBack();
}

async function stop(state: State): Promise<void> {
  if (state.closing) return;
  state.closing = true;
  const { clock, leases, me, log } = state;
  const all = Promise.all([...state.held.keys()].map((appId) => letGo(state, appId)));
  // What ends at once goes at once; what still runs keeps its lease meanwhile.
  for (const waitMs of [quickMs, stopLimitMs]) {
    await withDeadline(clock, waitMs, undefined, () => all).catch(() => {});
    await giveBack(state).catch((error) => log.warn(`a lease is not given back: ${wordsOf(error)}`));
  }
  state.stopped = true;
  state.cancelBeat();
  await state.beating;
  state.cancelEnd();
  for (const { may } of state.held.values()) may.abort(leaseOver());
  await withDeadline(clock, answerLimitMs, undefined, () => leases.leave(me)).catch((error) =>
    log.warn(`the leases are not given back: ${wordsOf(error)}`),
  );
  state.work.gaveBack();
}

function leaseOver(): DOMException {
  return new DOMException('another controller may decide about this app by now', 'AbortError');
}
