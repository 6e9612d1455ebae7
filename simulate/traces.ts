/**
 * Reads arrival traces in the two formats that public ones are kept in, gzip-compressed or plain:
 * `arrival_s,service_s` has a row per job; `t_seconds,jobs` has a row per bin with arrivals. Jobs of a bin are spread evenly
 * at random over it (seeded), and draw their service time from a lognormal law, since counts say nothing of it.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { SimulateError } from './errors.ts';
import { type Random, seeded } from './random.ts';

/** Jobs in order of arrival. */
export interface Trace {
  readonly name: string;
  /** Seconds from the start of the trace, ascending. */
  readonly arrivals: Float64Array;
  /** Seconds of work, one per job. */
  readonly services: Float64Array;
  /** Absent: all jobs stand in one queue. */
  readonly queues?: Queues;
}

export interface Queues {
  readonly names: readonly string[];
  /** By queue: those of rank 0 are served before those of rank 1; queues of one rank oldest job first. */
  readonly ranks: readonly number[];
  /** By job: its queue, as a place in `names`. */
  readonly of: Uint8Array;
}

export interface ServiceLaw {
  readonly meanSeconds: number;
  /** Standard deviation over mean. */
  readonly variation: number;
}

export const defaultLaw: ServiceLaw = { meanSeconds: 2, variation: 1 };

/**
 * @param path a file `NAME.csv` or `NAME.csv.gz`
 * @param law of count traces; a trace with a row per job brings its own times
 * @throws SimulateError when the file is missing or has another form
 */
export async function readTrace(path: string, law: ServiceLaw = defaultLaw, seed = 1): Promise<Trace> {
  const name = basename(path).replace(/\.csv(\.gz)?$/, '');
  const bytes = await readFile(path).catch((cause) => {
    throw new SimulateError(
      `cannot read the trace ${path}`,
      String(cause),
      'Give the path of a .csv or .csv.gz file.',
    );
  });
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const end = text.indexOf('\n');
  const header = text.slice(0, end).trim();
  if (header === 'arrival_s,service_s') return perJob(name, pairs(path, text, end + 1));
  if (header === 't_seconds,jobs') return perBin(name, pairs(path, text, end + 1), law, seeded(seed));
  const why = `its first line is "${header.slice(0, 60)}"`;
  throw new SimulateError(
    `${path} is no trace`,
    why,
    'It must be "arrival_s,service_s" or "t_seconds,jobs".',
  );
}

function pairs(path: string, text: string, start: number): [Float64Array, Float64Array] {
  const rows = text.slice(start).split('\n');
  if (rows.at(-1)?.trim() === '') rows.pop();
  const first = new Float64Array(rows.length);
  const second = new Float64Array(rows.length);
  rows.forEach((row, index) => {
    const comma = row.indexOf(',');
    const [a, b] = [Number(row.slice(0, comma)), Number(row.slice(comma + 1))];
    if (comma < 1 || !(a >= 0) || !(b >= 0))
      throw new SimulateError(
        `${path} has a bad row`,
        `line ${index + 2} is "${row.slice(0, 60)}"`,
        'Write two numbers.',
      );
    first[index] = a;
    second[index] = b;
  });
  return [first, second];
}

function perJob(name: string, [arrivals, services]: [Float64Array, Float64Array]): Trace {
  return sorted(name, arrivals, services);
}

function perBin(
  name: string,
  [starts, counts]: [Float64Array, Float64Array],
  law: ServiceLaw,
  random: Random,
): Trace {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const arrivals = new Float64Array(total);
  const services = new Float64Array(total);
  const bin = smallestGap(starts);
  let job = 0;
  starts.forEach((start, row) => {
    for (let left = counts[row] ?? 0; left > 0; left--) {
      arrivals[job] = start + random.next() * bin;
      services[job] = random.lognormal(law.meanSeconds, law.variation);
      job++;
    }
  });
  return sorted(name, arrivals, services);
}

/** Empty bins may be left out of a file, so the bin's width is the smallest step between two rows. */
function smallestGap(starts: Float64Array): number {
  let least = Number.POSITIVE_INFINITY;
  for (let row = 1; row < starts.length; row++) {
    const gap = (starts[row] ?? 0) - (starts[row - 1] ?? 0);
    if (gap > 0 && gap < least) least = gap;
  }
  return Number.isFinite(least) ? least : 1;
}

/** A trace from arrivals in any order. */
export function sorted(name: string, arrivals: Float64Array, services: Float64Array): Trace {
  let ordered = true;
  for (let job = 1; job < arrivals.length && ordered; job++)
    ordered = (arrivals[job] ?? 0) >= (arrivals[job - 1] ?? 0);
  if (ordered) return { name, arrivals, services };
  const order = Uint32Array.from(arrivals.keys()).sort((a, b) => (arrivals[a] ?? 0) - (arrivals[b] ?? 0));
  return {
    name,
    arrivals: Float64Array.from(order, (job) => arrivals[job] ?? 0),
    services: Float64Array.from(order, (job) => services[job] ?? 0),
  };
}

/** Seconds of work in a trace. */
export function workSeconds(trace: Trace): number {
  return trace.services.reduce((sum, seconds) => sum + seconds, 0);
}
