/**
 * Each queue of a trace with a process type of its own, instead of one that serves them all: the same policy plays once per queue,
 * with its own workers, and all write into one ledger.
 */
import { createLedger, type Ledger } from './ledger.ts';
import type { Policy, WorldOptions } from './policy.ts';
import type { Trace } from './traces.ts';
import { runWorld } from './world.ts';

export function runApart(trace: Trace, create: () => Policy, options: WorldOptions): Ledger {
  const { queues } = trace;
  if (!queues) return runWorld(trace, create(), options);
  const ledger = createLedger(trace, options.goalSeconds);
  queues.names.forEach((name, queue) => {
    const jobs = Uint32Array.from(trace.arrivals.keys()).filter((job) => queues.of[job] === queue);
    const only: Trace = {
      name: `${trace.name} ${name}`,
      arrivals: Float64Array.from(jobs, (job) => trace.arrivals[job] ?? 0),
      services: Float64Array.from(jobs, (job) => trace.services[job] ?? 0),
    };
    const original = (job: number): number => jobs[job] ?? 0;
    if (jobs.length > 0)
      runWorld(only, create(), options, {
        ...ledger,
        finished: (job, startedAt) => ledger.finished(original(job), startedAt),
        undone: (job, now) => ledger.undone(original(job), now),
      });
  });
  return ledger;
}
