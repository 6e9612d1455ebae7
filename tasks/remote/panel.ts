/**
 * What a worker answers to remote control, method by method as celery/worker/control.py (5.6.3) does, so that
 * `celery inspect`, `celery control` and Flower work on it. This file reads; panel-changes.ts changes.
 *
 * Jobs that are due later wait in the broker and are of no worker in particular; `scheduled` tells them once among all
 * workers, so that a sum over the answers is right.
 */
import type { Delivery } from '../broker.ts';
import { isLate } from '../conclude.ts';
import { isoTime, type TaskMessage } from '../message.ts';
import { reprOfArgs, reprOfKwargs } from '../repr.ts';
import type { RunningJob } from '../workbench.ts';
import { forward, software } from './events.ts';
import { processed, type WorkerNode } from './node.ts';

type Fields = Readonly<Record<string, unknown>>;
export type Method = (node: WorkerNode, args: Fields) => unknown;

export const inspections: Readonly<Record<string, Method>> = {
  ping: () => ({ ok: 'pong' }),
  active: ({ name, bench }, { safe }) =>
    [...bench.running].map((job) => runningInfo(name, job, safe === true)),
  reserved: ({ name, bench }, { safe }) =>
    messagesOf(bench.reserved).map(([delivery, message]) => info(name, delivery, message, safe === true)),
  scheduled: async ({ name, bench }, { safe }) =>
    ((await bench.consumer.scheduled?.()) ?? []).map((held) => ({
      eta: isoTime(held.message.etaMs),
      priority: 6,
      request: info(name, held, held.message, safe === true),
    })),
  stats,
  active_queues: ({ bench }) => (bench.stopping ? [] : bench.queues.map(queueInfo)),
  registered: ({ bench }) =>
    [...bench.tasks.keys()]
      .filter(isNotBuiltIn)
      .sort()
      .map((task) => registeredLine(bench, task)),
  revoked: ({ bench }) => [...bench.controls.revoked.entries()].map(([id]) => id),
  query_task: ({ name, bench }, { ids }) => {
    const wanted = new Set(listOf(ids).map(String));
    const running = [...bench.running].filter((job) => wanted.has(job.message.id));
    const reserved = messagesOf(bench.reserved).filter(([, message]) => wanted.has(message.id));
    return Object.fromEntries([
      ...reserved.map(([one, message]) => [message.id, ['reserved', info(name, one, message, false)]]),
      ...running.map((job) => [job.message.id, ['active', runningInfo(name, job, false)]]),
    ]);
  },
  conf: ({ bench, broker, prefetch }) => ({
    broker_url: broker,
    task_acks_late: true,
    task_default_queue: bench.queues[0] ?? null,
    task_ignore_result: bench.ignoreResult,
    task_serializer: 'json',
    timezone: 'UTC',
    worker_concurrency: bench.slots,
    worker_prefetch_maximum: prefetch,
  }),
  report: ({ name }) => ({
    ok: `software -> ${software.sw_ident}:${software.sw_ver} node:${process.versions.node}\nplatform -> ${process.platform} ${process.arch}\nworker -> ${name}`,
  }),
  clock: () => ({ clock: forward() }),
  memsample: () => `${Math.round(process.memoryUsage.rss() / 1e6)}MB`,
  /** A Python worker that starts asks what is revoked; the times must be floats, and JSON has them only as fractions. */
  hello: ({ name, bench }, { from_node: from, revoked }) => {
    if (from === name) return null;
    for (const [id, at] of Object.entries((revoked ?? {}) as Fields))
      bench.controls.revoked.add(id, Number(listOf(at)[0]) * 1000 || Date.now());
    const ids = [...bench.controls.revoked.entries()].map(([id, at]) => [id, Math.floor(at / 1000) + 0.5]);
    return { revoked: Object.fromEntries(ids), clock: forward() };
  },
};

