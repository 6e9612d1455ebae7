/**
 * The words of Headcount, one per thing. Everything else points here; this folder points nowhere.
 *
 *   app           what a team deploys. It has one secret token
 *   process type  a named kind of process, as in a Procfile: `web`, `worker`, `mailer`
 *   process       one running instance of a process type: `worker.3`
 *   formation     which processes of each type exist now (Heroku's word)
 *   manager       the rules for one process type: its meters, rules, limits and bounds (HireFire's word)
 *   meter         reads how much work there is. It never decides
 *   reading       what a meter saw at one moment: numbers with their units, or *unknown* with the reason.
 *                 Unknown is never zero
 *   rule          turns readings into a wanted count, with a reason
 *   limit         changes a wanted count (bounds, step, cooldown, hold on unknown, ...), with a reason
 *   decision      current, desired, and every reason in order
 *   view          all that a decision may look at: readings, processes, earlier decisions, what was learned
 *   learned       service time, boot time and concurrency, estimated from the manager's own history
 *   fleet         where processes run; can be counted, scaled and, where the platform allows, drained
 *   drain         tell a worker to take no new jobs, and wait until it is idle, before it is stopped
 *   checkup       one pass of measure -> decide -> scale -> record over an app
 *
 * Times named `at`, `since` and `until` are milliseconds since the Unix epoch. Durations carry their unit.
 */

/** Jobs in one queue at one moment. An absent member means: this source cannot know it. */
export interface JobsReading {
  readonly kind: 'jobs';
  readonly queue: string;
  readonly at: number;
  /** Jobs that could start now and have not. */
  readonly waiting: number;
  /** Jobs being worked on. */
  readonly running?: number;
  /** Jobs due in the future (ETA, countdown, retry): not work now. */
  readonly later?: number;
  /** Age of the oldest waiting job, in seconds. */
  readonly oldestSeconds?: number;
  /** Total concurrency of the live workers on this queue. */
  readonly slots?: number;
  /** Jobs started since the counter began; it only grows, and a fall means that it began anew. */
  readonly startedTotal?: number;
  /** Jobs finished since the counter began, with or without success. */
  readonly finishedTotal?: number;
  /** Of the finished jobs, those that ended in an error. */
  readonly failedTotal?: number;
  /** Seconds that slots spent working on finished jobs, summed; with `finishedTotal` it gives the service time. */
  readonly busySecondsTotal?: number;
  /** The waiting jobs by age, the oldest first; together they are `waiting`. */
  readonly ages?: Groups;
  /** The running jobs by the seconds that they have run. */
  readonly runningSeconds?: Groups;
  /** Jobs that started and jobs that finished lately. */
  readonly recent?: RecentJobs;
  /** True where a number was sampled or inferred, not counted. */
  readonly estimated?: boolean;
}

/** Jobs by a time: pairs of seconds (the longest of the group) and jobs. At most 64 pairs, so that a reading stays small. */
export type Groups = readonly (readonly [seconds: number, jobs: number])[];

/** What happened to single jobs after `since` (milliseconds) and until the reading. */
export interface RecentJobs {
  readonly since: number;
  /** How long those that started had waited. */
  readonly startedWaits?: Groups;
  /** How long those that finished had run. */
  readonly finishedSeconds?: Groups;
}

/** Requests at the web processes over the last second or so. */
export interface RequestsReading {
  readonly kind: 'requests';
  readonly at: number;
  readonly perSecond: number;
  /** Pairs of upper bound (ms) and count. */
  readonly queueTimeMs?: Histogram;
  readonly responseTimeMs?: Histogram;
  /** Of `responseTimeMs` those that were answered without an error of the server. Absent: not known which. */
  readonly answeredWellMs?: Histogram;
  /** Requests that got such an error, or no answer, in the time that the histograms cover. Comes with `answeredWellMs`. */
  readonly failedCount?: number;
  /** Share of the web processes' capacity that is in use, 0 to 1. */
  readonly busy?: number;
}

export type Histogram = readonly (readonly [upToMs: number, count: number])[];

/** Any other number: CPU, a metric of the app's own, an answer of an info endpoint. */
export interface ValueReading {
  readonly kind: 'value';
  readonly name: string;
  readonly at: number;
  readonly value: number;
  readonly unit?: string;
}

/** A meter looked and could not tell. Never counts as zero. */
export interface UnknownReading {
  readonly kind: 'unknown';
  readonly at: number;
  /** What happened, as a clause: "Redis at 127.0.0.1:6379 refused the connection". */
  readonly why: string;
}

export type Reading = JobsReading | RequestsReading | ValueReading | UnknownReading;

/** What the meters of one manager saw in one checkup. `at` is when the checkup measured. */
export interface Sample {
  readonly at: number;
  readonly readings: readonly Reading[];
}

export type ProcessState = 'starting' | 'up' | 'stopping' | 'crashed';

export interface Process {
  /** `worker.3`: the process type and an index that no other live process of the type has. */
  readonly name: string;
  readonly state: ProcessState;
  /** When it entered that state. */
  readonly since: number;
  /** True when it works on a job, false when it is idle, absent when nobody knows. */
  readonly busy?: boolean;
  /** Since when it takes no new jobs, because it is to go. Absent: it takes jobs. */
  readonly quietSince?: number;
  /** Jobs in its hands, running or reserved. Absent: nobody knows. */
  readonly jobs?: number;
  /** Why it cannot be told to take no new jobs, as a clause. Absent: it can, or nobody tried. */
  readonly deaf?: string;
}

