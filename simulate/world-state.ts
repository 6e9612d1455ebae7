/** What changes while a world runs, and how it is before anything happened. */
import { createHeap, type Heap } from './heap.ts';
import type { Ledger } from './ledger.ts';
import { createLine, type Line } from './line.ts';
import type { WorldOptions } from './policy.ts';
import { type Random, seeded } from './random.ts';
import { type Tally, tallies } from './tally.ts';
import type { Trace } from './traces.ts';

/** Workers are numbered from 1; worker w has slots w*slots and on. */
export interface World {
  readonly options: WorldOptions;
  readonly trace: Trace;
  readonly ledger: Omit<Ledger, 'score'>;
  readonly random: Random;
  readonly state: Uint8Array;
  readonly generation: Int32Array;
  readonly since: Float64Array;
  readonly commandedAt: Float64Array;
  readonly busySlots: Int32Array;
  readonly runningJob: Int32Array;
  readonly runningSince: Float64Array;
  readonly boots: Heap;
  readonly completions: Heap;
  readonly kills: Heap;
  readonly free: Heap;
  readonly line: Line;
  /** One per queue. */
  readonly tallies: readonly Tally[];
  lateStarts: number;
  now: number;
  nextCheckup: number;
  freedCount: number;
  highest: number;
  workers: number;
  upCount: number;
  running: number;
  commanded: number;
}

export function createWorld(trace: Trace, options: WorldOptions, ledger: Omit<Ledger, 'score'>): World {
  const capacity = Math.max(options.maximum, options.initialWorkers) * 4 + 8;
  return {
    options,
    trace,
    ledger,
    random: seeded(options.seed),
    state: new Uint8Array(capacity),
    generation: new Int32Array(capacity),
    since: new Float64Array(capacity),
    commandedAt: new Float64Array(capacity),
    busySlots: new Int32Array(capacity),
    runningJob: new Int32Array(capacity * options.slots).fill(-1),
    runningSince: new Float64Array(capacity * options.slots),
    boots: createHeap(),
    completions: createHeap(),
    kills: createHeap(),
    free: createHeap(),
    line: createLine(trace),
    tallies: tallies(trace),
    lateStarts: 0,
    now: 0,
    nextCheckup: 0,
    freedCount: 0,
    highest: 0,
    workers: 0,
    upCount: 0,
    running: 0,
    commanded: options.initialWorkers,
  };
}
