/**
 * An external scaler for KEDA, by gRPC: who scales with KEDA gets our readings (`mode: waiting`) or our decisions
 * (`mode: desired`, the default). It answers from what the last checkup saw and asks nothing itself, so KEDA may ask as often as
 * it likes. What is unknown, old or paused is an error status, on which KEDA and the HPA leave the number as it is; an answer of 0
 * would stop every worker.
 */
import {
  Server as GrpcServer,
  type handleServerStreamingCall,
  type handleUnaryCall,
  loadPackageDefinition,
  type Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceClientConstructor,
  status,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { Logger } from 'pino';
import { HeadcountError } from '../decide/errors.ts';
import { unknownName } from '../decide/options.ts';
import type { CheckupEvent } from './api.ts';
import { sameText } from './auth.ts';
import type { Clock } from './clock.ts';
import {
  type GetMetricsRequest,
  type MetricSpec,
  type MetricValue,
  protocol,
  type ScaledObjectRef,
} from './keda-protocol.ts';
import type { WatchedManager } from './watched.ts';

export interface KedaOptions {
  readonly port: number;
  readonly host: string;
  /** What a trigger's metadata is to carry as `token`. Absent: nothing. */
  readonly token?: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly intervalMs: number;
  manager(app: string, processType: string): Pick<WatchedManager, 'stored' | 'memory'> | undefined;
  readonly listeners: Set<(event: CheckupEvent) => void>;
}

export interface Keda {
  readonly port: number;
  close(): Promise<void>;
}

const modes = ['desired', 'waiting'] as const;
const streamsMaximum = 1_000;
const messageBytes = 64 * 1024;
const closeLimitMs = 2_000;

interface Trigger {
  readonly app: string;
  readonly processType: string;
  readonly mode: (typeof modes)[number];
  /** Jobs per process, for `waiting`. */
  readonly target: number;
  /** Above it there is work. */
  readonly activation: number;
}

/** A refusal as gRPC has it. */
interface Refusal {
  readonly code: status;
  readonly details: string;
}

type Ref = ScaledObjectRef;

/** @throws HeadcountError PORT_IN_USE */
export async function openKeda(options: KedaOptions): Promise<Keda> {
  const server = new GrpcServer({ 'grpc.max_receive_message_length': messageBytes });
  const streams = new Set<ServerWritableStream<Ref, { result: boolean }>>();
  const isActive = (ref: Ref): { result: boolean } => {
    const trigger = read(options, ref);
    return { result: currentValue(options, trigger) > trigger.activation };
  };
  server.addService(serviceOf(), {
    IsActive: answering((ref: Ref) => isActive(ref)),
    StreamIsActive: streaming(options, streams, isActive),
    GetMetricSpec: answering((ref: Ref) => ({ metricSpecs: [specOf(read(options, ref))] })),
    GetMetrics: answering(({ scaledObjectRef, metricName }: GetMetricsRequest) => {
      const trigger = read(options, scaledObjectRef ?? { name: '', namespace: '', scalerMetadata: {} });
      const value = currentValue(options, trigger);
      const metric: MetricValue = {
        metricName: metricName || specOf(trigger).metricName,
        metricValue: Math.ceil(value),
        metricValueFloat: value,
      };
      return { metricValues: [metric] };
    }),
  });
  const port = await bind(server, options);
  options.log.info({ port }, 'KEDA may ask here');
  return { port, close: () => close(server, streams) };
}

function serviceOf(): ServiceClientConstructor['service'] {
  const loaded = loadPackageDefinition(
    fromJSON(protocol as Parameters<typeof fromJSON>[0], { longs: Number, defaults: true }),
  );
  const { ExternalScaler } = loaded.externalscaler as unknown as { ExternalScaler: ServiceClientConstructor };
  return ExternalScaler.service;
}

function answering<Asked, Answer>(answer: (asked: Asked) => Answer): handleUnaryCall<Asked, Answer> {
  return ({ request }, callback) => {
    try {
      callback(null, answer(request));
    } catch (error) {
      callback(refusalOf(error));
    }
  };
}

/** At once, and with every checkup; what is unknown is not told, so KEDA goes on with what it knows. */
function streaming(
  { listeners }: KedaOptions,
  streams: Set<ServerWritableStream<Ref, { result: boolean }>>,
  isActive: (ref: Ref) => { result: boolean },
): handleServerStreamingCall<Ref, { result: boolean }> {
  return (call) => {
    if (streams.size >= streamsMaximum) {
      call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'too many streams are open' });
      return;
    }
    const { app, processType } = call.request.scalerMetadata;
    const tell = (event?: CheckupEvent): void => {
      if (event && (event.app !== app || event.processType !== processType)) return;
      try {
        call.write(isActive(call.request));
      } catch (error) {
        const refusal = refusalOf(error);
        if (refusal.code !== status.UNAVAILABLE) call.emit('error', refusal);
      }
    };
    const leave = (): void => {
      streams.delete(call);
      listeners.delete(tell);
    };
    for (const event of ['cancelled', 'close', 'error', 'finish']) call.on(event, leave);
    streams.add(call);
    listeners.add(tell);
    tell();
  };
}

