/** Sending calls of tasks: where a call goes, its message, and the handle on its result. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Broker } from './broker.ts';
import { notJson } from './canvas/signatures.ts';
import { newMessage, type TaskMessage } from './message.ts';
import type { Opened } from './opened.ts';
import { createAsyncResult } from './outcome.ts';
import { tellSent } from './remote/events.ts';
import type { Results } from './results.ts';
import type { Router } from './routes.ts';
import { checkSend } from './settings.ts';
import type { AsyncResult, SendOptions, TaskOptions } from './task.ts';

/** What the app lends to its calls. */
export interface Sending {
  readonly options: { readonly ignoreResult?: boolean; readonly sentEvents?: boolean };
  readonly route: Router;
  readonly broker: Opened<Broker>;
  readonly results: Opened<Results> | undefined;
  /** Results come to who sent the call, so each call says where. */
  readonly hearsResults: boolean;
}

/** Who sends, as Celery's clients name themselves. */
export const origin: string = `gen${process.pid}@${hostname()}`;

/** Where a call goes, and what its message says beside the task and the arguments. */
interface Heading {
  readonly queue: string;
  readonly ignored: boolean;
  readonly shared: Partial<TaskMessage>;
}

export async function sendMany<Result>(
  sending: Sending,
  name: string,
  calls: readonly (readonly unknown[])[],
  given: SendOptions,
  task: TaskOptions,
): Promise<AsyncResult<Result>[]> {
  const heading = headingOf(sending, name, given, task);
  const replyTo = sending.hearsResults ? await replyToOf(sending, heading) : undefined;
  const messages = calls.map((args) => messageOf(name, args, given.id, heading, replyTo));
  await publish(sending, name, heading.queue, messages);
  return messages.map(({ id }) => createAsyncResult(id, heading.ignored ? undefined : sending.results?.get));
}

/** The same for one: who awaits each call pays for every detour. */
export async function send<Result>(
  sending: Sending,
  name: string,
  args: readonly unknown[],
  given: SendOptions,
  task: TaskOptions,
): Promise<AsyncResult<Result>> {
  const heading = headingOf(sending, name, given, task);
  const replyTo = sending.hearsResults ? await replyToOf(sending, heading) : undefined;
  const message = messageOf(name, args, given.id, heading, replyTo);
  await publish(sending, name, heading.queue, [message]);
  return createAsyncResult(message.id, heading.ignored ? undefined : sending.results?.get);
}

function headingOf(sending: Sending, name: string, given: SendOptions, task: TaskOptions): Heading {
  const route = sending.route(name);
  return {
    queue: given.queue ?? task.queue ?? route.queue,
    ignored: given.ignoreResult ?? task.ignoreResult ?? sending.options.ignoreResult ?? false,
    shared: checkSend(
      given,
      route.priority === undefined ? task : { priority: route.priority, ...task },
      Date.now(),
    ),
  };
}

async function replyToOf(sending: Sending, { ignored }: Heading): Promise<string | undefined> {
  return ignored ? undefined : (await sending.results?.get())?.replyTo?.();
}

function messageOf(
  name: string,
  args: readonly unknown[],
  id: string = randomUUID(),
  { shared, ignored }: Heading,
  replyTo: string | undefined,
): TaskMessage {
  const fields = { id, task: name, args, origin, ...shared, ignoreResult: ignored };
  return newMessage(replyTo === undefined ? fields : { ...fields, replyTo });
}

async function publish(
  sending: Sending,
  name: string,
  queue: string,
  messages: readonly TaskMessage[],
): Promise<void> {
  const broker = await sending.broker.get();
  try {
    await broker.publish(queue, messages);
  } catch (error) {
    throw error instanceof TypeError ? notJson(name, error) : error;
  }
  if (sending.options.sentEvents && broker.remote) void tellSent(broker.remote, origin, queue, messages);
}
