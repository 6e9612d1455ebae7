/**
 * The contract of a meter: it reads how much work there is, and never decides.
 *
 * A meter answers with readings. What it cannot know it leaves out; when it cannot look at all it answers with an
 * `unknown` reading that says why. It never answers zero because something failed, and never rejects but when
 * the signal was aborted.
 */
import type { OptionSpec, Options } from '../decide/options.ts';
import type { Reading } from '../decide/words.ts';
import type { Call } from './call.ts';
import type { PlanEntry } from './inbox/lease.ts';
import type { AppInbox } from './inbox/memory.ts';
import type { FetchInfo } from './info.ts';
import type { SendAgain } from './send-again.ts';
import type { TasksSeen } from './task-events.ts';
import type { Workers } from './workers.ts';

export interface Meter {
  readonly name: string;
  /** One look. Ends within 100 ms of an abort. */
  read(signal: AbortSignal): Promise<Reading[]>;
  /** Absent: there is nothing to close. */
  close?(): Promise<void>;
  /** The workers behind the numbers, to be told to take no new jobs. Absent: this source cannot reach them. */
  readonly workers?: Workers;
  /** Sends failed tasks once more. Absent: this source cannot send. */
  readonly again?: SendAgain;
  /** What happened to single tasks since the last time it was asked. Absent: this source does not tell. */
  tasks?(): TasksSeen;
}

/** What the controller lends to a meter beside its options. */
export interface MeterSurroundings {
  /** The app's base address, where it has one: `https://music.example.com`. */
  readonly appUrl?: string;
  readonly appToken: string;
  /** The process type of the manager that this meter serves. */
  readonly processType: string;
  /** What the app pushed to us. Absent: nothing can be pushed where this meter runs. */
  readonly inbox?: AppInbox;
  /** Asks the app's info endpoint, once for all who ask at the same time. Absent: everybody asks for himself. */
  readonly poll?: FetchInfo;
  /** Calls only where the controller lets addresses lead that people entered. Absent: everywhere. */
  readonly call?: Call;
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

/** An adapter: one file in this folder, one test, one page in docs/meters/, one line in registry.ts. */
export interface MeterKind {
  /** As the file is named: `celery-redis`. */
  readonly use: string;
  readonly title: string;
  readonly help: string;
  readonly options: readonly OptionSpec[];
  /** What an agent in the app is to sample for this meter. Absent: nothing. */
  plan?(options: Options, processType: string): PlanEntry;
  create(options: Options, surroundings: MeterSurroundings): Meter;
}
