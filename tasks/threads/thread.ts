/**
 * The program of one thread of a pool: loads the module that defines the tasks, then works on one job at a time. What a
 * handler does to the thread (blocks it, ends it, fills its memory) is the pool's to notice; see pool.ts.
 */

import { getHeapStatistics } from 'node:v8';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Definition } from '../task.ts';
import { attempt, type LazyAbort, lazyAbort } from '../work.ts';
import {
  type Abort,
  crossed,
  crossedError,
  errorOf,
  type FromThread,
  messageOf,
  type Order,
  type ToThread,
} from './crossing.ts';
import { collectApps, type ThreadApp } from './registry.ts';

export interface ThreadData {
  /** Address of the module that defines the tasks. */
  readonly module: string;
  readonly aborts: MessagePort;
}

const noLimits = { softSeconds: null, hardSeconds: null };

/** Absent where somebody imports this file outside of a pool. */
if (parentPort) await serve(parentPort, workerData as ThreadData);

async function serve(port: MessagePort, { module, aborts }: ThreadData): Promise<void> {
  const apps = collectApps();
  const say = (what: FromThread): void => port.postMessage(what);
  let running: { readonly id: string; readonly stop: LazyAbort } | undefined;
  const hear = ({ id, reason }: Abort): void => {
    if (running?.id === id) running.stop.abort(errorOf(reason));
  };
  aborts.on('message', hear);
  const look = (): void => {
    for (let sent = receiveMessageOnPort(aborts); sent; sent = receiveMessageOnPort(aborts))
      hear(sent.message as Abort);
  };
  try {
    await import(module);
  } catch (error) {
    say({ kind: 'unready', error: crossedError(error) });
    return;
  }
  port.on('message', (told: ToThread) => {
    if (told.kind === 'end') {
      void end(apps);
      return;
    }
    const stop = lookingAbort(look);
    running = { id: told.order.message.id, stop };
    void work(apps, told.order, stop, say);
  });
  say({ kind: 'ready', tasks: apps.flatMap(({ tasks }) => [...tasks.keys()]) });
}

async function work(
  apps: readonly ThreadApp[],
  order: Order,
  stop: LazyAbort,
  say: (what: FromThread) => void,
): Promise<void> {
  const definition = apps.map(({ tasks }) => tasks.get(order.message.task)).find(Boolean);
  const outcome = definition ? await attemptHere(definition, order, stop) : missing(order.message.task);
  const { used_heap_size, external_memory } = getHeapStatistics();
  say({ kind: 'done', outcome: crossed(outcome), heapBytes: used_heap_size + external_memory });
}

function attemptHere(definition: Definition, order: Order, stop: LazyAbort): ReturnType<typeof attempt> {
  const message = messageOf(order);
  const { queue, redelivered } = order;
  const delivery = { tag: '', queue, redelivered, message: { ok: true, value: message } } as const;
  return attempt({ definition, message, delivery, stop, limits: noLimits, random: Math.random });
}

function missing(task: string): { readonly kind: 'failure'; readonly error: unknown } {
  const error = new RangeError(`no task "${task}" in the module of this thread`);
  return { kind: 'failure', error: Object.assign(error, { name: 'NotRegistered' }) };
}

/** A signal whose `aborted` looks for a word from the worker, so that a handler that never waits hears it too. */
function lookingAbort(look: () => void): LazyAbort {
  const plain = lazyAbort();
  let looking: AbortSignal | undefined;
  return {
    abort: plain.abort,
    signal: () => {
      looking ??= withLook(plain.signal(), look);
      return looking;
    },
  };
}

function withLook(signal: AbortSignal, look: () => void): AbortSignal {
  const read = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')?.get;
  const aborted = (): boolean => {
    look();
    return Boolean(read?.call(signal));
  };
  return Object.defineProperties(signal, {
    aborted: { get: aborted },
    throwIfAborted: {
      value: () => {
        if (aborted()) throw signal.reason;
      },
    },
  });
}

async function end(apps: readonly ThreadApp[]): Promise<void> {
  await Promise.allSettled(apps.map((app) => app.close()));
  process.exit(0);
}
