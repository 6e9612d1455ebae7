/**
 * One HireFire application in our words. Every setting is taken by name; what nobody took and is set stands in `left` at the end, so
 * that a setting which this file does not know is told and not lost.
 *
 * "Sensitivity" counts checkups there and is seconds here: (n - 1) checkups of the application's own frequency. Time-outs
 * are minutes there. The Apdex is in hundredths there, a load of 1 is 100.
 */
import type { Choice } from '../../server/api.ts';
import { scheduleOf } from './hirefire-ranges.ts';
import { isProcessType, limitOf, type PlannedApp, type PlannedManager } from './plan.ts';
import { type Reader, reader } from './settings.ts';

export interface Application {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly timeZone?: string;
}

export interface RawManager {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Absent: they could not be listed. */
  readonly ranges?: readonly Readonly<Record<string, unknown>>[];
}

type Options = Record<string, string | number | boolean>;

export function toApp(
  name: string,
  { fields, timeZone }: Application,
  managers: readonly RawManager[],
  left: string[],
): PlannedApp {
  const settings = reader(fields, `the app ${name}`, left);
  const scheme = settings.flag('ssl') === false ? 'http' : 'https';
  const host = settings.text('custom_domain') ?? `${settings.text('name')}.herokuapp.com`;
  const checkupSeconds = settings.number('checkup_frequency') ?? 60;
  settings.ignore(
    'id',
    'name',
    'account_id',
    'token',
    'logplex_drain_token',
    'issue',
    'created_at',
    'updated_at',
  );
  settings.tellRest();
  return {
    name,
    url: `${scheme}://${host}`,
    managers: managers.flatMap((manager) => {
      const made = toManager(manager, { app: name, checkupSeconds, timeZone }, left);
      return made ? [made] : [];
    }),
  };
}

interface Around {
  readonly app: string;
  readonly checkupSeconds: number;
  readonly timeZone: string | undefined;
}

function toManager(
  { fields, ranges }: RawManager,
  around: Around,
  left: string[],
): PlannedManager | undefined {
  const processType = String(fields.name ?? '');
  const where = `${around.app}, ${processType}`;
  if (!isProcessType(processType)) {
    left.push(`${around.app}: the manager "${processType}" has a name that no process type can have`);
    return undefined;
  }
  const settings = reader(fields, where, left);
  settings.ignore('id', 'application_id', 'name', 'dyno_quantity', 'metric_value', 'issue');
  settings.ignore('last_checkup_time', 'last_scale_time', 'created_at', 'updated_at');
  const { minimum, maximum, wrong } = boundsOf(settings.number('minimum'), settings.number('maximum'));
  if (wrong) left.push(`${where}: ${wrong}`);
  const enabled = settings.flag('enabled') ?? true;
  const measured = measuredBy(String(settings.text('type') ?? ''), settings, around.checkupSeconds);
  for (const note of measured.notes) left.push(`${where}: ${note}`);
  const limits = [
    ...measured.limits,
    ...limitOf('step', {
      maxUp: settings.number('upscale_limit'),
      maxDown: settings.number('downscale_limit'),
    }),
    ...limitOf('cooldown', {
      upSeconds: (settings.number('upscale_timeout') ?? 0) * 60,
      downSeconds: (settings.number('downscale_timeout') ?? 0) * 60,
    }),
    ...scheduleOf(ranges, around.timeZone, where, left),
  ];
  if (settings.flag('notify') !== true) settings.ignore('notify_quantity', 'notify_after');
  settings.tellRest();
  const { meters, rules } = measured;
  return { processType, minimum, maximum, paused: !enabled || measured.paused, meters, rules, limits };
}

function boundsOf(minimum = 0, maximum = 1): { minimum: number; maximum: number; wrong?: string } {
  const whole = (count: number): number => Math.min(10_000, Math.max(0, Math.round(count)));
  const [low, high] = [whole(minimum), whole(maximum)];
  if (low <= high) return { minimum: low, maximum: high };
  return { minimum: high, maximum: high, wrong: `its minimum (${low}) was above its maximum (${high})` };
}

interface Measured {
  readonly meters: Choice[];
  readonly rules: Choice[];
  readonly limits: Choice[];
  readonly paused: boolean;
  readonly notes: string[];
}

/** `Manager::Web::NewRelic::V2::Apdex` -> from "NewRelic", what "Apdex". */
function measuredBy(type: string, settings: Reader, checkupSeconds: number): Measured {
  const [, , from = '', ...rest] = type.split('::');
  const what = rest.at(-1) ?? '';
  const source = from === 'NewRelic' ? newRelic(settings) : sourceOf(from, what, settings);
  const rule = ruleOf(what, settings, checkupSeconds);
  if (!source || !rule)
    return {
      meters: [],
      rules: [],
      limits: [],
      paused: true,
      notes: [`its type "${type}" has no counterpart here, so it has no meter and no rule and is paused`],
    };
  return {
    meters: [source.meter],
    rules: [rule.rule],
    limits: rule.limits,
    paused: source.paused ?? false,
    notes: [...(source.note ? [source.note] : []), ...rule.notes],
  };
}

interface Source {
  readonly meter: Choice;
  readonly paused?: boolean;
  readonly note?: string;
}

