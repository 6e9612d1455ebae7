/**
 * What would recorded times have looked like under other settings? The recorded work is played twice through the simulator, as
 * the manager is set and as it would be; both begin each stretch with the processes that were recorded there.
 *
 * The newest part is played first, under both settings, then the one before. When the time is over, what is answered covers
 * the newest parts whole, and says which. A worker thread was rejected: it would have to load the program a second time, from
 * sources here and from built files there, for a question that is asked now and then.
 */
import type { Learned, Manager } from '../decide/words.ts';
import { seeded } from './random.ts';
import { partsOf, type RecordedPoint, type Stretch, secondsOf, stretchesOf, traceOf } from './recorded.ts';
import { type Circumstances, type Pauses, play, slotsOf } from './what-if-play.ts';
import { createSteps, type Step } from './what-if-steps.ts';
import { percentile, type Sums, together } from './what-if-sums.ts';
import { type Recorded, recordedOf, type Service, type Trust, trustOf } from './what-if-trust.ts';

export interface WhatIfAsked extends Circumstances {
  /** Oldest first. */
  readonly points: readonly RecordedPoint[];
  readonly present: Manager;
  readonly changed: Manager;
}

export interface Outcome {
  readonly jobs: number;
  readonly processHours: number;
  /** Of all jobs, by goal. */
  readonly withinGoals: readonly number[];
  readonly p95Seconds: number;
  readonly longestSeconds: number;
  readonly mostProcesses: number;
  readonly changes: number;
}

export type WhatIfAnswer =
  | { readonly kind: 'nothing'; readonly why: string }
  | {
      readonly kind: 'played';
      readonly from: number;
      readonly to: number;
      readonly playedSeconds: number;
      /** Between the two, and not played since it was not known. */
      readonly unknownSeconds: number;
      readonly recorded: Recorded;
      readonly present: Outcome;
      readonly changed: Outcome;
      readonly stepSeconds: number;
      readonly steps: readonly Step[];
      readonly trust: Trust;
      /** How it was estimated and what that cannot know, as sentences. */
      readonly notes: readonly string[];
    };

export const leastSeconds = 30 * 60;
const dayMs = 24 * 3_600_000;
/** More in one part would keep the controller from its work while they are made. */
const mostJobs = 200_000;
/** Two points may be an upload of a million; a part with more is left out. */
const mostInPart = 1_000_000;
/** The world numbers every slot of workers that exist, stop or will be started again in 16 bits. */
const mostSlots = 16_000;

/** @throws the reason of the signal, when it is aborted */
export async function whatIf(asked: WhatIfAsked, pauses: Pauses): Promise<WhatIfAnswer> {
  const service = serviceOf(asked);
  if (!service) return nothing(noService);
  const slots = slotsOf(asked.learned);
  const stretches = stretchesOf(asked.points, slots);
  const knownSeconds = stretches.reduce((sum, stretch) => sum + secondsOf(stretch), 0);
  if (knownSeconds < leastSeconds) return nothing(tooLittle(knownSeconds));
  if (Math.max(asked.present.maximum, asked.changed.maximum) * slots > mostSlots)
    return nothing(
      `the maximum allows more than ${mostSlots} jobs at a time, which is the most that can be simulated`,
    );
  const games = await playAll(asked, stretches, service, pauses);
  if (games.length === 0) return nothing('there is too much recorded work to play it in some seconds');
  return answerOf(asked, service, games, knownSeconds);
}

interface Game {
  readonly stretch: Stretch;
  readonly present: Sums;
  readonly changed: Sums;
}

/** Newest first, as far as the time reaches. */
async function playAll(
  asked: WhatIfAsked,
  stretches: readonly Stretch[],
  service: Service,
  pauses: Pauses,
): Promise<Game[]> {
  const endsMs = pauses.nowMs() + pauses.budgetMs;
  const parts = stretches.flatMap((stretch) => partsOf(stretch, service.meanSeconds, dayMs, mostJobs));
  const games: Game[] = [];
  for (const [place, stretch] of parts.reverse().entries()) {
    const random = seeded(place + 1);
    const making = traceOf(stretch, service.meanSeconds, random, drawing(service, random), mostInPart);
    const trace = await made(making, pauses);
    if (!trace) continue;
    const part = { stretch, trace };
    const present = await play(part, asked.present, asked, pauses, endsMs);
    const changed = present && (await play(part, asked.changed, asked, pauses, endsMs));
    if (!changed) break;
    games.push({ stretch, present, changed });
  }
  return games;
}

