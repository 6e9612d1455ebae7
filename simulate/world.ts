/**
 * A world of jobs, workers and a platform, driven by events on a virtual clock. A policy looks at it every period and answers
 * how many workers it wants; everything else (who takes which job, who is stopped, what is billed) happens here, alike for
 * every policy.
 *
 * Jobs stand in a queue in order of arrival, which is the order of the trace, so the queue is a pointer into it and costs
 * nothing; jobs that a kill brought back are a short list before it. A free slot takes the next job at once. Slots that
 * wait are kept in a heap: by the time they became free (Redis serves whoever has waited longest) or by the index of their
 * worker. Entries of workers that are gone are recognised by a generation number and dropped when they come up.
 *
 * Rejected: a fixed step of a second, which gives every wait an error of half a step and costs the same.
 */
import { createHeap, type Heap } from './heap.ts';
import { createLedger, type Ledger } from './ledger.ts';
import {
  defaultWorld,
  type Observation,
  type Policy,
  type WorkerState,
  type WorldOptions,
} from './policy.ts';
import { type Random, seeded } from './random.ts';
import { indexAfter } from './search.ts';
import type { Trace } from './traces.ts';

const none = 0;
const booting = 1;
const up = 2;
const draining = 3;
const stateNames: readonly (WorkerState | undefined)[] = [undefined, 'booting', 'up', 'draining'];
const generationStep = 65_536;

/** Runs a whole trace and answers what it cost and who waited. */
export function runWorld(trace: Trace, policy: Policy, given: Partial<WorldOptions> = {}): Ledger {
  const world = createWorld(trace, { ...defaultWorld, ...given });
  const giveUp = (trace.arrivals.at(-1) ?? 0) + 4 * 3_600;
  let nextCheckup = 0;
  while (world.now <= giveUp) {
    const moment = Math.min(
      world.completions.nextAt(),
      world.boots.nextAt(),
      world.kills.nextAt(),
      nextCheckup,
    );
    arriveUntil(world, moment);
    // A job that just came may be done before `moment`.
    if (world.completions.nextAt() < moment) continue;
    world.now = moment;
    if (world.completions.nextAt() === moment) finish(world, slotOf(world, world.completions.pop()));
    else if (world.boots.nextAt() === moment) ready(world, slotOf(world, world.boots.pop()));
    else if (world.kills.nextAt() === moment) kill(world, slotOf(world, world.kills.pop()));
    else {
      checkup(world, policy);
      nextCheckup = moment + world.options.periodSeconds;
      if (allDone(world)) break;
    }
  }
  close(world);
  return world.ledger;
}

/** Everything that changes while a world runs. Workers are numbered from 1; worker w has slots w*slots and on. */
interface World {
  readonly options: WorldOptions;
  readonly trace: Trace;
  readonly ledger: Ledger;
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
  /** Jobs that a kill brought back, oldest first. */
  readonly returned: number[];
  readonly finishedSeconds: number[];
  readonly startedWaits: number[];
  lateStarts: number;
  now: number;
  /** The next job of the trace that nobody took. */
  head: number;
  freedCount: number;
  highest: number;
  workers: number;
  upCount: number;
  running: number;
  startedTotal: number;
  finishedTotal: number;
  busySecondsTotal: number;
  commanded: number;
}

function createWorld(trace: Trace, options: WorldOptions): World {
  const capacity = options.maximum * 4 + 8;
  return {
    options,
    trace,
    ledger: createLedger(trace, options.goalSeconds),
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
    returned: [],
    finishedSeconds: [],
    startedWaits: [],
    lateStarts: 0,
    now: 0,
    head: 0,
    freedCount: 0,
    highest: 0,
    workers: 0,
    upCount: 0,
    running: 0,
    startedTotal: 0,
    finishedTotal: 0,
    busySecondsTotal: 0,
    commanded: 0,
  };
}

function allDone(world: World): boolean {
  const left = world.trace.arrivals.length - world.head + world.returned.length + world.running;
  return left === 0 && world.workers <= world.options.minimum;
}

