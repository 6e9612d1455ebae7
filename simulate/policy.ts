/** What a policy sees and answers, and the rules of the world that it plays in. */

/**
 * Whom the platform stops. `kill`: the highest index, busy or not, SIGKILL after the grace time (Heroku as it is).
 * `suffix`: the highest index, and only while it is idle (Heroku, lowered only so far). `free`: any idle worker.
 */
export type VictimRule = 'kill' | 'suffix' | 'free';

export interface WorldOptions {
  readonly slots: number;
  readonly bootSeconds: number;
  /** A boot takes a uniform 1 - jitter to 1 + jitter of its time. */
  readonly bootJitter: number;
  readonly periodSeconds: number;
  readonly goalSeconds: number;
  readonly victims: VictimRule;
  readonly graceSeconds: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Which free worker takes the next job. */
  readonly next: 'longest-idle' | 'lowest-index';
  /** Share of scale calls that the platform refuses. */
  readonly refusedShare: number;
  readonly seed: number;
  /** What a checkup sees was so this long ago. */
  readonly readingDelaySeconds: number;
  /** Share of checkups whose reading is lost. */
  readonly missingShare: number;
  /** From the order to stop to the exit of an idle worker; billed. */
  readonly stopSeconds: number;
  /** Workers that are up from the start; they are no starts. */
  readonly initialWorkers: number;
  /** It ends at this second, whatever is left to do. Absent: when all jobs are done. */
  readonly endsAt?: number;
}

export const defaultWorld: WorldOptions = {
  slots: 1,
  bootSeconds: 10,
  bootJitter: 0,
  periodSeconds: 5,
  goalSeconds: 30,
  victims: 'free',
  graceSeconds: 30,
  minimum: 0,
  maximum: 500,
  next: 'longest-idle',
  refusedShare: 0,
  seed: 1,
  readingDelaySeconds: 0,
  missingShare: 0,
  stopSeconds: 0,
  initialWorkers: 0,
};

export type WorkerState = 'booting' | 'up' | 'draining';

/** What a meter tells of one queue, or of all. Totals only grow. */
export interface Counts {
  readonly waiting: number;
  readonly running: number;
  /** Seconds; 0 when nothing waits. */
  readonly oldestSeconds: number;
  readonly startedTotal: number;
  readonly finishedTotal: number;
  readonly busySecondsTotal: number;
  /** Arrival times of the waiting jobs, oldest first: one call of `visit` each. */
  eachWaiting(visit: (arrivedAt: number) => void): void;
  eachRunning(visit: (startedAt: number) => void): void;
  /** Waits of the jobs that started since the last checkup, at most a thousand. */
  readonly startedWaits: readonly number[];
  /** Service seconds of the jobs that finished since the last checkup, at most a thousand. */
  readonly finishedSeconds: readonly number[];
}

export interface QueueCounts extends Counts {
  readonly name: string;
}

/** What a policy may see at a checkup: nothing about a job that has not finished but when it came and started. */
export interface Observation extends Counts {
  readonly now: number;
  /** When it was so; earlier than `now` where readings come late. */
  readonly readAt: number;
  /** The reading of this checkup was lost: what it says is the one before. */
  readonly missing?: true;
  /** Present where the trace has queues. */
  readonly queues?: readonly QueueCounts[];
  /** Workers that are neither draining nor gone, the booting ones included. */
  readonly workers: number;
  readonly up: number;
  readonly slots: number;
  eachWorker(visit: (index: number, state: WorkerState, since: number, busySlots: number) => void): void;
  /** Of the jobs that started since the last checkup, those whose wait was over the goal. */
  readonly lateStarts: number;
}

/** Answers how many workers there should be. */
export type Policy = (seen: Observation) => number;

/** A rival's rule, or ours, as the tables name it. One file each in policies/. */
export interface PolicyKind {
  readonly name: string;
  readonly title: string;
  /** Where the formula and the defaults come from. */
  readonly source: string;
  /** How often it looks, as shipped. */
  readonly periodSeconds: number;
  /** What its platform does on scale-in, as shipped. */
  readonly victims: VictimRule;
  /** Its settings with their shipped defaults; where a user must set one, ours is marked in the title. */
  readonly settings: Readonly<Record<string, number>>;
  create(settings: Readonly<Record<string, number>>, world: WorldOptions): Policy;
}
