/**
 * The life of one process name, as the controller sees it.
 *
 *     starting ── first report, open port, or time ──> up
 *        │  └──────────── ended ─────────────┐          │
 *        │                                   v          │
 *        │            (pause, then starting) crashed <──┤ ended
 *        └───────────── one too many ──> stopping <─────┘
 *                                           └── ended ──> gone
 *
 * The pause after a crash doubles from half a second, up to half a minute for one that never said that it is up: what cannot
 * start is ill. One that was up waits four seconds at most, because what killed it most likely came from outside, and its
 * work waits meanwhile. A process that lived for ten seconds begins anew at half a second. A crashed process keeps its name and counts, so that the decision sees a formation that is
 * there but ill, instead of one that shrank.
 *
 * Comparing on each checkup what should run with what runs was the other way. It needs no timers, but a process that
 * crashes at once would be started every ten seconds for ever, and nobody would see it.
 */
import type { Process, ProcessState } from '../../decide/words.ts';
import type { Ending, Order } from './protocol.ts';

export interface Timings {
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** The same for a process that was up. */
  readonly longestPauseAfterUpMs: number;
  /** A process that lived as long as this did not crash on its start. */
  readonly provenMs: number;
  /** A process that never reports is taken as up when it has lived as long as this. */
  readonly assumedUpMs: number;
  /** The same for a web process that has not opened its port. */
  readonly assumedOpenMs: number;
  readonly pollMs: number;
}

export const defaultTimings: Timings = {
  firstPauseMs: 500,
  longestPauseMs: 30_000,
  longestPauseAfterUpMs: 4_000,
  provenMs: 10_000,
  assumedUpMs: 10_000,
  assumedOpenMs: 30_000,
  pollMs: 100,
};

/** What a life needs from its surroundings. */
export interface Habitat {
  readonly timings: Timings;
  now(): number;
  log(name: string, text: string): void;
  /** Resolves when processes can be started. */
  ready(): Promise<void>;
  send(order: Order): void;
  order(type: string, index: number): Order & { do: 'start' };
  /** The port that a process of this type must open to be up, where there is one. */
  port(type: string, index: number): number | undefined;
  accepts(port: number): Promise<boolean>;
  /** Its name is free again. */
  gone(life: Life): void;
}

export interface Life {
  readonly name: string;
  readonly type: string;
  readonly index: number;
  state: ProcessState;
  since: number;
  busy?: boolean;
  /** Jobs that it last said it works on. */
  jobs?: number;
  /** Since when it says that it takes no new jobs. */
  quietSince?: number;
  /** From the order to start it until the keeper says that it ended. */
  kept: boolean;
  /** Its keeper died; what it was is being ended, and nothing is heard of it. */
  lost: boolean;
  crashes: number;
  /** Infinity while it has not been started. */
  startedAt: number;
  timer?: NodeJS.Timeout | undefined;
}

export function newLife(type: string, index: number, since: number): Life {
  const unborn = { kept: false, lost: false, crashes: 0, startedAt: Number.POSITIVE_INFINITY };
  return { name: `${type}.${index}`, type, index, state: 'starting', since, ...unborn };
}

export async function start(life: Life, habitat: Habitat): Promise<void> {
  enter(life, 'starting', habitat);
  life.startedAt = Number.POSITIVE_INFINITY;
  const port = habitat.port(life.type, life.index);
  let taken: boolean;
  try {
    await habitat.ready();
    taken = port !== undefined && (await habitat.accepts(port));
    await habitat.ready();
  } catch {
    return;
  }
  if (life.state !== 'starting' || life.kept) return;
  if (taken) {
    crash(
      life,
      `port ${port} is in use: end the other program, or change the fleet's option "port"`,
      habitat,
    );
    return;
  }
  life.kept = true;
  life.startedAt = habitat.now();
  habitat.send(habitat.order(life.type, life.index));
  watchBoot(life, port, habitat);
}

export function stop(life: Life, habitat: Habitat): void {
  if (life.state === 'stopping') return;
  enter(life, 'stopping', habitat);
  if (life.kept) habitat.send({ do: 'stop', name: life.name });
  else habitat.gone(life);
}