async function made<T>(
  making: Generator<undefined, T>,
  { nowMs, pieceMs, rest, signal }: Pauses,
): Promise<T> {
  let since = nowMs();
  for (;;) {
    const { done, value } = making.next();
    if (done) return value;
    if (nowMs() - since < pieceMs) continue;
    await rest();
    signal.throwIfAborted();
    since = nowMs();
  }
}

/** Times of single jobs where they were seen, else a lognormal law; either has the mean that the arrivals were made with. */
function drawing({ meanSeconds, sample }: Service, random: ReturnType<typeof seeded>): () => number {
  const mean = sample.reduce((sum, seconds) => sum + seconds, 0) / Math.max(1, sample.length);
  if (!(mean > 0)) return () => random.lognormal(meanSeconds, 1);
  return () => ((sample[Math.floor(random.next() * sample.length)] ?? mean) * meanSeconds) / mean;
}

function serviceOf({ present, learned }: { present: Manager; learned: Learned }): Service | undefined {
  const set = present.rules.map(({ options }) => Number(options.serviceSeconds)).find((given) => given > 0);
  const { value, observations } = learned.serviceSeconds;
  const sample = learned.services?.seconds ?? [];
  if (set !== undefined) return { meanSeconds: set, from: 'set', observations, sample };
  return observations > 0 ? { meanSeconds: value, from: 'learned', observations, sample } : undefined;
}

function answerOf(
  asked: WhatIfAsked,
  service: Service,
  games: readonly Game[],
  knownSeconds: number,
): WhatIfAnswer {
  const present = together(games.map((game) => game.present));
  const changed = together(games.map((game) => game.changed));
  const blind = [present, changed].find(({ unknown, checkups }) => unknown > checkups / 2);
  if (blind)
    return nothing(
      `from readings of jobs, which are what is recorded, the rules cannot decide (${blind.refusal ?? 'they do not say why'})`,
    );
  const stretches = games.map(({ stretch }) => stretch);
  const from = Math.min(...stretches.map((stretch) => stretch[0]?.at ?? Number.POSITIVE_INFINITY));
  const to = Math.max(...stretches.map((stretch) => stretch.at(-1)?.at ?? 0));
  const playedSeconds = stretches.reduce((sum, stretch) => sum + secondsOf(stretch), 0);
  const recorded = recordedOf(stretches);
  return {
    kind: 'played',
    from,
    to,
    playedSeconds,
    unknownSeconds: Math.max(0, (to - from) / 1000 - playedSeconds),
    recorded,
    present: outcomeOf(present),
    changed: outcomeOf(changed),
    ...createSteps({ from, to, present: present.desired, changed: changed.desired, stretches }),
    ...trustOf({
      asked,
      service,
      stretches,
      recorded,
      presentHours: present.processSeconds / 3_600,
      knownSeconds,
      playedSeconds,
    }),
  };
}

function outcomeOf(sums: Sums): Outcome {
  return {
    jobs: sums.jobs,
    processHours: sums.processSeconds / 3_600,
    withinGoals: sums.late.map((late) => 1 - late / Math.max(1, sums.jobs)),
    p95Seconds: percentile(sums, 0.95),
    longestSeconds: sums.longestSeconds,
    mostProcesses: sums.mostProcesses,
    changes: sums.changes,
  };
}

function nothing(why: string): WhatIfAnswer {
  return { kind: 'nothing', why };
}

const noService =
  'how long a job takes is not known yet, so nobody can tell what the running processes finished: it is learned while jobs run, or set as "Time per job" of the rule';

function tooLittle(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `there are ${minutes} minutes of readings that tell what waited, and at least ${leastSeconds / 60} are needed`;
}
