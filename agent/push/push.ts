/**
 * Pushes what this process sees of its requests, and the job queues when it holds the lease, once a second.
 *
 * One request at a time: the next is thought of when the last has ended. What was not acknowledged is sent again with the next,
 * at most a minute of it; after failures the pause doubles up to 30 s, by chance a little less, so that a
 * thousand processes do not come back at once. Nothing here throws into the app, waits for it or keeps it alive: timers and
 * sockets are cut loose from the event loop.
 */
import { performance } from 'node:perf_hooks';
import type { Gauge } from '../gauge.ts';
import { bodyOf, type JobSample } from './body.ts';
import { createCpu } from './cpu.ts';
import { keepLease } from './lease.ts';
import { createPoster, type Posted, type Poster } from './post.ts';
import { createSeconds, type Gauges, keptSeconds, type Seconds } from './seconds.ts';
import { watchRequests } from './watch.ts';
import {
  type Env,
  type PushClock,
  type PushOptions,
  processTypeOf,
  realClock,
  type Where,
  whereTo,
} from './where.ts';

export interface PushParts {
  readonly token: string;
  readonly gauges: readonly Gauge[];
  readonly env: Env;
  readonly push: PushOptions;
  report(what: string, problem: unknown): void;
}

/** As we call ourselves to who takes the pushes. */
const agentName = 'Headcount-0.1.0';
const pauseMaximumMs = 30_000;
const jobSampleCountMaximum = 1_000;

/** Undefined: no address says where to. */
export function startPush(parts: PushParts): { stop(): void } | undefined {
  const { push, env, token, report } = parts;
  const where = whereTo(push, env);
  if (typeof where === 'string') report('push', where);
  if (!where || typeof where === 'string') return undefined;
  const clock = push.clock ?? realClock;
  const poster = createPoster(where.url);
  const web = push.web === false ? undefined : startWeb(parts, clock);
  const jobs = new Map<string, JobSample>();
  const ending = [
    () => poster.close(),
    () => web?.stop(),
    repeat(clock, { where, token, poster, web, jobs, report }),
  ];
  if (where.form !== 'hirefire-1' && parts.gauges.length > 0)
    ending.push(
      keepLease({
        poster,
        clock,
        form: where.form,
        gauges: parts.gauges,
        headers: { 'HireFire-Token': token, 'HireFire-Agent': agentName },
        sampled: (samples) => keepSamples(jobs, samples),
        failed: (problem) => report('push', problem),
      }),
    );
  return { stop: () => ending.reverse().forEach((end) => void end()) };
}

/** The last second of a name replaces the earlier ones: a queue's length of ten seconds ago decides nothing. */
function keepSamples(jobs: Map<string, JobSample>, samples: readonly JobSample[]): void {
  for (const sample of samples) {
    const before = jobs.get(sample.name);
    const metrics = { ...(before?.second === sample.second ? before.metrics : {}), ...sample.metrics };
    if (jobs.size < jobSampleCountMaximum) jobs.set(sample.name, { ...sample, metrics });
  }
}

interface Web {
  readonly seconds: Seconds;
  /** Undefined: this process is not known to serve requests, and what it is called neither. */
  name(): string | undefined;
  read(): Gauges;
  stop(): void;
}

function startWeb({ push, env }: PushParts, clock: PushClock): Web | undefined {
  const processType = processTypeOf(push, env);
  if (processType === false || !takeRequests()) return undefined;
  const seconds = createSeconds(clock.now);
  const cpu = createCpu(push.root ?? '/', env);
  let last = performance.eventLoopUtilization();
  const read = (): Gauges => {
    const current = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(current, last);
    last = current;
    return { cpu: cpu.percent(performance.now()), eventLoop: Math.round(utilization * 10_000) / 100 };
  };
  const unwatch = watchRequests(seconds, clock.now);
  const stop = (): void => {
    unwatch();
    watched[watching] = false;
  };
  return { seconds, name: () => processType ?? (seconds.busy() ? 'web' : undefined), read, stop };
}

const watching = Symbol.for('@headcount/agent watches the requests of this process');
const watched = globalThis as { [watching]?: boolean };

/** One agent of a process tells of its requests, or each would count twice; a bundler may have made two of this file. */
function takeRequests(): boolean {
  if (watched[watching]) return false;
  watched[watching] = true;
  return true;
}

interface Loop {
  readonly where: Where;
  readonly token: string;
  readonly poster: Poster;
  readonly web: Web | undefined;
  readonly jobs: Map<string, JobSample>;
  report(what: string, problem: unknown): void;
}

/** @returns ends it */
function repeat(clock: PushClock, loop: Loop): () => void {
  let everyMs = 1_000;
  let failureCount = 0;
  let cancel: () => void = () => undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    try {
      const answer = await send(clock, loop);
      if (answer) everyMs = frequencyMs(answer, everyMs);
      failureCount = answer?.status === 401 ? 5 : 0;
    } catch (problem) {
      failureCount = Math.min(failureCount + 1, 5);
      if (!stopped) loop.report('push', problem);
    }
    if (!stopped) cancel = clock.after(pauseMs(everyMs, failureCount, clock.random()), () => void round());
  };
  cancel = clock.after(everyMs, () => void round());
  return () => {
    stopped = true;
    cancel();
  };
}

function pauseMs(everyMs: number, failureCount: number, chance: number): number {
  if (failureCount === 0) return everyMs;
  return Math.min(everyMs * 2 ** failureCount, pauseMaximumMs) * (1 - chance / 2);
}

function frequencyMs({ headers }: Posted, before: number): number {
  const told = headers['hirefire-dispatch-frequency'];
  if (typeof told !== 'string' || !/^\d{1,9}$/.test(told)) return before;
  return Math.min(Math.max(Number(told), 1), 30) * 1_000;
}

/** Undefined: there was nothing to send. */
async function send(
  clock: PushClock,
  { where, token, poster, web, jobs }: Loop,
): Promise<Posted | undefined> {
  const name = web?.name();
  const due = web?.seconds.due(web.read) ?? [];
  const serves = name === 'web' || web?.seconds.busy() === true;
  const waits = serves && web?.seconds.unrouted() === false;
  const oldest = Math.floor(clock.now() / 1_000) - keptSeconds;
  const samples = [...jobs.values()].filter(({ second }) => second >= oldest);
  const body = bodyOf(
    where.form,
    name === undefined ? undefined : { name, seconds: due, serves, waits },
    samples,
  );
  if (body === undefined) return undefined;
  const old = where.form === 'hirefire-1';
  const answer = await poster.post(
    old ? '/' : '/metrics/ingest',
    {
      'Content-Type': 'application/json',
      'HireFire-Token': token,
      [old ? 'HireFire-Resource' : 'HireFire-Agent']: agentName,
    },
    body,
  );
  // 401: nobody wants it. 413: it would be too large the next time as well.
  const done =
    (answer.status >= 200 && answer.status < 300) || answer.status === 401 || answer.status === 413;
  if (!done) throw new TypeError(`the push got status ${answer.status}`);
  for (const { second } of due.slice(-1)) web?.seconds.delivered(second);
  for (const sample of samples) if (jobs.get(sample.name) === sample) jobs.delete(sample.name);
  return answer;
}
