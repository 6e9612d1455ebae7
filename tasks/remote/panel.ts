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
import { argsShown, kwargsShown, nameShown } from '../shown.ts';
import type { RunningJob } from '../workbench.ts';
import { forward, software } from './events.ts';
import { dumpMemory, sampleMemory } from './memory.ts';
import type { WorkerNode } from './node.ts';
import { registeredLine } from './registered.ts';
import { stats } from './stats.ts';

type Fields = Readonly<Record<string, unknown>>;
export type Method = (node: WorkerNode, args: Fields) => unknown;

export const inspections: Readonly<Record<string, Method>> = {
  ping: () => ({ ok: 'pong' }),
  active: ({ name, bench }, { safe }) =>
    [...bench.running].map((job) => runningInfo(name, job, Boolean(safe))),
  reserved: ({ name, bench }, { safe }) =>
    messagesOf(bench.reserved).map(([delivery, message]) => info(name, delivery, message, Boolean(safe))),
  scheduled: async ({ name, bench }, { safe }) =>
    ((await bench.consumer.scheduled?.()) ?? []).map((held) => ({
      eta: isoTime(held.message.etaMs),
      priority: 6,
      request: info(name, held, held.message, Boolean(safe)),
    })),
  stats,
  active_queues: ({ bench }) => (bench.stopping ? [] : bench.queues.map(queueInfo)),
  registered: ({ bench }, { taskinfoitems, builtins }) =>
    [...bench.tasks.keys()]
      .filter((task) => Boolean(builtins) || isNotBuiltIn(task))
      .sort()
      .map((task) => registeredLine(bench, task, listOf(taskinfoitems).map(String))),
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
    worker_pool: bench.pool ? 'threads' : 'slots',
    worker_prefetch_maximum: prefetch,
    worker_send_task_events: bench.events.tasks,
  }),
  report: ({ name }) => ({
    ok: `software -> ${software.sw_ident}:${software.sw_ver} node:${process.versions.node}\nplatform -> ${process.platform} ${process.arch}\nworker -> ${name}`,
  }),
  clock: () => ({ clock: forward() }),
  memsample: () => sampleMemory(),
  memdump: (_node, { samples }) => dumpMemory(Number(samples ?? 10)),
  objgraph: () => ({
    error:
      'objgraph knows objects of Python only; start the worker with NODE_OPTIONS=--heapsnapshot-signal=SIGUSR2',
  }),
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
    name: nameShown(message),
    args: safe ? argsShown(message) : message.args,
    kwargs: safe ? kwargsShown(message) : message.kwargs,
    type: message.task,
    hostname: node,
    time_start: null,
    acknowledged: false,
    delivery_info: { exchange: '', routing_key: queue, priority: message.priority, redelivered },
    worker_pid: null,
  };
}
