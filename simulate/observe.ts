/** What a policy may see of a world at a checkup. */
import type { Counts, Observation, WorkerState } from './policy.ts';
import type { Tally } from './tally.ts';
import type { World } from './world-state.ts';

const stateNames: readonly (WorkerState | undefined)[] = [undefined, 'booting', 'up', 'draining'];

export function observe(world: World): Observation {
  const { trace, tallies } = world;
  const queues = trace.queues?.names.map((name, queue) => ({
    name,
    ...countsOf(world, tallies[queue] as Tally, queue),
  }));
  return {
    now: world.now,
    readAt: world.now,
    ...countsOf(world, queues ? together(tallies) : (tallies[0] as Tally)),
    ...(queues && { queues }),
    workers: world.workers,
    up: world.upCount,
    slots: world.upCount * world.options.slots,
    lateStarts: world.lateStarts,
    eachWorker: (visit) => {
      for (let worker = 1; worker <= world.highest; worker++) {
        const name = stateNames[world.state[worker] as number];
        if (name) visit(worker, name, world.since[worker] as number, world.busySlots[worker] as number);
      }
    },
  };
}

/** @param queue a place in the queues of the trace; absent: all of them */
function countsOf(world: World, tally: Tally, queue?: number): Counts {
  const { line, now } = world;
  const oldestAt = line.oldestAt(now, queue);
  const eachRunning: Counts['eachRunning'] = (visit) => {
    for (let slot = 0; slot < (world.highest + 1) * world.options.slots; slot++) {
      const job = world.runningJob[slot] as number;
      if (job >= 0 && (queue === undefined || world.trace.queues?.of[job] === queue))
        visit(world.runningSince[slot] as number);
    }
  };
  return {
    waiting: line.waiting(now, queue),
    running: queue === undefined ? world.running : counted(eachRunning),
    oldestSeconds: oldestAt <= now ? now - oldestAt : 0,
    startedTotal: tally.startedTotal,
    finishedTotal: tally.finishedTotal,
    busySecondsTotal: tally.busySecondsTotal,
    startedWaits: tally.startedWaits,
    finishedSeconds: tally.finishedSeconds,
    eachWaiting: (visit) => line.eachWaiting(now, visit, queue),
    eachRunning,
  };
}

function counted(each: Counts['eachRunning']): number {
  let count = 0;
  each(() => {
    count++;
  });
  return count;
}

function together(tallies: readonly Tally[]): Tally {
  const sum = (of: (tally: Tally) => number): number =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  return {
    startedTotal: sum((tally) => tally.startedTotal),
    finishedTotal: sum((tally) => tally.finishedTotal),
    busySecondsTotal: sum((tally) => tally.busySecondsTotal),
    startedWaits: tallies.flatMap((tally) => tally.startedWaits),
    finishedSeconds: tallies.flatMap((tally) => tally.finishedSeconds),
  };
}
