/**
 * A world of jobs, workers and a platform, driven by events on a virtual clock. A policy looks at it every period and answers
 * how many workers it wants; everything else (who takes which job, who is stopped, what is billed) happens here, alike for
 * every policy.
 *
 * Waiting jobs stand in a line (line.ts). A free slot takes the next job at once. Slots that wait are kept in a heap: by the time they became free (Redis serves whoever has waited longest) or by the index of their
 * worker. Entries of workers that are gone are recognised by a generation number and dropped when they come up.
 *
 * Rejected: a fixed step of a second, which gives every wait an error of half a step and costs the same.
 */
import { impaired } from './impaired.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { observe } from './observe.ts';
import { defaultWorld, type Policy, type WorldOptions } from './policy.ts';
import type { Tally } from './tally.ts';
import type { Trace } from './traces.ts';
import { createWorld, type World } from './world-state.ts';

const none = 0;
const booting = 1;
const up = 2;
const draining = 3;
const generationStep = 65_536;

/**
 * Runs a whole trace and answers what it cost and who waited.
 *
 * @param ledger where several worlds write into one
 */
export function runWorld(
  trace: Trace,
  asked: Policy,
  given: Partial<WorldOptions> = {},
  ledger?: Ledger,
): Ledger {
  const book = ledger ?? createLedger(trace, given.goalSeconds ?? defaultWorld.goalSeconds);
  const run = openWorld(trace, asked, given, book);
  run.advance(() => false);
  run.close();
  return book;
}

/** A world that is played in pieces, so that whoever plays it can do something else between them. */
export interface Run {
  /** Plays on until a checkup after which `enough` says so; true when nothing is left to play. */
  advance(enough: () => boolean): boolean;
  /** Sends everybody home at the moment that was reached. */
  close(): void;
}

export function openWorld(
  trace: Trace,
  asked: Policy,
  given: Partial<WorldOptions>,
  ledger: Omit<Ledger, 'score'>,
): Run {
  const options = { ...defaultWorld, ...given };
  const world = createWorld(trace, options, ledger);
  const policy = impaired(asked, options);
  for (let worker = 1; worker <= options.initialWorkers; worker++) present(world, worker);
  return {
    advance: (enough) => advance(world, policy, enough),
    close: () => close(world),
  };
}

function advance(world: World, policy: Policy, enough: () => boolean): boolean {
  const { endsAt = Number.POSITIVE_INFINITY, periodSeconds } = world.options;
  const giveUp = (world.trace.arrivals.at(-1) ?? 0) + 4 * 3_600;
  while (endsAt !== Number.POSITIVE_INFINITY || world.now <= giveUp) {
    const moment = Math.min(
      world.completions.nextAt(),
      world.boots.nextAt(),
      world.kills.nextAt(),
      world.nextCheckup,
      endsAt,
    );
    arriveUntil(world, moment);
    // A job that just came may be done before `moment`.
    if (world.completions.nextAt() < moment) continue;
    world.now = moment;
    if (moment === endsAt) return true;
    if (world.completions.nextAt() === moment) finish(world, slotOf(world, world.completions.pop()));
    else if (world.boots.nextAt() === moment) ready(world, slotOf(world, world.boots.pop()));
    else if (world.kills.nextAt() === moment) kill(world, slotOf(world, world.kills.pop()));
    else {
      checkup(world, policy);
      world.nextCheckup = moment + periodSeconds;
      if (endsAt === Number.POSITIVE_INFINITY && allDone(world)) return true;
      if (enough()) return false;
    }
  }
  return true;
}

function allDone(world: World): boolean {
  return world.line.left() + world.running === 0 && world.workers <= world.options.minimum;
}

function close(world: World): void {
  // Only a run that ends at a fixed moment ends while jobs run: their wait is over, and known.
  world.runningJob.forEach((job, slot) => {
    if (job >= 0) world.ledger.finished(job, world.runningSince[slot] as number);
  });
  for (let worker = 1; worker <= world.highest; worker++)
    if (world.state[worker] !== none) leave(world, worker);
  world.line.eachLeft((job) => world.ledger.undone(job, world.now));
}

