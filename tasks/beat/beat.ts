/**
 * The beat: sends tasks on schedule. Any number of them may run on one broker; one leads, the others stand by and take
 * over when its lease ends, or at once when it says goodbye. What is sent and that it was sent is one step of the broker
 * (store.ts), so no slot is sent twice, whatever the clocks of two machines say.
 *
 * The clock and the timer are arguments: tests move them.
 */
import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Log } from '../broker.ts';
import { TasksError, textOf } from '../errors.ts';
import { longestTimerMs } from '../timer.ts';
import { type BeatEntries, createEntries } from './entries.ts';
import { checkEntry, type EntryFields, type EntryOptions } from './entry.ts';
import { loadSun, type Sun } from './solar.ts';
import type { BeatStore } from './store.ts';
import { type BeatState, type Outgoing, type TickSurroundings, tick } from './tick.ts';

export interface BeatOptions {
  /** Entries by name. */
  readonly schedule?: Readonly<Record<string, EntryOptions>>;
  /** Apps that share a broker give each beat its own. Default `beat`. */
  readonly name?: string;
  /** Where entries and the lead are kept: `redis://…`, `postgresql://…` or `sqlite:…`. Default: the broker; RabbitMQ keeps none. */
  readonly state?: string;
  /** After so long without a sign of life another beat takes over. Default 15. */
  readonly leaseSeconds?: number;
  /** Of this process, in logs. Default: HEADCOUNT_PROCESS, else DYNO, else its number, and the host. */
  readonly process?: string;
  /** Time and timer; tests move them. */
  readonly clock?: BeatClock;
}

export interface BeatClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once; the answer cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface Beat {
  /** Sends what is due until it is stopped. Rejects only for what no waiting can mend, such as a missing package. */
  run(options?: { readonly handleSignals?: boolean }): Promise<void>;
  /** Ends and gives up the lead, so that a beat that stands by takes over. Resolves when `run` has ended. */
  stop(): Promise<void>;
  /** Seen and changed at run time; needs no running beat. */
  readonly entries: BeatEntries;
}

/** What the app lends to its beat. */
export interface BeatSurroundings {
  readonly options: BeatOptions;
  /** @param name of the beat */
  readonly store: (name: string) => Promise<BeatStore>;
  readonly log: Log;
  compose(name: string, fields: EntryFields, id: string): Outgoing;
}

const defaultLeaseSeconds = 15;
const longestPauseMs = 10_000;

const realClock: BeatClock = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** @throws TasksError OPTION_INVALID */
export function createBeat(around: BeatSurroundings): Beat {
  const { options, log } = around;
  const name = checkName(options.name ?? 'beat');
  const leaseMs = checkLease(options.leaseSeconds ?? defaultLeaseSeconds) * 1000;
  const clock = options.clock ?? realClock;
  const declared = new Map(
    Object.entries(options.schedule ?? {}).map(([entry, given]) => [entry, checkEntry(entry, given)]),
  );
  const store = (): Promise<BeatStore> => around.store(name);
  const sunFor = sunOnDemand();
  const stopped = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  const surroundings = {
    holder: holderName(options.process),
    leaseMs,
    declared,
    now: clock.now,
    log,
    sunFor,
    compose: (entry: string, fields: EntryFields, slotMs: number) =>
      around.compose(entry, fields, runId(name, entry, slotMs)),
  };
  const stop = (): Promise<void> => {
    stopped.abort();
    return ended.catch(() => {});
  };
  return {
    run: ({ handleSignals = false } = {}) => {
      ended = sunFor([...declared.values()]).then(() => loop(surroundings, store, clock, stopped.signal));
      return handleSignals ? withSignals(ended, log, stop) : ended;
    },
    stop,
    entries: createEntries(store, clock.now, sunFor),
  };
}

async function loop(
  around: Omit<TickSurroundings, 'store'>,
  open: () => Promise<BeatStore>,
  clock: BeatClock,
  stopped: AbortSignal,
): Promise<void> {
  const state: BeatState = { token: undefined, leader: undefined, ahead: new Set() };
  let failures = 0;
  while (!stopped.aborted) {
    let untilMs: number;
    try {
      untilMs = await tick({ ...around, store: await open() }, state);
      if (failures > 0) around.log('info', 'the broker answers again');
      failures = 0;
    } catch (error) {
      if (!canPass(error)) throw error;
      if (failures++ === 0) around.log('warn', `${textOf(error)}. The beat keeps trying.`);
      untilMs = clock.now() + Math.min(longestPauseMs, 100 * 2 ** failures);
    }
    // Measured once more, in case the clock was put back meanwhile: it must not sleep until then.
    await sleep(
      clock,
      Math.min(untilMs - clock.now(), Math.max(longestPauseMs, around.leaseMs / 3)),
      stopped,
    );
  }
  if (state.token !== undefined)
    await open()
      .then((store) => store.release(around.holder))
      .catch(() => {});
}

function sleep(clock: BeatClock, delayMs: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      stopped.removeEventListener('abort', done);
      resolve();
    };
    // A timer fires up to a millisecond early; then nothing would be due yet.
    const cancel = clock.after(Math.min(longestTimerMs, Math.max(0, Math.ceil(delayMs))), done);
    stopped.addEventListener('abort', done);
    if (stopped.aborted) done();
  });
}

async function withSignals(ended: Promise<void>, log: Log, stop: () => Promise<void>): Promise<void> {
  const onSignal = (signal: NodeJS.Signals): void => {
    log('info', `${signal}: stopping`);
    void stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  try {
    await ended;
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
}

/** Loads the package when the first solar schedule is met. */
function sunOnDemand(): (fields: readonly EntryFields[]) => Promise<Sun | undefined> {
  let sun: Sun | undefined;
  return async (fields) => {
    if (!sun && fields.some(({ schedule }) => schedule.kind === 'solar')) sun = await loadSun();
    return sun;
  };
}

/** The same slot has the same id wherever it is sent from, so that whoever sees it twice can tell. */
function runId(beat: string, entry: string, slotMs: number): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([beat, entry, slotMs]))
    .digest('hex');
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join('-');
}

function holderName(given: string | undefined): string {
  const { HEADCOUNT_PROCESS, DYNO } = process.env;
  const name = given ?? `${HEADCOUNT_PROCESS || DYNO || process.pid}@${hostname()}`;
  return `${name}/${randomUUID().slice(0, 8)}`;
}

function canPass(error: unknown): boolean {
  const passing: readonly string[] = ['BROKER_UNREACHABLE', 'BROKER_BUSY'];
  return error instanceof TasksError && passing.includes(error.code);
}

function checkName(name: string): string {
  if (/^[\w.@-]{1,100}$/.test(name)) return name;
  return invalid('the name of a beat', name, 'made of letters, digits, and . _ - @');
}

function checkLease(seconds: number): number {
  if (seconds >= 1 && seconds <= 3_600) return seconds;
  return invalid('leaseSeconds', seconds, 'a number from 1 to 3600');
}

function invalid(name: string, value: unknown, wanted: string): never {
  throw new TasksError(
    'OPTION_INVALID',
    `${name} is ${String(value).slice(0, 80)}`,
    `it must be ${wanted}`,
    'Change the option',
  );
}
