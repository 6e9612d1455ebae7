/**
 * Lets Headcount tell the workers of this process to take no new jobs before the process is let go, and to take jobs again.
 *
 * The process says every two seconds who it is, what its workers have in hand and whether they rest; the answer says whether
 * they should. What should be is told again and again, so a lost answer, a restart of either side and two answers
 * in a row do no harm. Orders on a connection that is kept open were the other way: they need a second kind of
 * connection, and must be repeated all the same when it breaks.
 *
 * Who rests and hears nothing for a minute takes jobs again: a controller that is gone must not leave an app without workers. Nothing
 * here throws into the app, waits for it or keeps it alive.
 */
import { randomUUID } from 'node:crypto';
import { createPoster, type Poster } from './push/post.ts';
import { type Env, type PushClock, realClock } from './push/where.ts';

/** A worker of some library that can be told. None of these may throw for long: what throws is told to `onProblem`. */
export interface RestingWorker {
  readonly queue: string;
  /** Takes no new jobs from now on; what it has in hand goes on. */
  rest(): void | Promise<void>;
  work(): void | Promise<void>;
  state(): { readonly quiet: boolean; readonly jobs: number };
}

export interface RestOptions {
  readonly workers: readonly RestingWorker[];
  /** Default: HEADCOUNT_URL. */
  readonly url?: string;
  /** Default: HEADCOUNT_TOKEN, then HIREFIRE_TOKEN. */
  readonly token?: string;
  /** `worker.5`. Default: DYNO (Heroku), then HEADCOUNT_PROCESS (the local fleet). */
  readonly process?: string;
  readonly onProblem?: (problem: unknown) => void;
  readonly env?: Env;
  readonly clock?: PushClock;
}

export interface Resting {
  /** Says goodbye, so that nobody waits for this process. Never rejects. */
  stop(): Promise<void>;
}

const everyMs = 2_000;
const pauseMaximumMs = 10_000;
const unheardLimitMs = 60_000;
const workerCountMaximum = 100;

export function restOnRequest(options: RestOptions): Resting {
  const env = options.env ?? process.env;
  const url = options.url || env.HEADCOUNT_URL;
  const token = options.token || env.HEADCOUNT_TOKEN || env.HIREFIRE_TOKEN;
  const name = options.process || env.DYNO || env.HEADCOUNT_PROCESS;
  const problem = (error: unknown): void => {
    try {
      options.onProblem?.(error);
    } catch {
      // A listener that throws must not harm the app.
    }
  };
  // On the developer's own machine none of them is set, and nothing is wrong.
  if (!url || !token || !name) return { stop: async () => undefined };
  if (!/^https?:\/\//.test(url)) {
    problem(
      new TypeError('nobody can tell the workers to rest: the address is no http:// or https:// address'),
    );
    return { stop: async () => undefined };
  }
  const workers = options.workers.slice(0, workerCountMaximum);
  const poster = createPoster(url.replace(/\/+$/, ''));
  return repeat({ workers, poster, token, name, problem, clock: options.clock ?? realClock });
}

interface Loop {
  readonly workers: readonly RestingWorker[];
  readonly poster: Poster;
  readonly token: string;
  readonly name: string;
  readonly clock: PushClock;
  problem(error: unknown): void;
}

function repeat(loop: Loop): Resting {
  const { clock, poster, problem } = loop;
  const id = randomUUID();
  let heardAt = clock.now();
  let failures = 0;
  let stopped = false;
  let cancel: () => void = () => undefined;
  const round = async (): Promise<void> => {
    try {
      const rest = await say(loop, id, false);
      failures = 0;
      heardAt = clock.now();
      if (!stopped) await obey(loop, rest);
    } catch (error) {
      failures = Math.min(failures + 1, 5);
      if (!stopped) problem(error);
      if (!stopped && clock.now() - heardAt >= unheardLimitMs) await obey(loop, false);
    }
    const pauseMs = failures === 0 ? everyMs : Math.min(everyMs * 2 ** failures, pauseMaximumMs);
    if (!stopped) cancel = clock.after(pauseMs * (1 - clock.random() / 4), () => void round());
  };
  cancel = clock.after(clock.random() * 1_000, () => void round());
  return {
    stop: async () => {
      if (stopped) return;
      stopped = true;
      cancel();
      await say(loop, id, true).catch(() => undefined);
      poster.close();
    },
  };
}

/** @returns whether the workers are to rest */
async function say({ workers, poster, token, name }: Loop, id: string, leaves: boolean): Promise<boolean> {
  const states = workers.map((worker) => worker.state());
  const body = {
    id,
    process: name,
    queues: [...new Set(workers.map(({ queue }) => queue))],
    quiet: states.every(({ quiet }) => quiet),
    jobs: states.reduce((sum, { jobs }) => sum + jobs, 0),
    leaves,
  };
  const headers = { 'Content-Type': 'application/json', 'HireFire-Token': token };
  const answer = await poster.post('/metrics/workers', headers, JSON.stringify(body));
  if (answer.status !== 200) throw new TypeError(`what the workers do got status ${answer.status}`);
  const { rest } = JSON.parse(answer.body) as { rest?: unknown };
  if (typeof rest !== 'boolean') throw new TypeError('the answer does not say whether to rest');
  return rest;
}

/** Only what differs is told, so a person who paused a worker by hand is not overruled at every round. */
async function obey({ workers, problem }: Loop, rest: boolean): Promise<void> {
  for (const worker of workers)
    try {
      const { quiet } = worker.state();
      if (rest && !quiet) await worker.rest();
      if (!rest && quiet) await worker.work();
    } catch (error) {
      problem(error);
    }
}
