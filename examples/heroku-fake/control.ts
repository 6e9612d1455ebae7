/**
 * What tests and demonstrations ask of the fake beside the Platform API. Needs no key.
 *
 *   GET    /fake/stats     scaleCalls, killedRunning, ... (server.ts, FakeStats)
 *   POST   /fake/faults    a fault for the next calls (faults.ts, Fault)
 *   DELETE /fake/faults    no more faults
 *   POST   /fake/busy      { "dyno": "worker.3", "running": 2 }: only virtual dynos
 *   POST   /fake/crash     { "dyno": "worker.3" }: ends its process as if by itself
 *   POST   /fake/rate      { "remaining": 10 }: so many calls are left
 */

import type { Fault, Faults } from './faults.ts';
import type { Platform } from './platform.ts';
import type { Bucket } from './rates.ts';
import { invalid, notFound } from './refusal.ts';
import type { Answer, Call } from './routes.ts';
import { objectOf } from './schema.ts';
import type { FakeStats } from './server.ts';

export interface Controls {
  readonly platform: Platform;
  readonly faults: Faults;
  readonly bucket: Bucket;
  stats(): FakeStats;
}

export function control({ platform, faults, bucket, stats }: Controls, call: Call): Answer {
  const done: Answer = { status: 200, body: {} };
  switch (`${call.method} ${call.path[1]}`) {
    case 'GET stats':
      return { status: 200, body: stats() };
    case 'POST faults':
      faults.add(objectOf(call.body(), 'body') as Fault);
      return done;
    case 'DELETE faults':
      faults.clear();
      return done;
    case 'POST busy': {
      const { dyno, running } = objectOf(call.body(), 'body');
      setBusy(platform, String(dyno), Number(running));
      return done;
    }
    case 'POST crash':
      crash(platform, String(objectOf(call.body(), 'body').dyno));
      return done;
    case 'POST rate':
      bucket.set(Number(objectOf(call.body(), 'body').remaining));
      return done;
    default:
      throw notFound('control');
  }
}

/** Also one that is ending can finish its work. */
export function setBusy(platform: Platform, name: string, running: number): void {
  if (!Number.isInteger(running) || running < 0) throw invalid('running must be an integer of at least 0');
  const dyno = platform.dynos().find((one) => one.name === name);
  if (!dyno?.body?.setRunning) throw notFound('virtual dyno');
  dyno.body.setRunning(running);
}

export function crash(platform: Platform, name: string): void {
  const { body } = platform.dyno(name);
  if (!body) throw notFound('process');
  body.signal('SIGKILL');
}
