/** KEDA's external scaler, asked by a real gRPC client as KEDA asks it. */
import {
  type Client,
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../checks/servers.ts';
import type { CheckupEvent } from './api.ts';
import { type Keda, type KedaOptions, openKeda } from './keda.ts';
import { protocol } from './keda-protocol.ts';

const startMs = 1_760_000_000_000;
let now: number;
let manager: { stored: { paused: boolean }; memory: { latest?: CheckupEvent['point']; unknown?: string } };
let keda: Keda;
let client: Client & Record<string, (...given: unknown[]) => ClientReadableStream<{ result: boolean }>>;
const listeners = new Set<(event: CheckupEvent) => void>();

const point = { at: startMs, waiting: 35, current: 2, desired: 4, unknown: 0 };
const worker = { app: 'shop', processType: 'worker' };

async function open(more: Partial<KedaOptions> = {}): Promise<void> {
  keda = await openKeda({
    port: 0,
    host: '127.0.0.1',
    clock: { now: () => now },
    log: { info: () => {}, warn: () => {} },
    intervalMs: 10_000,
    manager: (app, processType) =>
      app === worker.app && processType === worker.processType ? (manager as never) : undefined,
    listeners,
    ...more,
  });
  const loaded = loadPackageDefinition(
    fromJSON(protocol as Parameters<typeof fromJSON>[0], { longs: Number, defaults: true }),
  );
  const { ExternalScaler } = loaded.externalscaler as unknown as { ExternalScaler: ServiceClientConstructor };
  client = new ExternalScaler(`127.0.0.1:${keda.port}`, credentials.createInsecure()) as never;
}

beforeEach(async () => {
  now = startMs + 5_000;
  manager = { stored: { paused: false }, memory: { latest: point } };
  await open();
});
afterEach(async () => {
  client.close();
  await keda.close();
  listeners.clear();
});

const ref = (metadata: Record<string, string>) => ({
  name: 'worker',
  namespace: 'default',
  scalerMetadata: { ...worker, ...metadata },
});

/** The answer, or the status that it was refused with. */
async function ask(method: string, request: object): Promise<unknown> {
  return await new Promise((resolve) => {
    client[method]?.(request, (error: ServiceError | null, answer: unknown) =>
      resolve(error ? { code: status[error.code], details: error.details } : answer),
    );
  });
}

const metrics = (metadata: Record<string, string>, metricName = 'x') =>
  ask('GetMetrics', { scaledObjectRef: ref(metadata), metricName });

describe('what is asked once', () => {
  test('the decision: one process per unit, so that the HPA takes the number as it is', async () => {
    expect(await ask('GetMetricSpec', ref({}))).toEqual({
      metricSpecs: [{ metricName: 'headcount-shop-worker-desired', targetSize: 1, targetSizeFloat: 1 }],
    });
    expect(await metrics({}, 'headcount-shop-worker-desired')).toEqual({
      metricValues: [{ metricName: 'headcount-shop-worker-desired', metricValue: 4, metricValueFloat: 4 }],
    });
    expect(await ask('IsActive', ref({}))).toEqual({ result: true });
  });

  test('the waiting jobs, with how many one process is for', async () => {
    const waiting = { mode: 'waiting', target: '7.5' };
    expect(await ask('GetMetricSpec', ref(waiting))).toEqual({
      metricSpecs: [{ metricName: 'headcount-shop-worker-waiting', targetSize: 8, targetSizeFloat: 7.5 }],
    });
    expect(await metrics(waiting)).toEqual({
      metricValues: [{ metricName: 'x', metricValue: 35, metricValueFloat: 35 }],
    });
    expect(await ask('IsActive', ref({ ...waiting, activation: '35' }))).toEqual({ result: false });
    expect(await ask('IsActive', ref({ ...waiting, activation: '34' }))).toEqual({ result: true });
  });

  test('a known nothing is inactive', async () => {
    manager.memory.latest = { ...point, waiting: 0, desired: 0 };
    expect(await ask('IsActive', ref({}))).toEqual({ result: false });
    expect(await metrics({ mode: 'waiting' })).toMatchObject({ metricValues: [{ metricValueFloat: 0 }] });
  });
});

describe('what is unknown is an error and never 0', () => {
  test.each([
    ['no checkup yet', () => delete manager.memory.latest, 'there was no checkup yet'],
    ['an unknown reading', () => (manager.memory.unknown = 'Redis is gone'), 'unknown: Redis is gone'],
    ['an old checkup', () => (now = startMs + 61_000), 'the last checkup is 61 s old'],
  ])('%s', async (_, make, details) => {
    make();
    const refused = { code: 'UNAVAILABLE', details };
    expect(await metrics({})).toEqual(refused);
    expect(await metrics({ mode: 'waiting' })).toEqual(refused);
    expect(await ask('IsActive', ref({}))).toEqual(refused);
    // What kind of number it is, is known all the same.
    expect(await ask('GetMetricSpec', ref({}))).toMatchObject({ metricSpecs: [{ targetSize: 1 }] });
  });

  test('a meter that does not count waiting jobs', async () => {
    const { waiting: _, ...rest } = point;
    manager.memory.latest = rest;
    expect(await metrics({ mode: 'waiting' })).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await metrics({})).toMatchObject({ metricValues: [{ metricValueFloat: 4 }] });
  });

  test('a paused manager decides nothing', async () => {
    manager.stored.paused = true;
    expect(await metrics({})).toEqual({ code: 'FAILED_PRECONDITION', details: 'the manager is paused' });
    expect(await metrics({ mode: 'waiting' })).toMatchObject({ metricValues: [{ metricValueFloat: 35 }] });
  });
});

