/** Sends what a canvas needs to begin: the sizes of its chords first, so that no part can come back before its chord. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Broker } from '../broker.ts';
import type { TaskMessage } from '../message.ts';
import type { Results } from '../results.ts';
import type { Router } from '../routes.ts';
import type { Definition } from '../task.ts';
import type { Frozen } from './freeze.ts';
import { frozenOf, tupleOf } from './frozen.ts';
import type { Plan, Planning } from './plan.ts';
import type { Route } from './send.ts';

/** What a canvas needs of its app, or of the worker in which it goes on. */
export interface Home {
  readonly broker: () => Promise<Broker>;
  readonly results: (() => Promise<Results>) | undefined;
  readonly tasks: ReadonlyMap<string, Definition>;
  readonly route: Router;
  readonly ignoreResult: boolean;
  /** Told of all that is sent. */
  readonly told?: (queue: string, messages: readonly TaskMessage[]) => void;
}

export type Sender = { readonly id: string; readonly rootId: string | null };

/** Celery's `reply_to` of who hears no results: any name will do, but Python wants one. */
const nobody = randomUUID();
const origin = `gen${process.pid}@${hostname()}`;

/** @param sender the job in which it is sent */
export async function planningOf(home: Home, nowMs: number, sender?: Sender): Promise<Planning> {
  const results = await home.results?.();
  return {
    nowMs,
    origin,
    newId: randomUUID,
    replyTo: (await results?.replyTo?.()) ?? nobody,
    routeOf: (task) => routeOf(home, task),
    isDefined: (task) => home.tasks.has(task),
    chords: results === undefined || results.replyTo ? 'none' : results.chords ? 'counted' : 'polled',
    ...(sender ? { parent: sender } : {}),
  };
}

function routeOf({ tasks, route, ignoreResult }: Home, task: string): Route {
  const options = tasks.get(task)?.options;
  const { queue, priority } = route(task);
  return {
    queue: options?.queue ?? queue,
    priority: options?.priority ?? priority ?? 0,
    ignoreResult: options?.ignoreResult,
    ignoreByDefault: ignoreResult,
  };
}

/** Not all or none where there are several queues: who sends again, sends the same ids again. */
export async function carryOut(home: Home, { saved, sizes, sent }: Plan): Promise<void> {
  if (saved.length > 0 || sizes.length > 0) {
    const results = await home.results?.();
    for (const group of saved) if (results) await saveGroup(results, group);
    for (const { groupId, size } of sizes) await results?.chords?.setSize(groupId, size);
  }
  const broker = await home.broker();
  for (const [queue, messages] of byQueue(sent)) {
    await broker.publish(queue, messages);
    home.told?.(queue, messages);
  }
}

function byQueue(sent: Plan['sent']): Map<string, TaskMessage[]> {
  const queues = new Map<string, TaskMessage[]>();
  for (const { queue, message } of sent) {
    const list = queues.get(queue);
    if (list) list.push(message);
    else queues.set(queue, [message]);
  }
  return queues;
}

/** Celery's key on Redis; elsewhere a record of that name, which only we read. */
const groupRecord = (groupId: string): string => `celery-taskset-meta-${groupId}`;

export async function saveGroup(results: Results, group: Frozen): Promise<void> {
  const result = tupleOf(group);
  if (results.chords) {
    await results.chords.saveGroup(group.id, JSON.stringify({ result }));
    return;
  }
  const date_done = new Date().toISOString();
  const rest = { status: 'SUCCESS', traceback: null, children: [], date_done };
  await results.store({ task_id: groupRecord(group.id), result, ...rest });
}

export async function savedGroup(results: Results, groupId: string): Promise<Frozen | undefined> {
  if (!results.chords) return frozenOf((await results.get(groupRecord(groupId)))?.result);
  const text = await results.chords.savedGroup(groupId);
  if (text === undefined) return undefined;
  try {
    return frozenOf((JSON.parse(text) as { result?: unknown } | null)?.result);
  } catch {
    return undefined;
  }
}
