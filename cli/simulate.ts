/**
 * `headcount simulate`: plays a trace, a generated load or the recorded history of a manager through Headcount and through the
 * rules of others, and prints what each would have cost and whom it would have kept waiting.
 *
 * Headcount here is the decision that runs in production (simulate/replay.ts). The others run as shipped: their period, their
 * defaults, and what their platform does when it stops workers; --period and --victims put all on the same footing. A cost
 * is never printed without the share of late jobs beside it: whoever lets jobs wait is always cheap.
 */
import { writeFile } from 'node:fs/promises';
import { HeadcountError, unknownName } from '../server/errors.ts';
import { runApart } from '../simulate/apart.ts';
import { SimulateError } from '../simulate/errors.ts';
import { generate, generators } from '../simulate/generate.ts';
import type { Score } from '../simulate/ledger.ts';
import type { Optimum } from '../simulate/optimum.ts';
import { picture } from '../simulate/picture.ts';
import { rivals } from '../simulate/policies/registry.ts';
import {
  defaultWorld,
  type Policy,
  type PolicyKind,
  type VictimRule,
  type WorldOptions,
} from '../simulate/policy.ts';
import { createTrack, recorded, type Track } from '../simulate/recording.ts';
import {
  headcount,
  headcountCounts,
  headcountWeb,
  headcountWebWaits,
  webThreshold,
} from '../simulate/replay.ts';
import { readTrace, type Trace } from '../simulate/traces.ts';
import { runWorld } from '../simulate/world.ts';
import { readHistory } from './simulate/history.ts';
import { type Bound, optimumWhereCheap } from './simulate/optimum.ts';
import { asPng } from './simulate/png.ts';
import { createProgress, type Progress } from './simulate/progress.ts';
import { type QueueSpec, withQueues } from './simulate/queues.ts';
import { asJson, captionOf, report } from './simulate/report.ts';

export interface SimulateOptions {
  readonly trace?: string;
  readonly generate?: string;
  readonly history?: string;
  readonly goal: number;
  readonly boot: number;
  readonly slots: number;
  readonly service: number;
  readonly policy: string;
  readonly victims?: VictimRule;
  readonly period?: number;
  readonly minimum?: number;
  readonly maximum: number;
  readonly variation?: number;
  readonly queues?: readonly QueueSpec[];
  readonly apart?: boolean;
  readonly bootJitter?: number;
  readonly readingDelay?: number;
  readonly missing?: number;
  readonly refused?: number;
  /** Seconds of the unit that is billed; 0: to the second. */
  readonly billing?: number;
  readonly hours?: number;
  /** Arrivals of a made load in its quiet hours. */
  readonly perSecond?: number;
  readonly seed: number;
  readonly optimum?: boolean;
  readonly json?: boolean;
  readonly picture?: string;
  readonly url?: string;
  readonly config?: string;
  readonly data?: string;
}

export interface Played {
  readonly kind: PolicyKind;
  readonly world: WorldOptions;
  readonly score: Score;
  readonly track?: Track;
}

export interface Outcome {
  readonly trace: Trace;
  readonly options: SimulateOptions;
  readonly played: readonly Played[];
  readonly optimum?: Optimum;
  /** What a reader must know about these figures. */
  readonly notes: readonly string[];
}

export const policies: readonly PolicyKind[] = [
  headcount,
  headcountCounts,
  headcountWeb,
  headcountWebWaits,
  webThreshold,
  ...rivals,
];

const usualVariation = 1;

export async function simulate(options: SimulateOptions): Promise<number> {
  try {
    const kinds = kindsOf(options.policy);
    checkSize(options);
    checkPicture(options);
    const progress = createProgress();
    const { trace, notes } = await traceOf(options);
    const played = kinds.map((kind) => play(kind, trace, options, progress));
    const bound = await boundOf(trace, options, progress);
    progress.end();
    const outcome: Outcome = {
      trace,
      options,
      played,
      ...(bound.optimum && { optimum: bound.optimum }),
      notes: [...notes, ...(bound.note ? [bound.note] : [])],
    };
    console.log(options.json ? asJson(outcome) : report(outcome));
    if (options.picture !== undefined) await draw(options.picture, outcome);
    return 0;
  } catch (error) {
    if (!(error instanceof SimulateError)) throw error;
    process.stderr.write(`headcount: ${error.message}\n`);
    return 2;
  }
}

async function boundOf(trace: Trace, options: SimulateOptions, progress: Progress): Promise<Bound> {
  if (options.billing) return { note: 'The optimum is known for billing by the second only.' };
  return await optimumWhereCheap(trace, options, progress);
}

/** @throws HeadcountError OPTION_INVALID with the name that was meant */
export function kindsOf(names: string): PolicyKind[] {
  const known = policies.map(({ name }) => name);
  const wanted = [...new Set(names.split(',').map((name) => name.trim()))].filter((name) => name !== '');
  return (wanted.length > 0 ? wanted : ['headcount']).map((name) => {
    const kind = policies.find((each) => each.name === name);
    if (!kind) throw wrong(`The policy "${name}" cannot play`, unknownName('policy', name, known));
    return kind;
  });
}

/** The world numbers every slot of workers that exist, stop or will be started again in 16 bits. */
const mostSlots = 16_000;

