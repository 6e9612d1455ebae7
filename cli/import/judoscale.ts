/**
 * Judoscale's settings (`GET {JUDOSCALE_URL}/settings`, as its API reference has them) in our words. The token is a part of the address,
 * so the address is the secret. A process type with queues is a worker: its queue time is of jobs, all others' of requests.
 */
import type { Choice } from '../../server/api.ts';
import { HeadcountError } from '../../server/errors.ts';
import { fetchJson } from './fetch-json.ts';
import { appNameOf, isProcessType, limitOf, type Plan, type PlannedManager } from './plan.ts';
import { type Reader, reader } from './settings.ts';

type Fields = Readonly<Record<string, unknown>>;

/** @throws HeadcountError IMPORT_FAILED */
export async function readJudoscale(url: string, app?: string): Promise<Plan> {
  const base = url.replace(/\/+$/, '');
  const answer = await fetchJson({
    url: `${base}/settings?backward_compatible_attributes=false`,
    service: 'Judoscale',
    secret: base,
  });
  return planOf(answer, app);
}

/** @throws HeadcountError IMPORT_FAILED */
export function planOf(answer: unknown, app?: string): Plan {
  const fields = (typeof answer === 'object' && answer !== null ? answer : {}) as Fields;
  const types = fields.process_types;
  if (!Array.isArray(types) || !types.every((type) => typeof type === 'object' && type !== null))
    throw new HeadcountError(
      'IMPORT_FAILED',
      'Judoscale answered in a way that is not understood',
      'there is no list named "process_types"',
      'Is the address that of JUDOSCALE_URL? Nothing was changed.',
    );
  const left: string[] = [];
  const name = appNameOf(app ?? String(fields.name ?? ''), left);
  const settings = reader(fields, `the app ${name}`, left);
  settings.ignore('name', 'process_types');
  settings.tellRest();
  return { apps: [{ name, managers: types.flatMap((type) => toManager(type, name, left)) }], left };
}

function toManager(fields: Fields, app: string, left: string[]): PlannedManager[] {
  const processType = String(fields.name ?? '');
  const where = `${app}, ${processType}`;
  if (!isProcessType(processType)) {
    left.push(`${app}: "${processType}" is no name of a process type`);
    return [];
  }
  const settings = reader(fields, where, left);
  // Older attributes of the same settings.
  settings.ignore('name', 'upscale_threshold', 'downscale_threshold', 'autoscale_metrics');
  const low = Math.max(0, Math.round(settings.number('range_min') ?? 0));
  const high = Math.max(low, Math.round(settings.number('range_max') ?? 1));
  const downSeconds = settings.number('downscale_interval_seconds') ?? 600;
  const steps = {
    upBy: settings.number('upscale_quantity') ?? 1,
    downBy: settings.number('downscale_quantity') ?? 1,
    // One checkup of theirs is the first breach.
    upAfterSeconds: Math.min(840, Math.max(0, (settings.number('upscale_sensitivity_seconds') ?? 10) - 10)),
    downAfterSeconds: Math.min(840, downSeconds),
  };
  if (downSeconds > 840)
    left.push(
      `${where}: the quiet time before a cut is 840 s, not ${downSeconds} s; two cuts are kept apart so long`,
    );
  const jobs = jobsOf(settings);
  const found = metricsOf(fields).flatMap((metric) => {
    const made = measuredBy(metric, jobs, steps);
    if (!made) left.push(`${where}: the metric ${JSON.stringify(metric.metric)} has no counterpart here`);
    return made ?? [];
  });
  const enabled = settings.flag('autoscaling_enabled') ?? true;
  const limits = limitOf('cooldown', { upSeconds: settings.number('upscale_interval_seconds'), downSeconds });
  settings.tellRest();
  if (found.length === 0) left.push(`${where}: no metric could be carried over, so it is paused`);
  return [
    {
      processType,
      minimum: low,
      maximum: high,
      paused: !enabled || found.length === 0,
      meters: distinct(found.map(({ meter }) => meter)),
      rules: found.map(({ rule }) => rule),
      limits,
    },
  ];
}

interface Jobs {
  readonly queues: readonly string[];
}

/** Nothing where the process type has no queues. */
function jobsOf(settings: Reader): Jobs | undefined {
  const all = settings.flag('all_queues');
  const names = settings.list('queue_names').map(String);
  return all === undefined && names.length === 0 ? undefined : { queues: all === true ? [] : names };
}

function metricsOf({ autoscale_metrics, upscale_threshold, downscale_threshold }: Fields): Fields[] {
  if (Array.isArray(autoscale_metrics) && autoscale_metrics.length > 0) return autoscale_metrics;
  if (upscale_threshold === undefined) return [];
  return [{ metric: 'adapter_queue_time', upscale_threshold, downscale_threshold }];
}

function measuredBy(
  { metric, upscale_threshold, downscale_threshold }: Fields,
  jobs: Jobs | undefined,
  steps: Readonly<Record<string, number>>,
): { meter: Choice; rule: Choice } | undefined {
  const name = String(metric);
  const [up, down] = [Number(upscale_threshold), Number(downscale_threshold ?? upscale_threshold)];
  if (!Number.isFinite(up) || !Number.isFinite(down)) return undefined;
  const made = (meter: Choice, use: string, options: Choice['options']) => ({
    meter,
    rule: { use, options: { ...options, ...steps } },
  });
  if (/queue_time/.test(name) && jobs)
    return made(
      { use: 'judoscale', options: jobs.queues.length > 0 ? { queues: jobs.queues.join(', ') } : {} },
      'queue-latency',
      { minimumSeconds: down / 1_000, maximumSeconds: up / 1_000 },
    );
  const ms = { minimumMs: down, maximumMs: up };
  if (/queue_time/.test(name)) return made({ use: 'request-queue-time', options: {} }, 'queue-time', ms);
  if (/response_time|app_time/.test(name))
    return made({ use: 'response-time', options: {} }, 'response-time', ms);
  if (/utili[sz]ation/.test(name))
    return made({ use: 'process-load', options: { measure: 'utilisation' } }, 'load', {
      minimum: down,
      maximum: up,
    });
  return undefined;
}

function distinct(choices: readonly Choice[]): Choice[] {
  return [...new Map(choices.map((choice) => [JSON.stringify(choice), choice])).values()];
}
