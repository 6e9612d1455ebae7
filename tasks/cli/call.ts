/** `headcount-tasks call`: sends one call, and with --wait prints what became of it. */
import { randomUUID } from 'node:crypto';
import type { TasksError } from '../errors.ts';
import type { SendOptions } from '../task.ts';
import { Ended, exitCodes } from './ended.ts';
import { closeSoon, inTime, openPlace, type PlaceOptions } from './place.ts';
import { say, sayJson } from './print.ts';
import { given } from './worker.ts';

interface CallFlags extends PlaceOptions {
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly countdown?: number;
  readonly expires?: number;
  readonly queue?: string;
  readonly priority?: number;
  readonly id?: string;
  readonly wait?: boolean;
  readonly json?: boolean;
}

export async function call(name: string, flags: CallFlags): Promise<void> {
  const { app } = await openPlace(flags);
  const limitMs = (flags.timeout ?? 10) * 1000;
  const id = flags.id ?? randomUUID();
  const options: SendOptions = {
    ...given('kwargs', flags.kwargs),
    ...given('countdown', flags.countdown),
    ...given('expires', flags.expires),
    ...given('queue', flags.queue),
    ...given('priority', flags.priority),
    id,
    // Who waits wants the result, whatever the app's default is.
    ...given('ignoreResult', flags.wait ? false : undefined),
  };
  let sent = false;
  const interrupted = (): string =>
    `${sent ? 'no longer waiting;' : 'interrupted while sending; if it got through,'} the task goes on: ${id}`;
  const work = async (): Promise<void> => {
    const result = await app.send(name, flags.args ?? [], options);
    sent = true;
    if (!flags.wait) return flags.json ? sayJson({ id }) : say(id);
    const value = await result.get({ timeoutMs: limitMs }).catch(withTraceback);
    if (flags.json) sayJson({ id, result: value });
    else say(JSON.stringify(value ?? null, null, 2));
  };
  try {
    // The wait for the result has its own limit, and says more about it.
    await inTime(work(), limitMs + (flags.wait ? 2_000 : 0), interrupted);
  } finally {
    await closeSoon(app);
  }
}

/** What the worker saw goes first, as a person wants it; the last line says what happened. */
function withTraceback(error: unknown): never {
  if (!(error instanceof Error && (error as Partial<TasksError>).code === 'TASK_FAILED')) throw error;
  if (typeof error.cause === 'string') process.stderr.write(`${error.cause.trimEnd()}\n`);
  throw new Ended(exitCodes.failed, error.message.replace(/ The cause of this error [^.]*$/, ''));
}