function checkSize({ maximum, slots, apart, picture: file, queues }: SimulateOptions): void {
  if (apart && (file !== undefined || !queues))
    throw wrong(
      '--apart cannot be done',
      queues ? 'workers of several process types are in no one picture' : 'there is one queue only',
      queues ? 'Leave out --picture.' : 'Give --queues as well.',
    );
  if (maximum * slots > mostSlots)
    throw wrong(
      `${maximum} workers with ${slots} jobs at a time are too many to simulate`,
      `there can be ${mostSlots} at a time in all`,
      'Lower --maximum or --slots.',
    );
}

/** A name that promises another format would be a file that nothing opens. */
function checkPicture({ picture: file }: SimulateOptions): void {
  if (file !== undefined && /\.(jpe?g|gif|pdf|webp)$/i.test(file))
    throw wrong(
      `The picture ${file} cannot be drawn`,
      'pictures are drawn as SVG or PNG',
      `Name it ${file.replace(/\.\w+$/, '.svg')} or .png.`,
    );
}

interface Source {
  readonly trace: Trace;
  readonly notes: readonly string[];
}

async function traceOf(options: SimulateOptions): Promise<Source> {
  const { trace, history, generate: name, seed, hours } = options;
  const given = [trace, history, name].filter((source) => source !== undefined);
  if (given.length !== 1)
    throw wrong(
      'There must be one load to play',
      given.length === 0 ? 'none is given' : `${given.length} are given`,
      `Give one of --trace FILE, --history APP/MANAGER, --generate NAME (${generators.join(', ')}).`,
    );
  const variation = options.variation ?? usualVariation;
  const law = { meanSeconds: options.service, variation };
  const source =
    history !== undefined
      ? await readHistory(history, options)
      : { trace: trace === undefined ? made(name ?? '') : await readTrace(trace, law, seed), notes: [] };
  if (source.trace.arrivals.length === 0)
    throw wrong(`There is nothing in ${source.trace.name}`, 'it holds no job', 'Give another load.');
  if (!options.queues) return source;
  return { ...source, trace: withQueues(source.trace, options.queues, seed, variation) };

  function made(generator: string): Trace {
    if (!generators.includes(generator))
      throw wrong(
        `The load "${generator}" cannot be generated`,
        unknownName('generator', generator, generators),
      );
    return generate(generator, {
      seed,
      law,
      ...(hours !== undefined && { hours }),
      ...(options.perSecond !== undefined && { perSecond: options.perSecond }),
    });
  }
}

function play(kind: PolicyKind, trace: Trace, options: SimulateOptions, progress: Progress): Played {
  const victims = options.victims ?? kind.victims;
  const world: WorldOptions = {
    ...defaultWorld,
    slots: options.slots,
    bootSeconds: options.boot,
    goalSeconds: options.goal,
    periodSeconds: options.period ?? kind.periodSeconds,
    minimum: options.minimum ?? 0,
    maximum: options.maximum,
    victims,
    seed: options.seed,
    bootJitter: options.bootJitter ?? 0,
    readingDelaySeconds: options.readingDelay ?? 0,
    missingShare: options.missing ?? 0,
    refusedShare: options.refused ?? 0,
    // Where only the last worker can go, handing jobs to the first ones is what makes it idle.
    next: victims === 'suffix' ? 'lowest-index' : 'longest-idle',
  };
  const track = options.picture === undefined ? undefined : createTrack();
  const end = Math.max(1, trace.arrivals.at(-1) ?? 1);
  const seen = (now: number): void => progress.at(kind.name, Math.min(1, now / end));
  const create = (): Policy => recorded(kind.create(kind.settings, world), track, seen);
  const ledger = options.apart ? runApart(trace, create, world) : runWorld(trace, create(), world);
  const score = ledger.score({ unitSeconds: options.billing ?? 0 });
  return { kind, world, score, ...(track && { track }) };
}

async function draw(file: string, { trace, options, played, optimum }: Outcome): Promise<void> {
  const { goal, boot, slots, maximum } = options;
  const jobs = trace.arrivals.length.toLocaleString('en');
  const svg = picture({
    title: `${trace.name}: ${played.map(({ kind }) => kind.name).join(', ')}`,
    subtitle: `${jobs} jobs, goal ${goal} s, boot ${boot} s, ${slots} at a time per worker, at most ${maximum} workers`,
    trace,
    runs: played.flatMap((one) =>
      one.track ? [{ name: one.kind.name, caption: captionOf(one, optimum), track: one.track }] : [],
    ),
  });
  const png = /\.png$/i.test(file) ? await asPng(svg) : undefined;
  await writeFile(file, png?.bytes ?? svg).catch((error: NodeJS.ErrnoException) => {
    throw wrong(`The picture ${file} cannot be written`, error.message, 'Name another file with --picture.');
  });
  process.stderr.write(`The picture stands in ${file}.\n`);
  if (png?.readable === false)
    process.stderr.write(
      'It has no text: this machine has no font. Install one (apt-get install fonts-dejavu-core), or name it .svg.\n',
    );
}

function wrong(what: string, why: string, todo = 'Correct the name.'): HeadcountError {
  return new HeadcountError('OPTION_INVALID', what, why, todo);
}