for (const method of ['active', 'reserved', 'revoked'] as const)
  Object.assign(inspections, { [`dump_${method}`]: inspections[method] });
Object.assign(inspections, {
  dump_schedule: inspections.scheduled,
  dump_tasks: inspections.registered,
  dump_conf: inspections.conf,
});

export function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function stats(node: WorkerNode): Fields {
  const { bench, startedMs, broker } = node;
  const usage = process.resourceUsage();
  const address = URL.canParse(broker) ? new URL(broker) : undefined;
  return {
    total: Object.fromEntries(bench.totals),
    pid: process.pid,
    clock: String(forward()),
    uptime: Math.round((Date.now() - startedMs) / 1000),
    pool: {
      implementation: `headcount-tasks:${bench.pool ? 'threads' : 'slots'}`,
      'max-concurrency': bench.slots,
      processes: [process.pid],
      'max-tasks-per-child': Number.isFinite(bench.remaining) ? processed(bench) + bench.remaining : 'N/A',
      timeouts: [0, 0],
    },
    prefetch_count: node.prefetchNow(),
    broker: {
      hostname: address?.hostname ?? null,
      port: Number(address?.port) || null,
      transport: address?.protocol.replace(':', '') ?? null,
      virtual_host: address?.pathname.slice(1) || '/',
    },
    // Seconds and kilobytes, as getrusage has them.
    rusage: {
      utime: usage.userCPUTime / 1e6,
      stime: usage.systemCPUTime / 1e6,
      maxrss: usage.maxRSS,
      minflt: usage.minorPageFault,
      majflt: usage.majorPageFault,
      inblock: usage.fsRead,
      oublock: usage.fsWrite,
      nvcsw: usage.voluntaryContextSwitches,
      nivcsw: usage.involuntaryContextSwitches,
    },
  };
}

/** kombu's `Queue.as_dict()`: a queue bound to the exchange of its name, as Celery declares it. */
function queueInfo(name: string): Fields {
  const flags = { durable: true, auto_delete: false };
  const exchange = { name, type: 'direct', arguments: null, passive: false, delivery_mode: null, ...flags };
  return {
    name,
    exchange: { ...exchange, no_declare: false },
    routing_key: name,
    queue_arguments: null,
    binding_arguments: null,
    consumer_arguments: null,
    ...flags,
    exclusive: false,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: null,
  };
}

/** Every worker has those, so nobody lists them. */
function isNotBuiltIn(task: string): boolean {
  return !task.startsWith('celery.');
}

function registeredLine({ controls }: WorkerNode['bench'], task: string): string {
  const rate = controls.rates.get(task)?.text;
  return rate === undefined ? task : `${task} [rate_limit=${rate}]`;
}

function messagesOf(deliveries: readonly Delivery[]): [Delivery, TaskMessage][] {
  return deliveries.flatMap((one): [Delivery, TaskMessage][] =>
    one.message.ok ? [[one, one.message.value]] : [],
  );
}

function runningInfo(node: string, job: RunningJob, safe: boolean): Fields {
  return {
    ...info(node, job.delivery, job.message, safe),
    time_start: job.startedMs / 1000,
    acknowledged: !isLate(job),
    worker_pid: process.pid,
  };
}

/** @param safe the arguments as texts for people, cut */
function info(
  node: string,
  delivery: Pick<Delivery, 'queue' | 'redelivered'>,
  message: TaskMessage,
  safe: boolean,
): Fields {
  const { queue, redelivered } = delivery;
  return {
    id: message.id,
    name: message.task,
    args: safe ? reprOfArgs(message.args) : message.args,
    kwargs: safe ? reprOfKwargs(message.kwargs) : message.kwargs,
    type: message.task,
    hostname: node,
    time_start: null,
    acknowledged: false,
    delivery_info: { exchange: '', routing_key: queue, priority: message.priority, redelivered },
    worker_pid: null,
  };
}