export function started(life: Life, pid: number, habitat: Habitat): void {
  tell(life, `started as process ${pid}`, habitat);
}

/** The first report of a worker says that it takes jobs; a web process is up when its port is open. */
export function reported(
  life: Life,
  { running, quiet }: { readonly running: number; readonly quiet?: boolean },
  habitat: Habitat,
): void {
  const hasPort = habitat.port(life.type, life.index) !== undefined;
  if (life.state === 'starting' && !hasPort) enter(life, 'up', habitat);
  if (life.state !== 'up') return;
  life.busy = running > 0;
  life.jobs = running;
  if (quiet) life.quietSince ??= habitat.now();
  else delete life.quietSince;
}

export function ended(life: Life, ending: Ending, habitat: Habitat): void {
  life.kept = false;
  if (life.state === 'stopping') {
    tell(life, describe(ending), habitat);
    habitat.gone(life);
  } else {
    crash(life, describe(ending), habitat);
  }
}

/** Its keeper died. It comes back under its name, so that a web process keeps its port. */
export function lose(life: Life, habitat: Habitat): void {
  if (!life.kept) return;
  life.lost = true;
  if (life.state === 'stopping') return;
  enter(life, 'crashed', habitat);
  tell(life, 'lost its keeper, which died; both are being replaced', habitat);
}

/** Nothing is left of what it was. */
export function clear(life: Life, habitat: Habitat): void {
  if (!life.lost) return;
  life.lost = false;
  life.kept = false;
  if (life.state === 'stopping') habitat.gone(life);
  else void start(life, habitat);
}

export function enter(life: Life, state: ProcessState, { now }: Pick<Habitat, 'now'>): void {
  life.state = state;
  life.since = now();
  if (state !== 'up') forgetReports(life);
  clearTimeout(life.timer);
}

export function toProcess({ name, state, since, busy, jobs, quietSince }: Life): Process {
  return {
    name,
    state,
    since,
    ...(busy !== undefined && { busy }),
    ...(jobs !== undefined && { jobs }),
    ...(quietSince !== undefined && { quietSince }),
  };
}

function forgetReports(life: Life): void {
  delete life.busy;
  delete life.jobs;
  delete life.quietSince;
}

/** Until it is up: looks whether the port is open; without a port only the time passes. */
function watchBoot(life: Life, port: number | undefined, habitat: Habitat): void {
  const { timings, now } = habitat;
  const bornAt = life.startedAt;
  const limitMs = port === undefined ? timings.assumedUpMs : timings.assumedOpenMs;
  const look = async (): Promise<void> => {
    const open = port !== undefined && (await habitat.accepts(port));
    if (life.state !== 'starting' || life.startedAt !== bornAt) return;
    if (!open && now() - bornAt < limitMs) {
      watchBoot(life, port, habitat);
      return;
    }
    if (!open && port !== undefined)
      tell(life, `has not opened port ${port}: does it listen on $PORT?`, habitat);
    enter(life, 'up', habitat);
  };
  life.timer = setTimeout(() => void look(), port === undefined ? limitMs : timings.pollMs);
}

function crash(life: Life, why: string, habitat: Habitat): void {
  const { timings, now } = habitat;
  if (now() - life.startedAt >= timings.provenMs) life.crashes = 0;
  const longestMs = life.state === 'up' ? timings.longestPauseAfterUpMs : timings.longestPauseMs;
  const pauseMs = Math.min(longestMs, timings.firstPauseMs * 2 ** life.crashes);
  life.crashes = Math.min(life.crashes + 1, 20);
  enter(life, 'crashed', habitat);
  tell(life, `${why}; starting again in ${pauseMs / 1000} s`, habitat);
  life.timer = setTimeout(() => void start(life, habitat), pauseMs);
}

function tell({ name }: Life, text: string, { log, send }: Habitat): void {
  log(name, text);
  send({ do: 'note', name, text });
}

function describe({ code, signal, why }: Ending): string {
  if (why !== undefined) return `could not be started: ${why}`;
  return signal ? `ended by ${signal}` : `ended with code ${code}`;
}
