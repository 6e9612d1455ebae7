/** The beat of an app: its broker, its tasks' own options, and its way to write a message. */
import { hostname } from 'node:os';
import type { Broker, Log } from '../broker.ts';
import { newMessage } from '../message.ts';
import type { Router } from '../routes.ts';
import { checkSend } from '../settings.ts';
import type { Definition } from '../task.ts';
import { type Beat, type BeatOptions, createBeat } from './beat.ts';
import type { EntryFields } from './entry.ts';
import { storeBeside, storeIn } from './place.ts';
import type { Outgoing } from './tick.ts';

export interface AppOfBeat {
  readonly broker: () => Promise<Broker>;
  /** Opens what is at another address, once for each. */
  readonly openOther: (address: string) => Promise<Pick<Broker, 'beat'>>;
  readonly address: string;
  readonly tasks: ReadonlyMap<string, Definition>;
  readonly route: Router;
  readonly ignoreResult: boolean;
  readonly log: Log;
}

export function beatOf(app: AppOfBeat, options: BeatOptions): Beat {
  return createBeat({
    options,
    log: app.log,
    store: async (name) => {
      const broker = await app.broker();
      if (options.state === undefined) return storeIn(broker, name, app.address);
      return storeBeside(storeIn(await app.openOther(options.state), name, options.state), broker.publish);
    },
    compose: (name, fields, id) => compose(app, name, fields, id, Date.now()),
  });
}

/** The message of a run, as a call of the task would be sent now. */
function compose(app: AppOfBeat, name: string, fields: EntryFields, id: string, nowMs: number): Outgoing {
  const task = app.tasks.get(fields.task)?.options ?? {};
  const { options } = fields;
  const route = app.route(fields.task);
  const ignoreResult = options.ignoreResult ?? task.ignoreResult ?? app.ignoreResult;
  const message = newMessage({
    id,
    task: fields.task,
    args: fields.args,
    kwargs: fields.kwargs,
    origin: `beat${process.pid}@${hostname()}`,
    ...checkSend(options, route.priority === undefined ? task : { priority: route.priority, ...task }, nowMs),
    ignoreResult,
    // As Celery 5.4 and later name the entry.
    extraHeaders: { periodic_task_name: name },
  });
  return { queue: options.queue ?? task.queue ?? route.queue, message };
}
