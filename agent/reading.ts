/**
 * What a meter says, in the words of the controller (decide/words.ts, measure/meter.ts): a test holds the two to each other. They are written
 * down a second time because this package ships alone; importing the controller's types would put a path into the published
 * declarations that leads nowhere.
 *
 * A process type may have the shortest meter that does, a function that answers a number, or one that answers counts, or
 * a full meter, be it one of ours or one of the controller. All become a `Count` here, and what is no count is an error with a reason.
 */

/** Jobs of one queue. An absent member means: this source cannot know. */
export interface JobCounts {
  /** Could start now and have not. */
  readonly waiting: number;
  /** Being worked on. */
  readonly running?: number;
  /** Due in the future: not work now. */
  readonly later?: number;
  /** Age of the oldest waiting job, in seconds; 0 when none waits. */
  readonly oldestSeconds?: number;
}

export interface JobsReading extends JobCounts {
  readonly kind: 'jobs';
  readonly queue: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Total concurrency of the live workers on this queue. */
  readonly slots?: number;
  /** True where a number was sampled, not counted. */
  readonly estimated?: boolean;
}

export interface UnknownReading {
  readonly kind: 'unknown';
  readonly at: number;
  /** A clause: "the connection was refused". */
  readonly why: string;
}

export type Reading = JobsReading | UnknownReading;

/** What any meter may read; of the kinds that count no jobs only what is used here. */
export type AnyReading =
  | Reading
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'requests' };

/** The meters of this package; each fits where the controller wants one. */
export interface Meter {
  readonly name: string;
  /** One look, a reading for each queue. What fails is an unknown reading; rejects only with the signal's reason. */
  read(signal: AbortSignal): Promise<Reading[]>;
  close?(): Promise<void>;
}

/** A meter of ours or of the controller. */
export interface AnyMeter {
  read(signal: AbortSignal): Promise<readonly AnyReading[]>;
}

/** One process type now. `value` is what HireFire's libraries would answer for it: jobs that wait and jobs that run. */
export interface Count extends Partial<JobCounts> {
  readonly value: number;
}

/** @throws TypeError with the reason when nothing can be said */
export function countOf(answer: unknown): Count {
  if (typeof answer === 'number') return { value: counted(answer, 'the meter answered') };
  if (Array.isArray(answer)) return countOfReadings(answer as readonly AnyReading[]);
  if (typeof answer === 'object' && answer !== null && 'waiting' in answer)
    return countOfJobs([answer as JobCounts]);
  throw new TypeError(`the meter answered ${typeof answer}, not a finite number and no counts of jobs`);
}

function countOfReadings(readings: readonly AnyReading[]): Count {
  const unknown = readings.find((reading) => reading.kind === 'unknown');
  if (unknown) throw new TypeError(unknown.why);
  const jobs = readings.filter((reading) => reading.kind === 'jobs');
  const [value, ...others] = readings.filter((reading) => reading.kind === 'value');
  if (value && others.length === 0 && jobs.length === 0) return countOf(value.value);
  if (jobs.length === 0 || jobs.length < readings.length)
    throw new TypeError('the meter read no jobs and no single value');
  return countOfJobs(jobs);
}

/** Queues of one process type together. What one of them cannot know is not known of the sum. */
function countOfJobs(queues: readonly JobCounts[]): Count {
  const total = (
    name: keyof JobCounts,
    combine: (values: readonly number[]) => number,
  ): number | undefined => {
    const values = queues.map((queue) => queue[name]);
    if (values.some((value) => value === undefined || value === null)) return undefined;
    return combine(values.map((value) => counted(value, `${name} is`)));
  };
  const waiting = counted(total('waiting', sum), 'waiting is');
  const running = total('running', sum);
  const later = total('later', sum);
  const oldestSeconds = total('oldestSeconds', (values) => Math.max(...values));
  return {
    value: waiting + (running ?? 0),
    waiting,
    ...(running === undefined ? {} : { running }),
    ...(later === undefined ? {} : { later }),
    ...(oldestSeconds === undefined ? {} : { oldestSeconds }),
  };
}

function counted(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw new TypeError(
    `${what} ${typeof value === 'number' ? value : typeof value}, not a finite number from 0`,
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
