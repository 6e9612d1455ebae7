/**
 * A trace from what a running controller has recorded. Its series tell how many jobs waited and ran, not when each came, so
 * arrivals are inferred: what waits and runs more than before, plus what must have been finished meanwhile, which is the
 * running jobs times the time over the learned time per job. What one interval gets too many the next ones pay back, so
 * the number of jobs stays right; within an interval they are spread evenly at random.
 *
 * What that cannot know: bursts shorter than an interval look flatter, service times are drawn from a lognormal law
 * around the learned mean, and where a reading was unknown the jobs that came and went are missing.
 */
import type { App } from '../../server/api.ts';
import { HeadcountError, unknownName } from '../../server/errors.ts';
import { seeded } from '../../simulate/random.ts';
import { sorted, type Trace } from '../../simulate/traces.ts';
import { ask, findController } from '../eval.ts';
import type { SimulateOptions } from '../simulate.ts';

/** A point of the series, as far as it is needed. */
export interface HistoryPoint {
  readonly at: number;
  readonly waiting?: number;
  readonly running?: number;
}

const hourMs = 3_600_000;
const variation = 1;

export async function readHistory(
  name: string,
  options: SimulateOptions,
): Promise<{ trace: Trace; notes: string[] }> {
  const target = await findController(options);
  const apps = await ask<App[]>(target, 'GET', '/api/apps');
  const { app, manager } = chosen(name, apps);
  const to = Date.now();
  const from = to - (options.hours ?? 1) * hourMs;
  const path = `/api/apps/${app}/managers/${manager.processType}/series?from=${from}&to=${to}`;
  const { grain, points } = await ask<{ grain: string; points: HistoryPoint[] }>(target, 'GET', path);
  const { value, observations } = manager.learned.serviceSeconds;
  const meanSeconds = observations > 0 ? value : options.service;
  const { arrivals, unknownCount } = arrivalsFrom(points, meanSeconds, options.seed);
  const random = seeded(options.seed + 1);
  const services = Float64Array.from(arrivals, () => random.lognormal(meanSeconds, variation));
  const each = { raw: 'checkup', minute: 'minute', hour: 'hour' }[grain] ?? grain;
  return {
    trace: sorted(name, arrivals, services),
    notes: [
      `Arrivals are inferred from ${points.length} recorded points, one per ${each}: bursts within one look flatter than they were.`,
      `Jobs take ${meanSeconds.toFixed(2)} s in the mean, ${observations > 0 ? 'as was learned' : 'as --service says, since nothing was learned'}; how much they differ is not known.`,
      ...(unknownCount > 0
        ? [`${unknownCount} of the points were unknown; what came and went meanwhile is missing.`]
        : []),
    ],
  };
}

/** Seconds from the first point; a job that waited or ran then has arrived at 0. */
export function arrivalsFrom(
  points: readonly HistoryPoint[],
  meanSeconds: number,
  seed: number,
): { arrivals: Float64Array; unknownCount: number } {
  const random = seeded(seed);
  const known = points.filter(({ waiting }) => waiting !== undefined);
  const first = known[0];
  if (!first) return { arrivals: new Float64Array(0), unknownCount: points.length };
  const arrivals: number[] = new Array<number>(Math.round(inside(first))).fill(0);
  let owed = 0;
  known.slice(1).forEach((point, place) => {
    const before = known[place] ?? first;
    const seconds = (point.at - before.at) / 1000;
    const running = ((before.running ?? 0) + (point.running ?? 0)) / 2;
    owed += inside(point) - inside(before) + (running * seconds) / meanSeconds;
    const start = (before.at - first.at) / 1000;
    for (; owed >= 1; owed--) arrivals.push(start + random.next() * seconds);
  });
  return { arrivals: Float64Array.from(arrivals), unknownCount: points.length - known.length };
}

function inside({ waiting = 0, running = 0 }: HistoryPoint): number {
  return waiting + running;
}

function chosen(name: string, apps: readonly App[]): { app: string; manager: App['managers'][number] } {
  const known = apps.flatMap((app) => app.managers.map((manager) => ({ app: app.name, manager })));
  const found = known.find(({ app, manager }) => `${app}/${manager.processType}` === name);
  if (found) return found;
  const names = known.map(({ app, manager }) => `${app}/${manager.processType}`);
  throw new HeadcountError(
    'NOT_FOUND',
    `There is no history of "${name}"`,
    unknownName('manager', name, names),
    'Write it as APP/MANAGER.',
  );
}
