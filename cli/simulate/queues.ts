/**
 * Several queues on one load: which part of the jobs stands in which, how long those take, and who is served first.
 *
 *   mail:30%:1s, import:70%:20s        mail first, then import
 *   mail:30%:1s + import:70%:20s       whichever job came first
 *
 * Parts are drawn by lot (seeded), so that a queue has no pattern that the load has not. A queue without a time keeps the times of
 * the load.
 */
import { InvalidArgumentError } from 'commander';
import { seeded } from '../../simulate/random.ts';
import type { Trace } from '../../simulate/traces.ts';
import { duration } from '../arguments.ts';

export interface QueueSpec {
  readonly name: string;
  /** Of all jobs, 0 to 1. */
  readonly share: number;
  readonly meanSeconds?: number;
  readonly rank: number;
}

const most = 16;
const example = 'Write them as "mail:30%:1s, import:70%:20s".';

/** @throws InvalidArgumentError as commander prints it */
export function queueSpecs(text: string): QueueSpec[] {
  const specs = text
    .split(',')
    .flatMap((level, rank) => level.split('+').map((part) => specOf(part.trim(), rank)));
  if (specs.length > most) throw new InvalidArgumentError(`At most ${most} queues. ${example}`);
  if (new Set(specs.map(({ name }) => name)).size < specs.length)
    throw new InvalidArgumentError(`A queue is named twice. ${example}`);
  const sum = specs.reduce((total, { share }) => total + share, 0);
  if (Math.abs(sum - 1) > 0.001)
    throw new InvalidArgumentError(
      `The parts come to ${Math.round(sum * 1000) / 10} %, not 100 %. ${example}`,
    );
  return specs;
}

function specOf(part: string, rank: number): QueueSpec {
  const [, name, percent, time] = /^([\w.-]+):(\d+(?:\.\d+)?)%(?::(.+))?$/.exec(part) ?? [];
  if (name === undefined) throw new InvalidArgumentError(`"${part}" is no queue. ${example}`);
  const meanSeconds = time === undefined ? undefined : duration(time);
  if (meanSeconds === 0) throw new InvalidArgumentError(`The jobs of "${name}" take no time. ${example}`);
  return { name, share: Number(percent) / 100, rank, ...(meanSeconds !== undefined && { meanSeconds }) };
}

export function withQueues(
  trace: Trace,
  specs: readonly QueueSpec[],
  seed: number,
  variation: number,
): Trace {
  const random = seeded(seed + 11);
  const of = Uint8Array.from(trace.arrivals, () => {
    let left = random.next();
    const queue = specs.findIndex(({ share }) => {
      left -= share;
      return left < 0;
    });
    return queue < 0 ? specs.length - 1 : queue;
  });
  const services = trace.services.map((seconds, job) => {
    const mean = specs[of[job] ?? 0]?.meanSeconds;
    return mean === undefined ? seconds : random.lognormal(mean, variation);
  });
  const queues = { names: specs.map(({ name }) => name), ranks: specs.map(({ rank }) => rank), of };
  return { ...trace, services, queues };
}
