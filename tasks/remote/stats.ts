/**
 * What `celery inspect stats` and Flower's page of a worker show: the same members as Celery's (celery/worker/worker.py,
 * 5.6.3), so that what reads Python's reads ours. Members about what this worker does not have (the pipes to child
 * processes) are absent, and not zero.
 */
import { forward } from './events.ts';
import { processed, type WorkerNode } from './node.ts';

type Fields = Readonly<Record<string, unknown>>;

const usualPorts: Readonly<Record<string, number>> = {
  'redis:': 6379,
  'rediss:': 6379,
  'amqp:': 5672,
  'amqps:': 5671,
};

export function stats(node: WorkerNode): Fields {
  const { bench, startedMs, broker } = node;
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
    broker: brokerInfo(broker),
    rusage: usage(),
  };
}

/** kombu's `Connection.info()`. */
function brokerInfo(broker: string): Fields {
  const address = URL.canParse(broker) ? new URL(broker) : undefined;
  const protocol = address?.protocol ?? '';
  return {
    hostname: address?.hostname ?? null,
    userid: address?.username ? decoded(address.username) : null,
    virtual_host: decoded(address?.pathname.slice(1) ?? '') || '/',
    port: Number(address?.port) || (usualPorts[protocol] ?? null),
    ssl: protocol === 'rediss:' || protocol === 'amqps:',
    transport: protocol.replace(':', '') || null,
    alternates: [],
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Seconds and kilobytes, as getrusage has them. */
function usage(): Fields {
  const used = process.resourceUsage();
  return {
    utime: used.userCPUTime / 1e6,
    stime: used.systemCPUTime / 1e6,
    maxrss: used.maxRSS,
    ixrss: used.sharedMemorySize,
    idrss: used.unsharedDataSize,
    isrss: used.unsharedStackSize,
    minflt: used.minorPageFault,
    majflt: used.majorPageFault,
    nswap: used.swappedOut,
    inblock: used.fsRead,
    oublock: used.fsWrite,
    msgsnd: used.ipcSent,
    msgrcv: used.ipcReceived,
    nsignals: used.signalsCount,
    nvcsw: used.voluntaryContextSwitches,
    nivcsw: used.involuntaryContextSwitches,
  };
}
