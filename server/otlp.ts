/**
 * The metrics of /metrics, sent to an OpenTelemetry collector by OTLP over HTTP with JSON, where the environment names one. One
 * push at a time, each with a limit of time and of points; what cannot be sent is dropped, since the counters of the next push
 * contain it. A collector that fails is told of once, and once when it takes them again. OpenTelemetry's own libraries were
 * rejected: they are a dozen packages for one POST.
 */
import type { Logger } from 'pino';
import { type Clock, withDeadline, wordsOf } from './clock.ts';
import type { MetricValues } from './metrics.ts';

export interface OtlpSettings {
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly intervalMs: number;
  /** Of the resource: `service.name` and others. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface OtlpOptions extends OtlpSettings {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  values(): Promise<readonly MetricValues[]>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const sendLimitMs = 10_000;
const lastLimitMs = 2_000;
const pointsPerRequest = 5_000;
const cumulative = 2;

/** As OpenTelemetry names its variables. Nothing: no collector is named, or not for OTLP over HTTP with JSON. */
export function otlpFrom(env: Environment, log: Pick<Logger, 'warn'>): OtlpSettings | undefined {
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const own = env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT;
  const endpoint = own || (base && `${base.replace(/\/+$/, '')}/v1/metrics`);
  if (!endpoint || env.OTEL_METRICS_EXPORTER === 'none' || env.OTEL_SDK_DISABLED === 'true') return undefined;
  const spoken = env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/json';
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!spoken.startsWith('http/') || !url || !/^https?:$/.test(url.protocol)) {
    log.warn(`metrics are not sent: "${endpoint}" by ${spoken} is not OTLP over HTTP; set http/json`);
    return undefined;
  }
  const everyMs = Number(env.OTEL_METRIC_EXPORT_INTERVAL);
  return {
    endpoint,
    headers: pairs(env.OTEL_EXPORTER_OTLP_METRICS_HEADERS ?? env.OTEL_EXPORTER_OTLP_HEADERS),
    intervalMs: everyMs >= 1_000 && everyMs <= 3_600_000 ? everyMs : 60_000,
    attributes: {
      'service.name': 'headcount',
      ...pairs(env.OTEL_RESOURCE_ATTRIBUTES),
      ...(env.OTEL_SERVICE_NAME && { 'service.name': env.OTEL_SERVICE_NAME }),
    },
  };
}

/** Pushes until it is closed; the last time then. */
export function startOtlp(options: OtlpOptions): { close(): Promise<void> } {
  const { clock, log, intervalMs, endpoint } = options;
  const startMs = clock.now();
  let failing = false;
  let closed = false;
  let cancel = (): void => {};
  let running: Promise<void> = Promise.resolve();
  const push = async (limitMs: number): Promise<void> => {
    try {
      await withDeadline(clock, limitMs, undefined, (signal) => send(options, startMs, signal));
      if (failing) log.info(`the collector at ${new URL(endpoint).host} takes metrics again`);
      failing = false;
    } catch (error) {
      if (!failing) log.warn(`metrics are not taken by ${new URL(endpoint).host}: ${wordsOf(error)}`);
      failing = true;
    }
  };
  const later = (): void => {
    cancel = clock.after(intervalMs, () => {
      running = push(sendLimitMs).finally(() => {
        if (!closed) later();
      });
    });
  };
  later();
  return {
    close: async () => {
      closed = true;
      cancel();
      await running;
      if (!failing) await push(lastLimitMs);
    },
  };
}

async function send(
  { endpoint, headers, ...options }: OtlpOptions,
  startMs: number,
  signal: AbortSignal,
): Promise<void> {
  const metrics = (await options.values()).flatMap((one) => metricOf(one, startMs, options.clock.now()));
  for (const part of parts(metrics)) {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(payload(part, options.attributes)),
      redirect: 'error',
      signal,
    });
    await response.body?.cancel();
    if (!response.ok) throw new DOMException(`it answered ${response.status}`, 'OperationError');
  }
}

interface Metric {
  readonly name: string;
  readonly description: string;
  readonly kind: 'gauge' | 'sum' | 'histogram';
  readonly points: readonly object[];
}

function payload(metrics: readonly Metric[], attributes: Readonly<Record<string, string>>): object {
  const written = metrics.map(({ name, description, kind, points }) => ({
    name,
    description,
    [kind]: {
      dataPoints: points,
      ...(kind !== 'gauge' && { aggregationTemporality: cumulative }),
      ...(kind === 'sum' && { isMonotonic: true }),
    },
  }));
  const scopeMetrics = [{ scope: { name: 'headcount' }, metrics: written }];
  return { resourceMetrics: [{ resource: { attributes: attributesOf(attributes) }, scopeMetrics }] };
}

function parts(metrics: readonly Metric[]): Metric[][] {
  const all: Metric[][] = [];
  let room = 0;
  for (const metric of metrics)
    for (let at = 0; at < metric.points.length; ) {
      if (room === 0) {
        all.push([]);
        room = pointsPerRequest;
      }
      const points = metric.points.slice(at, at + room);
      all.at(-1)?.push({ ...metric, points });
      at += points.length;
      room -= points.length;
    }
  return all;
}

interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly metricName?: string;
}

function metricOf(metric: MetricValues, startMs: number, nowMs: number): Metric[] {
  const { name, help } = metric;
  const type = String(metric.type);
  const times = { startTimeUnixNano: nanos(startMs), timeUnixNano: nanos(nowMs) };
  const samples = (metric.values as readonly Sample[]).filter(({ value }) => Number.isFinite(value));
  if (samples.length === 0) return [];
  if (type === 'histogram')
    return [{ name, description: help, kind: 'histogram', points: histograms(name, samples, times) }];
  if (type !== 'counter' && type !== 'gauge') return [];
  const points = samples.map(({ value, labels }) => ({
    attributes: attributesOf(labels),
    ...times,
    asDouble: value,
  }));
  return [{ name, description: help, kind: type === 'counter' ? 'sum' : 'gauge', points }];
}

/** Prometheus' buckets count all below; OpenTelemetry's only what lies between two bounds. */
function histograms(name: string, samples: readonly Sample[], times: object): object[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return [...groups.values()].map((group) => {
    const buckets = group
      .filter(({ metricName }) => metricName === `${name}_bucket`)
      .map(({ labels, value }) => ({
        le: labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le),
        value,
      }))
      .sort((a, b) => a.le - b.le);
    const of = (suffix: string): number =>
      group.find((one) => one.metricName === `${name}_${suffix}`)?.value ?? 0;
    const { le: _, ...labels } = group[0]?.labels ?? {};
    return {
      attributes: attributesOf(labels),
      ...times,
      count: String(of('count')),
      sum: of('sum'),
      bucketCounts: buckets.map(({ value }, index) => String(value - (buckets[index - 1]?.value ?? 0))),
      explicitBounds: buckets.map(({ le }) => le).filter(Number.isFinite),
    };
  });
}

function attributesOf(labels: Sample['labels']): object[] {
  return Object.entries(labels).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: { stringValue: String(value) } }],
  );
}

function nanos(ms: number): string {
  return String(BigInt(Math.round(ms)) * 1_000_000n);
}

/** `api-key=secret,tenant=a%20b` */
function pairs(text: string | undefined): Record<string, string> {
  const entries = (text ?? '').split(',').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    if (at < 1 || name === '') return [];
    try {
      return [[name, decodeURIComponent(value)]];
    } catch {
      return [[name, value]];
    }
  });
  return Object.fromEntries(entries.slice(0, 50));
}
