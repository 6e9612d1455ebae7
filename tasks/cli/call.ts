/** `headcount-tasks call`: sends one call, and with --wait prints what became of it. */
import type { SendOptions } from '../task.ts';
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
  const options: SendOptions = {
    ...given('kwargs', flags.kwargs),
    ...given('countdown', flags.countdown),
    ...given('expires', flags.expires),
    ...given('queue', flags.queue),
    ...given('priority', flags.priority),
    ...given('id', flags.id),
    // Who waits wants the result, whatever the app's default is.
    ...given('ignoreResult', flags.wait ? false : undefined),
  };
  try {
    const sent = await inTime(app.send(name, flags.args ?? [], options), limitMs);
    if (!flags.wait) {
      if (flags.json) sayJson({ id: sent.id });
      else say(sent.id);
      return;
    }
    const waiting = sent.get({ timeoutMs: limitMs });
    const left = `no longer waiting; the task goes on: ${sent.id}`;
    const result = await inTime(waiting, limitMs + 2_000, left);
    if (flags.json) sayJson({ id: sent.id, result });
    else say(JSON.stringify(result ?? null, null, 2));
  } finally {
    await closeSoon(app);
  }
}
