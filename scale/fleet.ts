/**
 * The contract of a fleet: where the processes of one app run. It counts them and makes their number so.
 *
 * One fleet serves all process types of an app, because platforms scale them in one call. `scaleTo` is idempotent
 * and returns when the platform has accepted the numbers, not when the processes have booted or gone;
 * `count` shows that. Both reject with a HeadcountError (FLEET_FAILED) when the platform cannot be reached.
 */
import { HeadcountError } from '../decide/errors.ts';
import { nearest, type OptionSpec, type Options } from '../decide/options.ts';
import type { Formation, Leaving } from '../decide/words.ts';

export interface Fleet {
  readonly name: string;
  /** Every process of every type that the platform knows. */
  count(signal: AbortSignal): Promise<Formation>;
  /**
   * Wanted number by process type; types that are not named are left alone. Where a number falls and the fleet lets go
   * whom it is told (`leaving` is `named`), those in `first` go before others.
   */
  scaleTo(
    desired: Readonly<Record<string, number>>,
    signal: AbortSignal,
    first?: readonly string[],
  ): Promise<void>;
  /** Whom it lets go when a number falls. Absent: the platform chooses, and nobody knows whom. */
  readonly leaving?: Leaving;
  /**
   * Of each named type exactly these processes take no new jobs, the others take jobs; `count` shows who has heard it
   * (`quietSince`). Absent: the fleet cannot speak to its processes.
   */
  drain?(quiet: Readonly<Record<string, readonly string[]>>, signal: AbortSignal): Promise<void>;
  /** Money per process and second by process type. Absent: no money figures are shown. */
  cost?(signal: AbortSignal): Promise<Readonly<Record<string, number>>>;
  /** What its user should know, as sentences; asks nothing of the platform. Absent: there is never anything. */
  warnings?(): readonly string[];
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

/**
 * Checks the numbers that `scaleTo` was given, before anything is touched. `known` are the process types that the
 * platform has; absent means that it takes any.
 *
 * @throws HeadcountError PROCESS_TYPE_UNKNOWN, FLEET_FAILED
 */
export function checkDesired(
  fleet: string,
  desired: Readonly<Record<string, number>>,
  known: readonly string[] | undefined,
): void {
  for (const [type, count] of Object.entries(desired)) {
    if (known && !known.includes(type)) throw unknownProcessType(fleet, type, known);
    if (Number.isInteger(count) && count >= 0) continue;
    throw new HeadcountError(
      'FLEET_FAILED',
      `Fleet "${fleet}" was asked for ${count} processes of "${type}"`,
      'a number of processes is whole and not negative',
      'Please report this as a bug of the controller.',
    );
  }
}

function unknownProcessType(fleet: string, type: string, known: readonly string[]): HeadcountError {
  const near = nearest(type, known);
  return new HeadcountError(
    'PROCESS_TYPE_UNKNOWN',
    `Process type "${type}" is unknown to the fleet "${fleet}"`,
    known.length > 0 ? `it has ${known.map((name) => `"${name}"`).join(', ')}` : 'it has no process type',
    near ? `Did you mean "${near}"?` : 'Name one of these in the manager, or declare it where the app runs.',
  );
}
