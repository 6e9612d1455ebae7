/**
 * A trace from what a running controller has recorded, as simulate/recorded.ts infers jobs from readings. Where a reading was
 * unknown, what must have come meanwhile is spread evenly over that time: a policy is compared with others on one trace without
 * a hole, other than in a what-if, which leaves out what nobody knows.
 *
 * What that cannot know: bursts shorter than an interval look flatter, and service times are drawn from a lognormal law around
 * the learned mean.
 */
import type { App } from '../../server/api.ts';
import { HeadcountError, unknownName } from '../../server/errors.ts';
import { seeded } from '../../simulate/random.ts';
import { knownOf, type RecordedPoint, wholeTraceOf } from '../../simulate/recorded.ts';
import type { Trace } from '../../simulate/traces.ts';
import { call } from '../call.ts';
import { findController } from '../eval.ts';
import type { SimulateOptions } from '../simulate.ts';

const hourMs = 3_600_000;
const variation = 1;

export async function readHistory(
  name: string,
  options: SimulateOptions,
): Promise<{ trace: Trace; notes: string[] }> {
  const target = await findController(options);
  const apps = await call<App[]>(target, 'GET', '/api/apps');
  const { app, manager } = chosen(name, apps);
  const to = Date.now();
  const from = to - (options.hours ?? 1) * hourMs;
  const path = `/api/apps/${app}/managers/${manager.processType}/series?from=${from}&to=${to}`;
  const { grain, points } = await call<{ grain: string; points: RecordedPoint[] }>(target, 'GET', path);
  const { value, observations } = manager.learned.serviceSeconds;
  const meanSeconds = observations > 0 ? value : options.service;
  const { trace, unknownCount } = historyOf(
    points,
    Math.max(1, Math.round(manager.learned.concurrency.value)),
    meanSeconds,
    options.seed,
  );
  const each = { raw: 'checkup', minute: 'minute', hour: 'hour' }[grain] ?? grain;
  return {
    trace: { ...trace, name },
    notes: [
      `Arrivals are inferred from ${points.length} recorded points, one per ${each}: bursts within one look flatter than they were.`,
      `Jobs take ${meanSeconds.toFixed(2)} s in the mean, ${observations > 0 ? 'as was learned' : 'as --service says, since nothing was learned'}; how much they differ is not known.`,
      ...(unknownCount > 0
        ? [
            `${unknownCount} of the points were unknown; what must have come meanwhile is spread over that time.`,
          ]
        : []),
    ],
  };
}

/** The trace begins with the first point that is known; a job that waited or ran then has arrived at 0. */
export function historyOf(
  points: readonly RecordedPoint[],
  slotsPerProcess: number,
  meanSeconds: number,
  seed: number,
): { trace: Trace; unknownCount: number } {
  const known = knownOf(points, slotsPerProcess);
  const services = seeded(seed + 1);
  const trace = wholeTraceOf(known, meanSeconds, seeded(seed), () =>
    services.lognormal(meanSeconds, variation),
  );
  return { trace, unknownCount: points.length - known.length };
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
