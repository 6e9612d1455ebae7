/**
 * Between which two costs the best possible schedule lies, for a trace, a goal and a boot time: lower-bound.ts and upper-bound.ts,
 * computed once and kept in a folder by what is in the trace. A fortnight of requests takes some minutes, so `progress` says
 * how far it is. The name of a trace says nothing of its content and is not part of the key.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { demandOf } from './demand.ts';
import { lowerBound } from './lower-bound.ts';
import type { Trace } from './traces.ts';
import { upperBound } from './upper-bound.ts';

/** Worker-seconds, boots included. The optimum without a late job lies between. */
export interface Optimum {
  readonly lower: number;
  readonly upper: number;
}

export interface OptimumOptions {
  /** Where results are kept; `.headcount/optimum` when absent. */
  readonly folder?: string;
  /** Called now and then with the share that is done, 0 to 1; not at all when the result was kept. */
  readonly progress?: (share: number) => void;
}

/** Part of the key: to be raised when a bound is computed in another way. */
const version = 1;
/** The lower bound is one pass over the seconds, the upper bound some; this is its share of the time, about. */
const lowerShare = 0.4;

export async function optimumOf(
  trace: Trace,
  goalSeconds: number,
  bootSeconds: number,
  { folder = join('.headcount', 'optimum'), progress }: OptimumOptions = {},
): Promise<Optimum> {
  const file = join(folder, `${contentOf(trace)}-${goalSeconds}-${bootSeconds}.json`);
  const kept = await readKept(file);
  if (kept) return kept;
  const optimum = boundsOf(trace, goalSeconds, bootSeconds, progress);
  await mkdir(folder, { recursive: true });
  // In two steps, so that another run never reads half a file.
  await writeFile(`${file}.${process.pid}`, JSON.stringify(optimum));
  await rename(`${file}.${process.pid}`, file);
  return optimum;
}

export function boundsOf(
  trace: Trace,
  goalSeconds: number,
  bootSeconds: number,
  progress?: (share: number) => void,
): Optimum {
  const demand = demandOf(trace, goalSeconds);
  const lower = lowerBound(demand, bootSeconds, (share) => progress?.(share * lowerShare));
  const upper = upperBound(trace, goalSeconds, bootSeconds, (share) =>
    progress?.(lowerShare + share * (1 - lowerShare)),
  );
  return { lower: lower.cost, upper: upper.cost };
}

function contentOf({ arrivals, services }: Trace): string {
  const hash = createHash('sha256').update(`${version} ${arrivals.length} `);
  for (const column of [arrivals, services])
    hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
  return hash.digest('hex').slice(0, 32);
}

async function readKept(file: string): Promise<Optimum | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  try {
    const kept: unknown = JSON.parse(text ?? 'null');
    return isOptimum(kept) ? kept : undefined;
  } catch {
    return undefined;
  }
}

function isOptimum(value: unknown): value is Optimum {
  const { lower, upper } = (value ?? {}) as Partial<Optimum>;
  return Number.isFinite(lower) && Number.isFinite(upper);
}