function close(world: World): void {
  for (let worker = 1; worker <= world.highest; worker++)
    if (world.state[worker] !== none) leave(world, worker);
  for (; world.head < world.trace.arrivals.length; world.head++) world.ledger.undone(world.head, world.now);
  for (const job of world.returned) world.ledger.undone(job, world.now);
}

/** Lets jobs that come before `moment` be taken by slots that wait. */
function arriveUntil(world: World, moment: number): void {
  const { arrivals } = world.trace;
  while (world.head < arrivals.length && (arrivals[world.head] as number) < moment && world.free.size() > 0) {
    const slot = nextFree(world);
    if (slot < 0) return;
    world.now = Math.max(world.now, arrivals[world.head] as number);
    start(world, slot, world.head++);
    if (world.completions.nextAt() < moment) return;
  }
}

function start(world: World, slot: number, job: number): void {
  const worker = workerOf(world, slot);
  world.runningJob[slot] = job;
  world.runningSince[slot] = world.now;
  world.busySlots[worker] = (world.busySlots[worker] as number) + 1;
  world.running++;
  world.startedTotal++;
  const wait = world.now - (world.trace.arrivals[job] as number);
  if (wait > world.options.goalSeconds) world.lateStarts++;
  if (world.startedWaits.length < 1_000) world.startedWaits.push(wait);
  world.completions.push(world.now + (world.trace.services[job] as number), pack(world, slot));
}

function finish(world: World, slot: number): void {
  if (slot < 0) return;
  const worker = workerOf(world, slot);
  const startedAt = world.runningSince[slot] as number;
  world.ledger.finished(world.runningJob[slot] as number, startedAt);
  world.runningJob[slot] = -1;
  world.busySlots[worker] = (world.busySlots[worker] as number) - 1;
  world.running--;
  world.finishedTotal++;
  world.busySecondsTotal += world.now - startedAt;
  if (world.finishedSeconds.length < 1_000) world.finishedSeconds.push(world.now - startedAt);
  if (world.state[worker] === up) offer(world, slot);
  else if (world.busySlots[worker] === 0) leave(world, worker);
}

/** A free slot takes the oldest waiting job, or waits in its turn. */
function offer(world: World, slot: number): void {
  if (!takeNext(world, slot))
    world.free.push(world.options.next === 'longest-idle' ? world.freedCount++ : slot, pack(world, slot));
}

function takeNext(world: World, slot: number): boolean {
  const { arrivals } = world.trace;
  const back = world.returned.shift();
  if (back !== undefined) start(world, slot, back);
  else if (world.head < arrivals.length && (arrivals[world.head] as number) <= world.now)
    start(world, slot, world.head++);
  else return false;
  return true;
}

function nextFree(world: World): number {
  for (let packed = world.free.pop(); packed >= 0; packed = world.free.pop()) {
    const slot = slotOf(world, packed);
    if (slot >= 0 && world.state[workerOf(world, slot)] === up) return slot;
  }
  return -1;
}

function boot(world: World): void {
  let worker = 1;
  while (world.state[worker] !== none) worker++;
  world.state[worker] = booting;
  world.since[worker] = world.now;
  world.commandedAt[worker] = world.now;
  world.highest = Math.max(world.highest, worker);
  world.workers++;
  world.ledger.started();
  const { bootSeconds, bootJitter, slots } = world.options;
  const seconds = bootSeconds * (1 + bootJitter * (2 * world.random.next() - 1));
  world.boots.push(world.now + seconds, pack(world, worker * slots));
}

function ready(world: World, slot: number): void {
  if (slot < 0) return;
  const worker = workerOf(world, slot);
  world.state[worker] = up;
  world.since[worker] = world.now;
  world.upCount++;
  for (let offset = 0; offset < world.options.slots; offset++) offer(world, slot + offset);
}

function kill(world: World, slot: number): void {
  if (slot < 0) return;
  for (let offset = 0; offset < world.options.slots; offset++) {
    const job = world.runningJob[slot + offset] as number;
    if (job < 0) continue;
    world.ledger.killed(world.now - (world.runningSince[slot + offset] as number));
    world.runningJob[slot + offset] = -1;
    world.running--;
    world.returned.push(job);
  }
  world.returned.sort((a, b) => a - b);
  leave(world, workerOf(world, slot));
  while (world.returned.length > 0) {
    const idle = nextFree(world);
    if (idle < 0) return;
    takeNext(world, idle);
  }
}

