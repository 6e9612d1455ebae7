/**
 * One process of the app samples its job queues: HireFire 2.0's lease. Every process asks, the server grants it to one, with a plan of what it
 * wants to know; who holds it samples and the rest stay quiet. There is no word for giving it back: who dies holds it
 * until its time is over. Facts: hirefire-resource 2.0, `lease` and `plan`.
 *
 * An entry that names a queue library (`adapter`) is sampled too, by the meter of the process type that it is for: this package has no
 * client of its own to a broker.
 */
import { randomUUID } from 'node:crypto';
import type { Gauge } from '../gauge.ts';
import { type JobSample, metricsOf } from './body.ts';
import type { Poster } from './post.ts';
import type { Form, PushClock } from './where.ts';

export interface LeaseOptions {
  readonly poster: Poster;
  readonly headers: Readonly<Record<string, string>>;
  readonly form: Form;
  readonly gauges: readonly Gauge[];
  readonly clock: PushClock;
  sampled(samples: readonly JobSample[]): void;
  failed(problem: unknown): void;
}

interface Entry {
  readonly gauge: Gauge;
  readonly strategy: string;
  readonly skipWorking: boolean;
}

const secondsDefault = 15;
const entryCountMaximum = 256;

/** @returns ends it */
export function keepLease(options: LeaseOptions): () => void {
  const { clock } = options;
  let processId = randomUUID();
  let stopSampling: () => void = () => undefined;
  let cancel: () => void = () => undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    const asked = await ask(options, processId);
    stopSampling();
    if (stopped) return;
    if (asked.granted && asked.entries.length > 0) stopSampling = sample(options, asked);
    // Nothing of the plan can be done here: another process, or another lease, may do better.
    else if (asked.granted) processId = randomUUID();
    cancel = clock.after(asked.lastsMs, () => void round());
  };
  cancel = clock.after(clock.random() * 1_000, () => void round());
  return () => {
    stopped = true;
    cancel();
    stopSampling();
  };
}

interface Asked {
  readonly granted: boolean;
  readonly entries: readonly Entry[];
  readonly lastsMs: number;
  readonly everyMs: number;
}

async function ask(
  { poster, headers, gauges, clock, failed }: LeaseOptions,
  processId: string,
): Promise<Asked> {
  const jittered = secondsDefault * 1_000 * (1 + clock.random() / 4);
  const nothing = { granted: false, entries: [], lastsMs: jittered, everyMs: jittered };
  try {
    const answer = await poster.post('/metrics/lease', { ...headers, 'HireFire-Process-ID': processId }, '');
    // 401: a token that nobody has any more; it may come back.
    if (answer.status === 401) return nothing;
    if (answer.status < 200 || answer.status > 299)
      throw new TypeError(`the lease got status ${answer.status}`);
    const seconds = (name: string, least: number): number =>
      clamped(answer.headers[name], least, 3_600) * 1_000;
    const granted = answer.headers['hirefire-lease-granted'] === 'true';
    return {
      granted,
      entries: granted ? entriesOf(answer.body, gauges) : [],
      lastsMs: seconds('hirefire-lease-ttl', 5),
      everyMs: seconds('hirefire-sample-frequency', 1),
    };
  } catch (problem) {
    failed(problem);
    return nothing;
  }
}

function clamped(header: unknown, least: number, most: number): number {
  const value = typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : secondsDefault;
  return Math.min(Math.max(value, least), most);
}

/** What of the plan has a meter here. */
function entriesOf(body: string, gauges: readonly Gauge[]): Entry[] {
  const plan = JSON.parse(body) as { job_queues?: unknown } | null;
  const wanted: readonly unknown[] = Array.isArray(plan?.job_queues) ? plan.job_queues : [];
  return wanted.slice(0, entryCountMaximum).flatMap((entry) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { name, strategy, options } = entry as Record<string, unknown>;
    const gauge = gauges.find((one) => one.name.toLowerCase() === String(name).toLowerCase());
    if (!gauge || (strategy !== 'jqs' && strategy !== 'jql')) return [];
    const skipWorking = (options as { skip_working?: unknown } | undefined)?.skip_working === true;
    return [{ gauge, strategy, skipWorking }];
  });
}

/** Samples now and every so often until it is ended; a round that takes longer than the pause delays the next. */
function sample({ clock, form, sampled }: LeaseOptions, { entries, everyMs }: Asked): () => void {
  let stopped = false;
  let cancel: () => void = () => undefined;
  const round = async (): Promise<void> => {
    const counts = await Promise.all(
      entries.map(async (entry) => ({ entry, count: await entry.gauge.read() })),
    );
    if (stopped) return;
    const second = Math.floor(clock.now() / 1_000);
    sampled(
      counts.flatMap(({ entry, count }) =>
        count ? [{ name: entry.gauge.name, second, metrics: metricsOf(form, entry, count) }] : [],
      ),
    );
    cancel = clock.after(everyMs, () => void round());
  };
  void round();
  return () => {
    stopped = true;
    cancel();
  };
}
