/**
 * The contract of a fleet: where the processes of one app run. It counts them and makes their number so.
 *
 * One fleet serves all process types of an app, because platforms scale them in one call. `scaleTo` is idempotent
 * and returns when the platform has accepted the numbers, not when the processes have booted or gone;
 * `count` shows that. Both reject with a HeadcountError (FLEET_FAILED) when the platform cannot be reached.
 */
import type { OptionSpec, Options } from '../decide/options.ts';
import type { Formation } from '../decide/words.ts';

export interface Fleet {
  readonly name: string;
  /** Every process of every type that the platform knows. */
  count(signal: AbortSignal): Promise<Formation>;
  /** Wanted number by process type; types that are not named are left alone. */
  scaleTo(desired: Readonly<Record<string, number>>, signal: AbortSignal): Promise<void>;
  /** Tells these processes to take no new jobs. Absent: the platform picks the victim and cannot tell it. */
  drain?(processes: readonly string[], signal: AbortSignal): Promise<void>;
  /** Money per process and second by process type. Absent: no money figures are shown. */
  cost?(signal: AbortSignal): Promise<Readonly<Record<string, number>>>;
  /** Stops what the controller started. Absent: there is nothing to stop. */
  close?(): Promise<void>;
}

export interface FleetSurroundings {
  readonly appName: string;
  readonly appToken: string;
  /** A folder that this fleet may write to; it survives a restart of the controller. */
  readonly folder: string;
  now(): number;
  /** A line that a process printed, or a word about its life. */
  log(process: string, line: string): void;
}

export interface FleetKind {
  readonly use: string;
  readonly title: string;
  readonly help: string;
  readonly options: readonly OptionSpec[];
  create(options: Options, surroundings: FleetSurroundings): Promise<Fleet>;
}
