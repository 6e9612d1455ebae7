/**
 * Events of a worker, as Celery's monitors read them (celery/events/dispatcher.py, 5.6.3): `worker-*` one by one, `task-*`
 * in batches, lists under the key `task.multi`. Nobody waits for an event: it is sent when the moment allows, and lost in
 * an outage.
 *
 * Events of tasks are off until an option or a monitor asks for them; a job then pays for one test of a boolean.
 */
import { loadavg } from 'node:os';
import { receivedFields } from '../conclude.ts';
import type { TaskMessage } from '../message.ts';
import type { Remote } from './remote.ts';

export type TaskEvent =
  | 'task-sent'
  | 'task-received'
  | 'task-started'
  | 'task-succeeded'
  | 'task-failed'
  | 'task-retried'
  | 'task-revoked'
  | 'task-rejected';

export type Fields = Readonly<Record<string, unknown>>;

export interface Events {
  /** Whether events of tasks are wanted; ask before the fields are put together. */
  tasks: boolean;
  task(type: TaskEvent, fields: Fields): void;
  worker(type: 'worker-online' | 'worker-heartbeat' | 'worker-offline', load: WorkerLoad): Promise<void>;
  /** Sends what waits. */
  flush(): Promise<void>;
}

export interface WorkerLoad {
  readonly active: number;
  readonly processed: number;
}

export const heartbeatSeconds = 2;

const batchMs = 100;
/** A batch of about 100 kB. */
const mostInBatch = 500;

/** What Celery's SOFTWARE_INFO says of a Python worker. */
export const software: { readonly sw_ident: string; readonly sw_ver: string; readonly sw_sys: string } = {
  sw_ident: 'headcount-tasks',
  sw_ver: '0.1.0',
  sw_sys: osName(),
};

/** @param remote absent: nothing is sent */
export function eventsOf(remote: Remote | undefined, node: string, tasks: boolean): Events {
  let batch: object[] = [];
  let timer: NodeJS.Timeout | undefined;
  const send = async (key: string, body: unknown): Promise<void> => {
    await remote?.announce(key, { headers: { hostname: node }, body }).catch(() => {});
  };
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const full = batch;
    batch = [];
    if (full.length > 0) await send('task.multi', full);
  };
  return {
    tasks: tasks && remote !== undefined,
    task: (type, fields) => {
      batch.push(event(type, node, fields));
      if (batch.length >= mostInBatch) void flush();
      else timer ??= setTimeout(() => void flush(), batchMs);
    },
    worker: (type, load) => {
      const fields = { freq: heartbeatSeconds, ...load, loadavg: loadavg(), ...software };
      return send(type.replace('-', '.'), event(type, node, fields));
    },
    flush,
  };
}

/** That these were sent, once the broker has them. Never rejects. @param client as in the header `origin` */
export async function tellSent(
  remote: Remote,
  client: string,
  queue: string,
  messages: readonly TaskMessage[],
): Promise<void> {
  for (let from = 0; from < messages.length; from += mostInBatch) {
    const body = messages
      .slice(from, from + mostInBatch)
      .map((message) =>
        event('task-sent', client, { ...receivedFields(message), queue, exchange: '', routing_key: queue }),
      );
    await remote.announce('task.multi', { headers: { hostname: client }, body }).catch(() => {});
  }
}

/** What every event has; `utcoffset` in hours, as Python counts it: west is positive. */
export function event(type: string, node: string, fields: Fields): object {
  return {
    type,
    hostname: node,
    utcoffset: Math.floor(new Date().getTimezoneOffset() / 60),
    pid: process.pid,
    clock: forward(),
    timestamp: Date.now() / 1000,
    ...fields,
  };
}

let clock = 0;

/** The logical clock that Celery's programs keep together. */
export function forward(): number {
  return ++clock;
}

export function adjustClock(seen: unknown): void {
  if (typeof seen === 'number' && Number.isSafeInteger(seen)) clock = Math.max(clock, seen) + 1;
}

function osName(): string {
  const name = process.platform;
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}
