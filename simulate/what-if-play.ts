/**
 * Plays one part of a recorded history under the settings of a manager, with the decision that runs in production. It plays in
 * pieces of some milliseconds and lets others work between them, since a controller has checkups to do.
 */
import type { Learned, Manager } from '../decide/words.ts';
import type { WorldOptions } from './policy.ts';
import { defaultWorld } from './policy.ts';
import { type Reader, readerOf } from './readings.ts';
import type { Stretch } from './recorded.ts';
import { replay } from './replay.ts';
import type { Trace } from './traces.ts';
import { createAccount, type Sums } from './what-if-sums.ts';
import { openWorld } from './world.ts';

export interface Pauses {
  /** Lets others work. */
  rest(): Promise<void>;
  /** Milliseconds of a clock that does not go back. */
  nowMs(): number;
  /** Between two rests. */
  readonly pieceMs: number;
  /** For all parts together. */
  readonly budgetMs: number;
  readonly signal: AbortSignal;
}

export interface Circumstances {
  readonly learned: Learned;
  /** Which members of a reading of jobs the meters tell; the others are kept from the rules. */
  readonly tells: readonly string[];
  /** Waits of which is asked who kept them, in seconds. */
  readonly goalsSeconds: readonly number[];
  /** Between two checkups. */
  readonly periodSeconds: number;
  /** Only the highest process may go, or any that is idle. */
  readonly leaving: 'highest' | 'named';
}

export interface Part {
  readonly stretch: Stretch;
  readonly trace: Trace;
}

/** Nothing when `endsMs` came first. @throws the reason of the signal, when it is aborted */
export async function play(
  { stretch, trace }: Part,
  manager: Manager,
  given: Circumstances,
  pauses: Pauses,
  endsMs: number,
): Promise<Sums | undefined> {
  const start = stretch[0];
  if (!start) return undefined;
  const account = createAccount(trace, given.goalsSeconds);
  const policy = replay(defaultWorld, {
    manager: { ...withoutOverrides(manager), paused: false },
    learned: knownThen(given.learned),
    startsAt: start.at,
    reader: telling(readerOf(given.tells.includes('ages') ? 'full' : 'counts', start.at), given.tells),
    onDecision: (decision, _view, seen) => account.decided(decision, seen.workers),
  });
  const world: Partial<WorldOptions> = {
    ...worldOf(given, manager),
    initialWorkers: Math.min(Math.round(start.current), manager.maximum),
    endsAt: ((stretch.at(-1) ?? start).at - start.at) / 1000,
  };
  const run = openWorld(trace, policy, world, account.ledger);
  for (;;) {
    const since = pauses.nowMs();
    if (run.advance(() => pauses.nowMs() - since >= pauses.pieceMs)) break;
    await pauses.rest();
    pauses.signal.throwIfAborted();
    if (pauses.nowMs() >= endsMs) return undefined;
  }
  run.close();
  return account.sums();
}

/**
 * A hold, a pause and a dry run are somebody's word about today. What a budget had spent by then is not recorded, and without it a
 * budget would never let more run than it pays for all month.
 */
function withoutOverrides({ hold: _, dryRun: __, ...manager }: Manager): Manager {
  return { ...manager, limits: manager.limits.filter(({ use }) => use !== unplayed) };
}

export const unplayed = 'budget';

/** When jobs came is learned anew: what is known of that today lay in the future then. */
function knownThen({ arrivals: _, knownSince: __, ...learned }: Learned): Learned {
  return learned;
}

function worldOf(
  { learned, periodSeconds, leaving }: Circumstances,
  manager: Manager,
): Partial<WorldOptions> {
  return {
    slots: slotsOf(learned),
    bootSeconds: learned.bootSeconds.value,
    bootJitter: jitterOf(learned),
    periodSeconds,
    victims: leaving === 'named' ? 'free' : 'suffix',
    // Where only the last worker can go, handing jobs to the first ones is what makes it idle.
    next: leaving === 'named' ? 'longest-idle' : 'lowest-index',
    maximum: manager.maximum,
  };
}

/** Boots of one length end in step with checkups, which then see every worker at its busiest. */
const leastJitter = 0.1;

/** Nine of ten of an even law lie within eight tenths of its width above the mean. */
function jitterOf({ bootSeconds, bootSpread }: Learned): number {
  const jitter = (bootSpread?.value ?? 0) / (0.8 * Math.max(0.05, bootSeconds.value));
  return Math.max(leastJitter, Math.min(0.9, jitter));
}

export function slotsOf({ concurrency }: Learned): number {
  return Math.max(1, Math.round(concurrency.value));
}

const always = ['kind', 'queue', 'at', 'waiting'];

/** Rules may see no more than the real meters tell them. */
function telling(read: Reader, tells: readonly string[]): Reader {
  const isHidden = (name: string): boolean => !always.includes(name) && !tells.includes(name);
  return (seen) =>
    read(seen).map((reading) => {
      const told = { ...reading };
      for (const name of Object.keys(told)) if (isHidden(name)) Reflect.deleteProperty(told, name);
      return told;
    });
}