test.each([
  [{ app: 'musik' }, 'NOT_FOUND', 'there is no manager "worker" in the app "musik"'],
  [{ app: '' }, 'INVALID_ARGUMENT', 'the metadata "app" and "processType" are needed'],
  [{ mode: 'wating' }, 'INVALID_ARGUMENT', 'unknown mode "wating", did you mean "waiting"?'],
  [{ target: 'many' }, 'INVALID_ARGUMENT', 'the metadata "target" is no number: "many"'],
  [{ target: '0' }, 'INVALID_ARGUMENT', 'the metadata "target" is above 0'],
])('%j is refused', async (metadata, code, details) => {
  for (const answer of [await ask('GetMetricSpec', ref(metadata)), await metrics(metadata)])
    expect(answer).toEqual({ code, details });
});

test('a token, where one is set', async () => {
  client.close();
  await keda.close();
  await open({ token: 'a-secret-of-keda' });
  expect(await metrics({})).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(await metrics({ token: 'wrong' })).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(await metrics({ token: 'a-secret-of-keda' })).toMatchObject({ metricValues: [{ metricValue: 4 }] });
});

test('a stream tells at once and with every checkup, says nothing of what is unknown, and leaves', async () => {
  const told: boolean[] = [];
  let heard = (): void => {};
  const next = () =>
    new Promise<void>((resolve) => {
      heard = resolve;
    });
  let waits = next();
  const stream = client.StreamIsActive?.(ref({}));
  if (!stream) throw new Error('no such method');
  stream.on('error', () => {});
  stream.on('data', ({ result }: { result: boolean }) => {
    told.push(result);
    heard();
  });
  await waits;
  const checkup = (more: object): void => {
    for (const listener of listeners) listener({ ...worker, point, ...more });
  };
  manager.memory.unknown = 'Redis is gone';
  checkup({});
  delete manager.memory.unknown;
  manager.memory.latest = { ...point, desired: 0 };
  checkup({ app: 'another' });
  waits = next();
  checkup({});
  await waits;
  expect(told).toEqual([true, false]);
  expect(listeners.size).toBe(1);
  stream.cancel();
  await until(() => listeners.size === 0, 'the end of the stream');
});

test('a port that is taken is told', async () => {
  await expect(open({ port: keda.port })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
});
