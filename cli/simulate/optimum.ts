/**
 * The optimum beside the table, where it does not take long: the bounds go over every second and every state between two curves of
 * work (simulate/lower-bound.ts), and the size of that is known beforehand. A burst of 300,000 jobs in minutes has
 * more states than memory.
 */
import { demandOf } from '../../simulate/demand.ts';
import { type Optimum, optimumOf } from '../../simulate/optimum.ts';
import type { Trace } from '../../simulate/traces.ts';
import type { SimulateOptions } from '../simulate.ts';
import type { Progress } from './progress.ts';

/** Some seconds, and some minutes. */
const cheapSteps = 1e9;
const mostSteps = 3e11;
const mostStates = 4e7;

export interface Bound {
  readonly optimum?: Optimum;
  readonly note?: string;
}

export async function optimumWhereCheap(
  trace: Trace,
  { goal, boot, slots, optimum: asked }: Pick<SimulateOptions, 'goal' | 'boot' | 'slots' | 'optimum'>,
  progress: Progress,
  folder?: string,
): Promise<Bound> {
  if (slots !== 1) return { note: 'The optimum is known for workers with one job at a time only.' };
  const demand = demandOf(trace, goal);
  let steps = 0;
  let states = 0;
  for (let second = 0; second <= demand.seconds; second++) {
    const range = (demand.can[second] ?? 0) - (demand.must[second] ?? 0) + 1;
    steps += range * (demand.peak + 1);
    states = Math.max(states, range * (demand.peak + 1));
  }
  if (states > mostStates || steps > mostSteps)
    return { note: 'The optimum of this load cannot be computed: too many jobs come at once.' };
  if (steps > cheapSteps && !asked)
    return { note: 'The optimum of this load takes some minutes to compute; ask for it with --optimum.' };
  const told = { progress: (share: number) => progress.at('the optimum', share) };
  return { optimum: await optimumOf(trace, goal, boot, { ...told, ...(folder && { folder }) }) };
}