function sourceOf(from: string, what: string, settings: Reader): Source | undefined {
  const meter = (use: string, options: Options = {}, note?: string): Source => ({
    meter: { use, options },
    ...(note && { note }),
  });
  switch (what) {
    case 'JobQueue':
      return meter('http-info');
    case 'JobLatency':
      return meter('http-info', { means: 'seconds' });
    case 'QueueTime':
    case 'RequestQueueTime':
      return meter('request-queue-time');
    case 'ResponseTime':
      return from === 'HireFire'
        ? meter(
            'response-time',
            {},
            'no address is timed here; the times of real requests count, from a log drain',
          )
        : meter('response-time');
    case 'ConnectTime':
      return meter('response-time', { measure: 'connect' });
    case 'RPM':
    case 'RequestsPerMinute':
      return meter('response-time');
    case 'Load':
      return meter('process-load', { measure: `load${settings.number('last_minutes') ?? 1}` });
    case 'CPUActivity':
      return meter('process-load', { measure: 'cpu' });
    default:
      return undefined;
  }
}

/** Its keys are those of the REST API, which NerdGraph does not take, and it knows the app by number. */
function newRelic(settings: Reader): Source {
  const app = settings.text('new_relic_app_id') ?? '?';
  const account = Number(settings.text('new_relic_account_id'));
  const region = settings.text('new_relic_region')?.toLowerCase() === 'eu' ? { region: 'eu' } : {};
  settings.ignore('new_relic_api_key');
  return {
    meter: {
      use: 'new-relic',
      options: {
        apiKey: 'NRAK-fill-in',
        accountId: Number.isInteger(account) && account > 0 ? account : 1,
        app: `name of app ${app}`,
        ...region,
      },
    },
    paused: true,
    note: `fill in New Relic's user key (apiKey), account number and the name of app ${app}; until then it is paused`,
  };
}

interface RuleFound {
  readonly rule: Choice;
  readonly limits: Choice[];
  readonly notes: string[];
}

function ruleOf(what: string, settings: Reader, checkupSeconds: number): RuleFound | undefined {
  const after = (name: string): number => Math.max(0, ((settings.number(name) ?? 1) - 1) * checkupSeconds);
  const band = (use: string, name: string, low: string, high: string, scale = 1): RuleFound => {
    const [minimum, maximum] = [settings.number(`minimum_${name}`), settings.number(`maximum_${name}`)];
    const times = use === 'queue-time' || use === 'response-time' ? timesOf(settings) : {};
    const options: Options = {
      [low]: (minimum ?? 0) / scale,
      [high]: (maximum ?? minimum ?? 0) / scale,
      ...times,
      upBy: settings.number('upscale_quantity') ?? 1,
      downBy: settings.number('downscale_quantity') ?? 1,
      upAfterSeconds: Math.min(840, after('upscale_sensitivity')),
      downAfterSeconds: Math.min(840, after('downscale_sensitivity')),
    };
    const missing = minimum === undefined || maximum === undefined;
    const note = `look at its thresholds: HireFire gave no ${minimum === undefined ? 'lower' : 'upper'} one`;
    return { rule: { use, options }, limits: [], notes: missing ? [note] : [] };
  };
  const ratio = (use: string, more: Options = {}): RuleFound => {
    // The step follows from the ratio.
    settings.ignore('upscale_quantity', 'downscale_quantity');
    return {
      rule: { use, options: { ratio: settings.number('ratio') ?? 1, ...more } },
      limits: limitOf('stabilise', {
        upSeconds: Math.min(3_600, after('upscale_sensitivity')),
        downSeconds: Math.min(3_600, after('downscale_sensitivity')),
      }),
      notes: [],
    };
  };
  switch (what) {
    case 'JobQueue':
      return ratio('queue-size', { decrementable: settings.flag('decrementable') ?? false });
    case 'JobLatency': {
      const found = band('queue-latency', 'latency', 'minimumSeconds', 'maximumSeconds');
      Object.assign(found.rule.options, { startOnFirstJob: settings.flag('upscale_on_initial_job') ?? true });
      return found;
    }
    case 'QueueTime':
    case 'RequestQueueTime':
      return band('queue-time', 'queue_time', 'minimumMs', 'maximumMs');
    case 'ResponseTime':
      return band('response-time', 'response_time', 'minimumMs', 'maximumMs');
    case 'ConnectTime':
      return band('response-time', 'connect_time', 'minimumMs', 'maximumMs');
    case 'RPM':
    case 'RequestsPerMinute':
      return ratio('requests-per-minute');
    case 'Load':
      return band('load', 'load', 'minimum', 'maximum', 100);
    case 'CPUActivity':
      return band('load', 'cpu', 'minimum', 'maximum');
    case 'Apdex':
      return band('apdex', 'apdex', 'minimum', 'maximum', 100);
    default:
      return undefined;
  }
}

function timesOf(settings: Reader): Options {
  const aggregation = settings.text('aggregation');
  const percentile = settings.number('percentile');
  if (aggregation !== 'percentile') return { aggregation: 'average' };
  return { aggregation, ...(percentile !== undefined && { percentile }) };
}
