/** `headcount-tasks purge`: tells how much is at stake, asks, and only then throws it away. */
import { createInterface } from 'node:readline/promises';
import type { TasksApp } from '../app.ts';
import { Ended, exitCodes } from './ended.ts';
import { closeSoon, inTime, openPlace, type PlaceOptions } from './place.ts';
import { amount, say } from './print.ts';

export async function purge(
  names: readonly string[],
  options: PlaceOptions & { readonly yes?: boolean; readonly force?: boolean },
): Promise<void> {
  const { app } = await openPlace(options);
  const limitMs = (options.timeout ?? 10) * 1000;
  const queues = names.length > 0 ? names : [undefined];
  try {
    if (!options.yes && !options.force) {
      const waiting = await inTime(describe(app, queues), limitMs);
      await confirm(`${waiting}\nThrow all of that away? It cannot be brought back. Type yes: `);
    }
    for (const queue of queues) {
      const count = await inTime(app.purge(queue), limitMs);
      say(`${title(queue)}: ${amount(count, 'message')} thrown away`);
    }
  } finally {
    await closeSoon(app);
  }
}

async function describe(app: TasksApp, queues: readonly (string | undefined)[]): Promise<string> {
  const lines: string[] = [];
  for (const queue of queues) {
    const depth = await app.depth(queue);
    const later = depth.later === undefined ? '' : `, ${depth.later} due later`;
    lines.push(`${title(queue)}: ${amount(depth.waiting, 'message')} waiting${later}`);
  }
  return lines.join('\n');
}

async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY)
    throw new Ended(exitCodes.usage, 'nobody can be asked here, and nothing was thrown away. Give --yes.');
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const closed = new Promise<string>((resolve) => asking.once('close', () => resolve('')));
    const answer = await Promise.race([asking.question(question), closed]);
    if (answer.trim().toLowerCase() !== 'yes') throw new Ended(exitCodes.failed, 'nothing was thrown away.');
  } finally {
    asking.close();
  }
}

function title(queue: string | undefined): string {
  return queue === undefined ? "the app's queue" : `queue ${queue}`;
}
