/** The closing line of the demo, from what three sides counted: sent by the distributors, stored by the catalogue, run by the fleet. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadTotal } from './load.ts';

export interface Verdict {
  /** Sent, each counted once however often it was repeated. */
  readonly tracks: number;
  readonly stored: number;
  /** Lines of every kind that were sent and neither stored nor told why not. */
  readonly lost: number;
  /** Rows beyond the first for one sent line. */
  readonly duplicates: number;
  readonly peakWorkers: number;
  readonly finalWorkers: number;
  /** From enqueued to begun, of the tracks. */
  readonly waitP95Seconds: number;
  /** Whole requests, refused ones too. */
  readonly apiP99Ms: number;
  /** Seconds that worker processes lived, summed. */
  readonly workerSeconds: number;
  readonly seconds: number;
  readonly rejected: number;
  readonly redelivered: number;
  readonly killed?: number;
  /** Of the fake Heroku: formation changes, and jobs that were running in dynos that it killed. */
  readonly scaleCalls?: number;
  readonly killedRunning?: number;
}

export interface Counted {
  readonly total: LoadTotal;
  readonly peakWorkers: number;
  readonly finalWorkers: number;
  readonly workerSeconds: number;
  readonly seconds: number;
  readonly killed?: number;
  readonly scaleCalls?: number;
  readonly killedRunning?: number;
}

export function verdictOf({ total, killed, scaleCalls, killedRunning, ...counted }: Counted): Verdict {
  const { tracks, collections, rejected, summary } = total;
  const held = summary.tracks + summary.collections - summary.duplicates;
  return {
    tracks,
    stored: summary.tracks,
    lost: tracks + collections - held - rejected,
    duplicates: summary.duplicates,
    peakWorkers: counted.peakWorkers,
    finalWorkers: counted.finalWorkers,
    waitP95Seconds: round(summary.waitP95Seconds ?? 0, 2),
    apiP99Ms: total.apiP99Ms,
    workerSeconds: round(counted.workerSeconds, 1),
    seconds: round(counted.seconds, 1),
    rejected,
    redelivered: summary.redelivered,
    ...(killed !== undefined && { killed }),
    ...(scaleCalls !== undefined && { scaleCalls }),
    ...(killedRunning !== undefined && { killedRunning }),
  };
}

/** From the fleet's record of every process that ended. */
export function readWorkerSeconds(fleetFolder: string): number {
  const files = ['history.1.jsonl', 'history.jsonl'].map((name) => join(fleetFolder, name));
  const lines = files
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  return lines.reduce((sum, line) => {
    const { name = '', startedAt = 0, endedAt = 0 } = parse(line);
    return name.startsWith('worker.') ? sum + (endedAt - startedAt) / 1000 : sum;
  }, 0);
}

function parse(line: string): { name?: string; startedAt?: number; endedAt?: number } {
  try {
    return JSON.parse(line) as object;
  } catch {
    return {};
  }
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