/** A worker that is there from the start: nobody waited for its boot. */
function present(world: World, worker: number): void {
  world.state[worker] = up;
  world.highest = worker;
  world.workers++;
  world.upCount++;
  for (let slot = 0; slot < world.options.slots; slot++) offer(world, worker * world.options.slots + slot);
}

/** Lets jobs that come before `moment` be taken by slots that wait. */
function arriveUntil(world: World, moment: number): void {
  const { line } = world;
  while (world.free.size() > 0) {
    const next = line.nextAt();
    if (next >= moment) return;
    const slot = nextFree(world);
    if (slot < 0) return;
    world.now = Math.max(world.now, next);
    start(world, slot, line.take(world.now));
    if (world.completions.nextAt() < moment) return;
  }
}

function start(world: World, slot: number, job: number): void {
  const worker = workerOf(world, slot);
  world.runningJob[slot] = job;
  world.runningSince[slot] = world.now;
  world.busySlots[worker] = (world.busySlots[worker] as number) + 1;
  world.running++;
  const wait = world.now - (world.trace.arrivals[job] as number);
  if (wait > world.options.goalSeconds) world.lateStarts++;
  const tally = tallyOf(world, job);
  tally.startedTotal++;
  if (tally.startedWaits.length < 1_000) tally.startedWaits.push(wait);
  world.completions.push(world.now + (world.trace.services[job] as number), pack(world, slot));
}

function finish(world: World, slot: number): void {
  if (slot < 0) return;
  const worker = workerOf(world, slot);
  const startedAt = world.runningSince[slot] as number;
  const job = world.runningJob[slot] as number;
  world.ledger.finished(job, startedAt);
  world.runningJob[slot] = -1;
  world.busySlots[worker] = (world.busySlots[worker] as number) - 1;
  world.running--;
  const tally = tallyOf(world, job);
  tally.finishedTotal++;
  tally.busySecondsTotal += world.now - startedAt;
  if (tally.finishedSeconds.length < 1_000) tally.finishedSeconds.push(world.now - startedAt);
  if (world.state[worker] === up) offer(world, slot);
  else if (world.busySlots[worker] === 0) leave(world, worker);
}

/** A free slot takes the oldest waiting job, or waits in its turn. */
function offer(world: World, slot: number): void {
  if (!takeNext(world, slot))
    world.free.push(world.options.next === 'longest-idle' ? world.freedCount++ : slot, pack(world, slot));
}

function takeNext(world: World, slot: number): boolean {
  const job = world.line.take(world.now);
  if (job < 0) return false;
  start(world, slot, job);
  return true;
}

function tallyOf({ trace, tallies: all }: World, job: number): Tally {
  return all[trace.queues === undefined ? 0 : (trace.queues.of[job] ?? 0)] as Tally;
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
  const back: number[] = [];
  for (let offset = 0; offset < world.options.slots; offset++) {
    const job = world.runningJob[slot + offset] as number;
    if (job < 0) continue;
    world.ledger.killed(world.now - (world.runningSince[slot + offset] as number));
    world.runningJob[slot + offset] = -1;
    world.running--;
    back.push(job);
  }
  world.line.giveBack(back);
  leave(world, workerOf(world, slot));
  for (let left = back.length; left > 0; left--) {
    const idle = nextFree(world);
    if (idle < 0) return;
    offer(world, idle);
  }
}

function leave(world: World, worker: number): void {
  const stopSeconds = world.state[worker] === booting ? 0 : world.options.stopSeconds;
  world.ledger.left(world.commandedAt[worker] as number, world.now + stopSeconds);
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
  for (const tally of world.tallies) tally.finishedSeconds.length = tally.startedWaits.length = 0;
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