function leave(world: World, worker: number): void {
  world.ledger.left(world.commandedAt[worker] as number, world.now);
  if (world.state[worker] === up) world.upCount--;
  if (world.state[worker] !== draining) world.workers--;
  world.state[worker] = none;
  world.generation[worker] = (world.generation[worker] as number) + 1;
  world.busySlots[worker] = 0;
  while (world.highest > 0 && world.state[world.highest] === none) world.highest--;
}

function checkup(world: World, policy: Policy): void {
  const { minimum, maximum, refusedShare } = world.options;
  const wanted = Math.round(policy(observe(world)));
  world.finishedSeconds.length = 0;
  world.startedWaits.length = 0;
  world.lateStarts = 0;
  const desired = Math.max(minimum, Math.min(maximum, wanted));
  if (desired !== world.commanded) world.ledger.scaled();
  world.commanded = desired;
  if (desired === world.workers || (refusedShare > 0 && world.random.next() < refusedShare)) return;
  while (world.workers < desired) boot(world);
  while (world.workers > desired && stopOne(world));
}

/** Stops one worker by the platform's rule; false when none may go. */
function stopOne(world: World): boolean {
  const { victims } = world.options;
  let worker = world.highest;
  while (worker > 0 && (world.state[worker] === none || world.state[worker] === draining)) worker--;
  if (victims === 'free') while (worker > 0 && !mayGo(world, worker)) worker--;
  if (worker === 0 || (victims === 'suffix' && !mayGo(world, worker))) return false;
  if (mayGo(world, worker)) leave(world, worker);
  else drain(world, worker);
  return true;
}

function mayGo(world: World, worker: number): boolean {
  return world.state[worker] === booting || (world.state[worker] === up && world.busySlots[worker] === 0);
}

function drain(world: World, worker: number): void {
  world.state[worker] = draining;
  world.since[worker] = world.now;
  world.workers--;
  world.upCount--;
  world.kills.push(world.now + world.options.graceSeconds, pack(world, worker * world.options.slots));
}

function workerOf(world: World, slot: number): number {
  return Math.floor(slot / world.options.slots);
}

function pack(world: World, slot: number): number {
  return (world.generation[workerOf(world, slot)] as number) * generationStep + slot;
}

/** The slot of a packed entry, or -1 when its worker is gone. */
function slotOf(world: World, packed: number): number {
  const slot = packed % generationStep;
  return world.generation[workerOf(world, slot)] === Math.floor(packed / generationStep) ? slot : -1;
}

function observe(world: World): Observation {
  const { arrivals } = world.trace;
  const tail = indexAfter(arrivals, world.now, world.head);
  const first = world.returned[0] ?? (world.head < tail ? world.head : undefined);
  return {
    now: world.now,
    waiting: world.returned.length + tail - world.head,
    running: world.running,
    oldestSeconds: first === undefined ? 0 : world.now - (arrivals[first] as number),
    startedTotal: world.startedTotal,
    finishedTotal: world.finishedTotal,
    busySecondsTotal: world.busySecondsTotal,
    workers: world.workers,
    up: world.upCount,
    slots: world.upCount * world.options.slots,
    finishedSeconds: world.finishedSeconds,
    startedWaits: world.startedWaits,
    lateStarts: world.lateStarts,
    eachWaiting: (visit) => {
      for (const job of world.returned) visit(arrivals[job] as number);
      for (let job = world.head; job < tail; job++) visit(arrivals[job] as number);
    },
    eachRunning: (visit) => {
      for (let slot = 0; slot < (world.highest + 1) * world.options.slots; slot++)
        if ((world.runningJob[slot] as number) >= 0) visit(world.runningSince[slot] as number);
    },
    eachWorker: (visit) => {
      for (let worker = 1; worker <= world.highest; worker++) {
        const name = stateNames[world.state[worker] as number];
        if (name) visit(worker, name, world.since[worker] as number, world.busySlots[worker] as number);
      }
    },
  };
}
