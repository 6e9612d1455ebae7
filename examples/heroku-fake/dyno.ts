/**
 * The life of one dyno: starting, up, and its end.
 *
 *     starting ── boot delay, then the process runs (web: and has opened its port) ──> up
 *     up ── one too many, restarted, stopped ──> down: SIGTERM, grace time, SIGKILL (R12) ──> gone
 *     up ── ended by itself ──> crashed ── at once the first time, later after 20 minutes and longer ──> starting
 *
 * What runs inside (`Body`) is a real process (process.ts) or a virtual one (virtual.ts).
 */
import { randomUUID } from 'node:crypto';

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls back once after `delayMs`; the answer cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export type DynoState = 'starting' | 'up' | 'down' | 'crashed' | 'idle';

export interface Dyno {
  id: string;
  readonly name: string;
  readonly type: string;
  readonly number: number;
  readonly command: string;
  readonly size: string;
  readonly release: number;
  /** Runs once: `run`, `release`, `scheduler`. */
  readonly oneOff: boolean;
  readonly createdAt: number;
  state: DynoState;
  updatedAt: number;
  /** Jobs that it said it works on; 0 until it says something. */
  running: number;
  port?: number;
  body?: Body;
  ending: boolean;
  crashCount: number;
  cancel?: () => void;
}

/** What runs in a dyno. */
export interface Body {
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Only a virtual one can be told how busy it is. */
  setRunning?(count: number): void;
}

export interface BodyHooks {
  up(port?: number): void;
  report(running: number): void;
  line(text: string): void;
  exited(code: number | null, signal: string | null): void;
}

export type StartBody = (dyno: Dyno, hooks: BodyHooks) => Body;

export interface Kill {
  readonly dyno: string;
  readonly at: number;
  readonly running: number;
}

/** What a dyno needs from its platform. */
export interface Ground {
  readonly clock: Clock;
  readonly bootMs: number;
  readonly graceMs: number;
  readonly startBody: StartBody;
  /** `source` is `heroku` or `app`, as in Heroku's logs. */
  log(source: string, dyno: string, text: string): void;
  booted(dyno: Dyno): void;
  crashed(dyno: Dyno): void;
  killed(kill: Kill): void;
  /** Its process has ended after it was asked to. */
  gone(dyno: Dyno): void;
}

const firstCoolOffMs = 20 * 60_000;
const longestCoolOffMs = 24 * 3_600_000;

export function newDyno(
  plan: Pick<Dyno, 'name' | 'type' | 'number' | 'command' | 'size' | 'release' | 'oneOff'>,
  now: number,
): Dyno {
  const born = { state: 'starting' as const, createdAt: now, updatedAt: now };
  return { id: randomUUID(), ...plan, ...born, running: 0, ending: false, crashCount: 0 };
}

export function boot(dyno: Dyno, ground: Ground): void {
  enter(dyno, 'starting', ground);
  dyno.cancel = ground.clock.after(ground.bootMs, () => {
    ground.log('heroku', dyno.name, `Starting process with command \`${dyno.command}\``);
    dyno.body = ground.startBody(dyno, {
      up: (port) => {
        if (dyno.ending || dyno.state !== 'starting') return;
        if (port !== undefined) dyno.port = port;
        enter(dyno, 'up', ground);
        ground.booted(dyno);
      },
      report: (running) => {
        dyno.running = running;
      },
      line: (text) => ground.log('app', dyno.name, text),
      exited: (code, signal) => exited(dyno, code, signal, ground),
    });
  });
}

/** SIGTERM now, SIGKILL after the grace time. One that has no process yet is gone at once. */
export function end(dyno: Dyno, ground: Ground): void {
  if (dyno.ending) return;
  dyno.ending = true;
  dyno.cancel?.();
  enter(dyno, 'down', ground);
  const { body } = dyno;
  if (!body) {
    ground.gone(dyno);
    return;
  }
  ground.log('heroku', dyno.name, 'Stopping all processes with SIGTERM');
  dyno.cancel = ground.clock.after(ground.graceMs, () => {
    ground.log(
      'heroku',
      dyno.name,
      'Error R12 (Exit timeout) -> At least one process failed to exit in time',
    );
    ground.log('heroku', dyno.name, 'Stopping remaining processes with SIGKILL');
    ground.killed({ dyno: dyno.name, at: ground.clock.now(), running: dyno.running });
    body.signal('SIGKILL');
  });
  body.signal('SIGTERM');
}

function exited(dyno: Dyno, code: number | null, signal: string | null, ground: Ground): void {
  delete dyno.body;
  dyno.cancel?.();
  ground.log('heroku', dyno.name, `Process exited with status ${code ?? (signal === 'SIGKILL' ? 137 : 143)}`);
  if (dyno.ending || dyno.oneOff) {
    ground.gone(dyno);
    return;
  }
  dyno.crashCount += 1;
  enter(dyno, 'crashed', ground);
  ground.crashed(dyno);
  dyno.running = 0;
  const coolOffMs = Math.min(longestCoolOffMs, firstCoolOffMs * 2 ** (dyno.crashCount - 2));
  dyno.cancel = ground.clock.after(dyno.crashCount === 1 ? 0 : coolOffMs, () => boot(dyno, ground));
}

function enter(dyno: Dyno, state: DynoState, ground: Ground): void {
  if (dyno.state !== state) ground.log('heroku', dyno.name, `State changed from ${dyno.state} to ${state}`);
  dyno.state = state;
  dyno.updatedAt = ground.clock.now();
}
