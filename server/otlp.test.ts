/** The export to an OpenTelemetry collector, received by a real HTTP server; time is moved by the test. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../checks/servers.ts';
import { type VirtualClock, virtualClock } from '../checks/stage.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { otlpFrom, startOtlp } from './otlp.ts';

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    resourceMetrics: {
      resource: { attributes: object[] };
      // biome-ignore lint/suspicious/noExplicitAny: what came over the wire is looked at freely
      scopeMetrics: { metrics: any[] }[];
    }[];
  };
}

let collector: Server;
let received: Received[];
let answer: number;
let clock: VirtualClock;
let metrics: Metrics;
let exporter: { close(): Promise<void> } | undefined;
let lines: string[];
/** Pushes that were ever planned. */
let planned: number;
const log = {
  info: (line: unknown) => void lines.push(`info ${line}`),
  warn: (line: unknown) => void lines.push(`warn ${line}`),
};

beforeEach(async () => {
  [received, lines, answer, clock, planned] = [[], [], 200, virtualClock(), 0];
  collector = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body: JSON.parse(text) });
      response.writeHead(answer).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  metrics = createMetrics({
    clock,
    intervalMs: 10_000,
    manager: () => ({ stored: { minimum: 0, maximum: 8, paused: false } }) as never,
    holds: () => true,
    prices: async () => undefined,
  });
  metrics.heard({
    app: 'shop',
    processType: 'worker',
    point: { at: clock.now() - 300, waiting: 12, current: 2, desired: 4, unknown: 0 },
  });
});
afterEach(async () => {
  await exporter?.close();
  exporter = undefined;
  collector.closeAllConnections();
  await new Promise((resolve) => collector.close(resolve));
});

function start(more: Record<string, string> = {}): void {
  const { port } = collector.address() as AddressInfo;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}/`, ...more };
  const settings = otlpFrom(env, log);
  if (!settings) throw new Error('nothing is to be sent');
  const after: VirtualClock['after'] = (delayMs, callback) => {
    if (delayMs === settings.intervalMs) planned += 1;
    return clock.after(delayMs, callback);
  };
  exporter = startOtlp({ ...settings, clock: { ...clock, after }, log, values: metrics.values });
}

async function push(): Promise<Received> {
  const before = received.length;
  // The next push is planned when the one before has ended.
  await until(() => planned > before, 'a planned push');
  clock.advance(60_000);
  await until(() => received.length > before, 'a push');
  return received[before] as Received;
}

const found = ({ body }: Received, name: string) =>
  body.resourceMetrics[0]?.scopeMetrics[0]?.metrics.find((one) => one.name === name);

describe('what is sent', () => {
  test('gauges, sums and histograms, with the service and the headers', async () => {
    start({
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=s%20ecret,tenant=a',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=prod',
    });
    const first = await push();
    expect(first.path).toBe('/v1/metrics');
    expect(first.headers).toMatchObject({
      'content-type': 'application/json',
      'api-key': 's ecret',
      tenant: 'a',
    });
    expect(first.body.resourceMetrics[0]?.resource.attributes).toEqual([
      { key: 'service.name', value: { stringValue: 'headcount' } },
      { key: 'deployment.environment', value: { stringValue: 'prod' } },
    ]);
    const attributes = [
      { key: 'app', value: { stringValue: 'shop' } },
      { key: 'process_type', value: { stringValue: 'worker' } },
    ];
    expect(found(first, 'headcount_waiting_jobs').gauge.dataPoints).toMatchObject([
      { attributes, asDouble: 12 },
    ]);
    expect(found(first, 'headcount_checkups_total').sum).toMatchObject({
      isMonotonic: true,
      aggregationTemporality: 2,
      dataPoints: [{ attributes, asDouble: 1, startTimeUnixNano: '1760000000000000000' }],
    });
    const [point] = found(first, 'headcount_checkup_duration_seconds').histogram.dataPoints;
    expect(point).toMatchObject({ count: '1', sum: 0.3 });
    expect(point.explicitBounds).toEqual([0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]);
    expect(point.bucketCounts).toEqual(['0', '0', '0', '0', '1', '0', '0', '0', '0', '0', '0', '0']);
    expect(found(first, 'headcount_oldest_wait_seconds')).toBeUndefined();
    expect(lines).toEqual([]);
  });

  test('many series in several requests', async () => {
    for (let index = 0; index < 700; index++)
      metrics.heard({
        app: `app-${index}`,
        processType: 'worker',
        point: { at: clock.now(), waiting: 1, current: 1, desired: 1, unknown: 0 },
      });
    start();
    await push();
    const seen = () =>
      received.flatMap((one) => found(one, 'headcount_processes')?.gauge.dataPoints ?? []).length;
    await until(() => received.length >= 2 && seen() === 701, 'all series');
    for (const { body } of received) {
      const all = body.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [];
      const points = all.map((one) => (one.gauge ?? one.sum ?? one.histogram).dataPoints.length);
      expect(points.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(5_000);
    }
  });
});

test('a collector that fails is told of once, and once when it works again', async () => {
  answer = 503;
  start();
  await push();
  await push();
  await push();
  await until(() => lines.length > 0, 'a line');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^warn metrics are not taken by 127\.0\.0\.1:\d+: it answered 503$/);
  answer = 200;
  await push();
  await until(() => lines.length > 1, 'a second line');
  expect(lines[1]).toMatch(/^info the collector at 127\.0\.0\.1:\d+ takes metrics again$/);
});

test('the last numbers go out when it ends', async () => {
  start();
  await exporter?.close();
  expect(received).toHaveLength(1);
  expect(clock.waitingCount()).toBe(0);
  exporter = undefined;
});

test.each([
  [{}, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, 'http://c:4318/v1/metrics'],
  [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'https://c/own' }, 'https://c/own'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_METRICS_EXPORTER: 'none' }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }, undefined],
])('%j leads to %s', (env, endpoint) => {
  expect(otlpFrom(env, log)?.endpoint).toBe(endpoint);
});

test('how often, and what cannot be', () => {
  const every = (text: string) =>
    otlpFrom({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_METRIC_EXPORT_INTERVAL: text }, log)?.intervalMs;
  expect(['5000', '10', 'often'].map(every)).toEqual([5_000, 60_000, 60_000]);
});