function read({ token, manager }: KedaOptions, { scalerMetadata }: Ref): Trigger {
  const { app = '', processType = '', mode = 'desired' } = scalerMetadata;
  if (token !== undefined && !sameText(scalerMetadata.token ?? '', token))
    throw refusal(status.UNAUTHENTICATED, 'the metadata "token" is not the one of headcount.yaml');
  if (app === '' || processType === '')
    throw refusal(status.INVALID_ARGUMENT, 'the metadata "app" and "processType" are needed');
  const known = modes.find((one) => one === mode);
  if (!known) throw refusal(status.INVALID_ARGUMENT, unknownName('mode', mode, modes));
  if (!manager(app, processType))
    throw refusal(status.NOT_FOUND, `there is no manager "${processType}" in the app "${app}"`);
  const target = numberIn(scalerMetadata, 'target', 10);
  if (target <= 0) throw refusal(status.INVALID_ARGUMENT, 'the metadata "target" is above 0');
  return { app, processType, mode: known, target, activation: numberIn(scalerMetadata, 'activation', 0) };
}

function numberIn(metadata: Readonly<Record<string, string>>, name: string, preset: number): number {
  const text = metadata[name];
  const value = text === undefined || text === '' ? preset : Number(text);
  if (Number.isFinite(value)) return value;
  throw refusal(status.INVALID_ARGUMENT, `the metadata "${name}" is no number: "${text}"`);
}

function specOf({ app, processType, mode, target }: Trigger): MetricSpec {
  const size = mode === 'desired' ? 1 : target;
  return {
    metricName: `headcount-${app}-${processType}-${mode}`,
    targetSize: Math.ceil(size),
    targetSizeFloat: size,
  };
}

/** Processes that are wanted, or jobs that wait. Never a guess. */
function currentValue(
  { manager, clock, intervalMs }: KedaOptions,
  { app, processType, mode }: Trigger,
): number {
  const { memory, stored } = manager(app, processType) ?? {};
  const latest = memory?.latest;
  if (!latest) throw refusal(status.UNAVAILABLE, 'there was no checkup yet');
  const ageMs = clock.now() - latest.at;
  if (ageMs > Math.max(60_000, 5 * intervalMs))
    throw refusal(status.UNAVAILABLE, `the last checkup is ${Math.round(ageMs / 1000)} s old`);
  if (memory.unknown !== undefined) throw refusal(status.UNAVAILABLE, `unknown: ${memory.unknown}`);
  if (mode === 'desired' && stored?.paused)
    throw refusal(status.FAILED_PRECONDITION, 'the manager is paused');
  const value = mode === 'desired' ? latest.desired : latest.waiting;
  if (value === undefined) throw refusal(status.UNAVAILABLE, 'no meter of it counts waiting jobs');
  return value;
}

function refusal(code: status, details: string): Refusal {
  return { code, details };
}

function refusalOf(error: unknown): Refusal {
  if (typeof error === 'object' && error !== null && 'code' in error && 'details' in error)
    return error as Refusal;
  return refusal(status.INTERNAL, error instanceof Error ? error.message : String(error));
}

async function bind(server: Server, { host, port }: KedaOptions): Promise<number> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return await new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (!error) return resolve(bound);
      const todo = 'Choose another port with "keda: { port: … }" in headcount.yaml.';
      reject(
        new HeadcountError('PORT_IN_USE', `KEDA's port ${address} cannot be opened`, error.message, todo),
      );
    });
  });
}

async function close(
  server: Server,
  streams: ReadonlySet<ServerWritableStream<Ref, { result: boolean }>>,
): Promise<void> {
  for (const stream of streams) stream.end();
  const forced = setTimeout(() => server.forceShutdown(), closeLimitMs);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  clearTimeout(forced);
}