/** Whom a fleet lets go when the number falls: always the highest numbers, or those that it is told. */
export type Leaving = 'highest' | 'named';

/** Every process of every type of an app. A type that is declared and has no process maps to an empty list. */
export type Formation = Readonly<Record<string, readonly Process[]>>;

/** A learned number with how many observations stand behind it; 0 observations means it is the default. */
export interface Estimate {
  readonly value: number;
  readonly observations: number;
}

/** What a manager learned from its own history. */
export interface Learned {
  /** Mean seconds that one job occupies one slot. */
  readonly serviceSeconds: Estimate;
  /** Seconds from the start of a process to its first capacity. */
  readonly bootSeconds: Estimate;
  /** Jobs that one process works on at a time. */
  readonly concurrency: Estimate;
  /** Nine of ten boots take at most so many seconds more than `bootSeconds`. Absent: not known. */
  readonly bootSpread?: Estimate;
  /** Service times of single jobs, where a source gives them. */
  readonly services?: ServiceSample;
  /** When jobs came, for a forecast. */
  readonly arrivals?: ArrivalHistory;
  /**
   * How far the plan can be trusted, -1 to 1: it falls with each late job and rises with each punctual one. Absent: no job
   * was seen to start yet.
   */
  readonly trust?: number;
  /** When the first job was seen to finish, in milliseconds. Absent: not yet. */
  readonly knownSince?: number;
}

/** Service times that stand for all: few enough to be kept with the manager (about 2.5 KB as JSON). */
export interface ServiceSample {
  /** Ascending, at most 400, four digits each. */
  readonly seconds: readonly number[];
  /** How many jobs it was drawn from. */
  readonly seen: number;
}

/** When jobs came (at most about 4 KB as JSON). `index` counts minutes or hours since the Unix epoch. */
export interface ArrivalHistory {
  readonly minute: { readonly index: number; readonly jobs: number; readonly seconds: number };
  readonly hour: { readonly index: number; readonly jobs: number; readonly seconds: number };
  /** Jobs in each of the last 180 minutes before the present one, oldest first; null: nobody watched. */
  readonly minutes: readonly (number | null)[];
  /** Jobs per second in each of the last 336 hours before the present one. */
  readonly hours: readonly (number | null)[];
}

/** All that a decision may look at. */
export interface View {
  /** Oldest first; the last one is the newest. Bounded by the caller to the last 15 minutes. */
  readonly samples: readonly Sample[];
  /** The processes of this manager's type. */
  readonly processes: readonly Process[];
  /** Oldest first, bounded by the caller to the last hour. */
  readonly decisions: readonly Decision[];
  readonly learned: Learned;
  /** What this process type has used so far in this calendar month (UTC). Absent: nobody knows. */
  readonly used?: Used;
  /** Who goes when the number falls. Absent: nobody can tell the processes to take no new jobs before they go. */
  readonly leaving?: Leaving;
}

export interface Used {
  /** From when on it is known; later than the first of the month where nobody looked before. */
  readonly since: number;
  /** Processes times the seconds that they existed. */
  readonly processSeconds: number;
}

/** What a rule asks for. */
export interface Wanted {
  readonly count: number;
  /** A clause with its numbers: "120 waiting, oldest 18 s, goal 30 s: ..." */
  readonly reason: string;
}

export interface Rule {
  want(view: View, now: number): Wanted | Refusal;
}

/** A rule that cannot tell from these readings. The count then never falls. */
export interface Refusal {
  readonly unknown: string;
}

/** What a limit makes of a count; without `reason` the count is unchanged. */
export interface Limited {
  readonly count: number;
  readonly reason?: string;
}

export interface Limit {
  apply(count: number, view: View, now: number): Limited;
  /** What takes the place of the manager's own minimum and maximum at this moment. Absent: they stay. */
  boundsAt?(now: number): Partial<Pick<Manager, 'minimum' | 'maximum'>>;
}

/** One step on the way to the desired count. */
export interface Reason {
  /** The rule or limit that speaks: `wait-goal`, `bounds`. */
  readonly by: string;
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export interface Decision {
  readonly at: number;
  /** Processes that exist and are not stopping, at the moment of the decision. */
  readonly current: number;
  readonly desired: number;
  readonly reasons: readonly Reason[];
  /** True when any reading was unknown or a rule refused. */
  readonly unknown: boolean;
}

/** A person's override: keep `count` until `until` (for ever when absent). */
export interface Hold {
  readonly count: number;
  readonly until?: number;
  readonly by?: string;
}

/** One configured rule, limit or meter: which adapter, and its options by name. */
export interface Choice {
  readonly use: string;
  readonly options: Readonly<Record<string, OptionValue>>;
}

export type OptionValue = string | number | boolean;

/** The rules for one process type, as data; `decide` turns them into rules and limits. */
export interface Manager {
  readonly processType: string;
  readonly rules: readonly Choice[];
  readonly limits: readonly Choice[];
  /** How the rules' counts become one: a formula over their names (combine.ts). Absent: the largest. */
  readonly combine?: string;
  readonly minimum: number;
  readonly maximum: number;
  /** A paused manager measures and records, and changes nothing. */
  readonly paused: boolean;
  /** It decides and records what it would do, and changes nothing. Absent: false. */
  readonly dryRun?: boolean;
  readonly hold?: Hold;
}
