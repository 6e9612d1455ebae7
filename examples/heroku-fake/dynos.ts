/**
 * All dynos of the app: those that live, and those that end and still have a process.
 *
 * A new one takes the lowest free number; one that ends has given its number back. What is ending is shown as `down`,
 * unless a living one has its name again.
 */
import { boot, type Clock, type Dyno, end, type Ground, type Kill, newDyno, type StartBody } from './dyno.ts';

export interface Stats {
  /** Formation changes that were accepted. */
  scaleCalls: number;
  booted: number;
  crashed: number;
  /** Processes that got SIGTERM while they worked. */
  stoppedBusy: number;
  /** Processes that got SIGKILL (R12). */
  killed: number;
  /** Jobs that were being worked on in those. */
  killedRunning: number;
  readonly kills: Kill[];
  /** Seconds that dynos lived that are gone, by process type. */
  readonly dynoSeconds: Record<string, number>;
}

export interface Dynos {
  hire(plan: Pick<Dyno, 'type' | 'command' | 'size' | 'oneOff'>): Dyno;
  fire(dyno: Dyno): void;
  /** A new one gets its name at once; a one-off only ends. */
  restart(dyno: Dyno): void;
  /** By number. */
  ofType(type: string): Dyno[];
  living(): Dyno[];
  /** What the platform shows. */
  list(): Dyno[];
  /** Ends all of them; resolves when no process is left. */
  close(): Promise<void>;
}

export interface DynosOptions {
  readonly clock: Clock;
  readonly bootMs: number;
  readonly graceMs: number;
  readonly hideEnding: boolean;
  readonly stats: Stats;
  readonly startBody: StartBody;
  version(): number;
  log(source: string, dyno: string, text: string): void;
}

const mostKills = 1_000;

export function createDynos(options: DynosOptions): Dynos {
  const { clock, stats } = options;
  const living = new Map<string, Dyno>();
  const ending = new Set<Dyno>();
  let lastIsGone = (): void => {};
  const ground = createGround(options, (dyno) => {
    ending.delete(dyno);
    const seconds = (clock.now() - dyno.createdAt) / 1000;
    stats.dynoSeconds[dyno.type] = (stats.dynoSeconds[dyno.type] ?? 0) + seconds;
    if (living.get(dyno.name) === dyno) living.delete(dyno.name);
    if (living.size + ending.size === 0) lastIsGone();
  });
  const fire = (dyno: Dyno): void => {
    if (dyno.running > 0) stats.stoppedBusy += 1;
    living.delete(dyno.name);
    ending.add(dyno);
    end(dyno, ground);
  };
  const start = (plan: Pick<Dyno, 'type' | 'command' | 'size' | 'oneOff'>, number: number): Dyno => {
    const { type, command, size, oneOff } = plan;
    const about = { type, command, size, oneOff, number, name: `${type}.${number}` };
    const dyno = newDyno({ ...about, release: options.version() }, clock.now());
    living.set(dyno.name, dyno);
    boot(dyno, ground);
    return dyno;
  };
  return {
    fire,
    hire(plan) {
      let number = 1;
      while (living.has(`${plan.type}.${number}`)) number += 1;
      return start(plan, number);
    },
    restart(dyno) {
      fire(dyno);
      if (!dyno.oneOff) start(dyno, dyno.number);
    },
    ofType: (type) =>
      [...living.values()].filter((dyno) => dyno.type === type).sort((a, b) => a.number - b.number),
    living: () => [...living.values()],
    list() {
      const shown = options.hideEnding ? [] : [...ending].filter(({ name }) => !living.has(name));
      return [...living.values(), ...shown];
    },
    async close() {
      const end = new Promise<void>((resolve) => {
        lastIsGone = resolve;
      });
      for (const dyno of [...living.values()]) fire(dyno);
      if (living.size + ending.size > 0) await end;
    },
  };
}

export function newStats(): Stats {
  const counts = { scaleCalls: 0, booted: 0, crashed: 0, stoppedBusy: 0, killed: 0, killedRunning: 0 };
  return { ...counts, kills: [], dynoSeconds: {} };
}

function createGround(options: DynosOptions, gone: (dyno: Dyno) => void): Ground {
  const { clock, bootMs, graceMs, startBody, log, stats } = options;
  return {
    clock,
    bootMs,
    graceMs,
    startBody,
    log,
    gone,
    booted: () => {
      stats.booted += 1;
    },
    crashed: () => {
      stats.crashed += 1;
    },
    killed: (kill) => {
      stats.killed += 1;
      stats.killedRunning += kill.running;
      if (stats.kills.length < mostKills) stats.kills.push(kill);
    },
  };
}
